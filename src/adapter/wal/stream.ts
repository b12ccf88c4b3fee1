/**
 * Reads a log entry by entry, without changing it, in the memory of one segment: the same result as
 * `scanLog`, for logs of any size. The first pass finds the segments that count, by their names and
 * the lengths of their entries; the second pass decodes these segments.
 */
import { openToRead } from '../../base/open-file.js';
import { type Finding, LanestoreError } from '../../errors.js';
import { type LogCodec, viewOf } from './entries.js';
import { type LogFiles, type ScanPlace, scanLog, scanSegments } from './scan.js';

/** The structure of a log, derived from file names and entry lengths alone. */
export interface LogOutline extends LogFiles {
  /**
   * The index of the oldest entry, or of the next one in an empty log; undefined if there never was
   * a log.
   */
  readonly firstIndex: bigint | undefined;
  /** Describes an interrupted truncation; empty if there is none. */
  readonly notes: readonly string[];
  readonly strays: readonly string[];
  /** Contradictory names, and segments that are missing or overlap. */
  readonly findings: readonly Finding[];
}

/** An entry and its place. */
export interface StreamedEntry<T> {
  readonly entry: T;
  /**
   * The entry's bytes without its length: a view of the segment, valid until the next entry is
   * requested.
   */
  readonly bytes: Uint8Array;
  /** Relative to the location. */
  readonly file: string;
  readonly offset: number;
}

/** Decodes nothing: entries are delimited by their lengths alone. */
const LENGTHS: LogCodec<undefined> = { encode: () => new Uint8Array(), decode: () => undefined, views: true };

/** Step by which the buffer grows: segments differ in size by up to an entry. */
const BUFFER_STEP_BYTES = 4 * 1024 * 1024;

/**
 * Reads segments into one reused buffer, for all logs of a location. A new buffer of 20 MiB for
 * each segment would create garbage faster than it is collected.
 */
export class SegmentReader {
  #buffer = new Uint8Array();

  /** Releases the buffer. */
  free(): void {
    this.#buffer = new Uint8Array();
  }

  /** The segment's bytes; valid until the next call. */
  async read(path: string): Promise<Uint8Array> {
    const { handle: file, size } = await openToRead(path);
    try {
      if (this.#buffer.length < size) {
        this.#buffer = new Uint8Array(Math.ceil(size / BUFFER_STEP_BYTES) * BUFFER_STEP_BYTES);
      }
      // `free` may be called meanwhile.
      const buffer = this.#buffer;
      let filled = 0;
      while (filled < size) {
        const { bytesRead } = await file.read(buffer, filled, size - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    } finally {
      await file.close();
    }
  }
}

/** The first pass. @throws LANESTORE_IO. */
export async function outlineLog(directory: string, place: ScanPlace, reader: SegmentReader): Promise<LogOutline> {
  const scan = await scanLog(directory, LENGTHS, place, (path) => reader.read(path));
  const fileNamed = (name: string) =>
    scan.cleanup.flatMap((step) => (step.kind === 'rename' && step.to === name ? [step.from] : []))[0] ?? name;
  return {
    directory,
    place,
    segments: scan.segments.map(({ name, index }) => ({ name, index, file: fileNamed(name) })),
    firstIndex: scan.segments[0]?.index,
    notes: scan.cleanup.length === 0 ? [] : [`${place.directory}: an interrupted truncation is taken as finished`],
    strays: scan.strays.map((name) => `${place.directory}/${name}`),
    // Findings about entries are dropped here: only the second pass decodes them.
    findings: scan.findings.filter(({ kind }) => kind.startsWith('segment-')),
  };
}

/**
 * The second pass: yields the entries in order. One reader serves one log at a time. A torn tail
 * ends the iteration, and `torn` is called with a note on it.
 * @throws LANESTORE_CORRUPT with the finding, at an entry that is damaged or does not follow the
 * one before; LANESTORE_IO.
 */
export async function* streamLog<T>(
  outline: LogOutline,
  codec: LogCodec<T>,
  reader: SegmentReader,
  torn: (note: string) => void,
): AsyncGenerator<StreamedEntry<T>, void, void> {
  for await (const step of scanSegments(outline, codec, (path) => reader.read(path))) {
    if (step.kind === 'entry') {
      const { entry, bytes, frame, file } = step;
      yield { entry, bytes: viewOf(bytes, frame), file, offset: frame.at };
    } else if (step.kind === 'finding') {
      const { file, offset, detail } = step.finding;
      const where = offset === undefined ? file : `${file}, byte ${offset}`;
      throw new LanestoreError('LANESTORE_CORRUPT', `${where}: ${detail}`, { findings: [step.finding] });
    } else if (step.kind === 'torn') {
      const { file, bytes, fault } = step;
      const size = bytes.length - fault.at;
      torn(`${file}: a torn tail of ${size} bytes at byte ${fault.at} is left out: ${fault.detail}`);
    }
  }
}
