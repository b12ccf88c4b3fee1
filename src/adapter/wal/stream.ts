/**
 * Reading a log entry by entry, in the memory of one segment, without touching it: what `scanLog` finds, for logs of any size. Two passes:
 * the names and the lengths of the entries tell which segments count, then the segments that count are decoded.
 */
import { openToRead } from '../../base/open-file.js';
import { type Finding, LanestoreError } from '../../errors.js';
import { type LogCodec, viewOf } from './entries.js';
import { type LogFiles, type ScanPlace, scanLog, scanSegments } from './scan.js';

/** What a log consists of, as its names and lengths alone tell it. */
export interface LogOutline extends LogFiles {
  /** The index of the oldest entry, or of the next one in a log that holds none; undefined if there never was a log. */
  readonly firstIndex: bigint | undefined;
  /** What an interrupted truncation left to do, in words; empty if nothing. */
  readonly notes: readonly string[];
  readonly strays: readonly string[];
  /** Names that make no sense, segments that are missing or disagree. */
  readonly findings: readonly Finding[];
}

/** An entry, and where it stands. */
export interface StreamedEntry<T> {
  readonly entry: T;
  /** As it stands in the segment, its length not included: a view of the segment, good until the next entry is asked for. */
  readonly bytes: Uint8Array;
  /** Relative to the location. */
  readonly file: string;
  readonly offset: number;
}

/** Takes entries for what their lengths say. */
const LENGTHS: LogCodec<undefined> = { encode: () => new Uint8Array(), decode: () => undefined, views: true };

/** The buffer grows by steps of this: segments differ by an entry. */
const BUFFER_STEP_BYTES = 4 * 1024 * 1024;

/**
 * Reads segments into one buffer, for all logs of a location: of some gigabytes in segments of 20 MiB each, the garbage collector
 * would let many pile up.
 */
export class SegmentReader {
  #buffer = new Uint8Array();

  /** Gives the memory back. */
  free(): void {
    this.#buffer = new Uint8Array();
  }

  /** The segment's bytes; they stay as they are until the next one is read. */
  async read(path: string): Promise<Uint8Array> {
    const { handle: file, size } = await openToRead(path);
    try {
      if (this.#buffer.length < size) {
        this.#buffer = new Uint8Array(Math.ceil(size / BUFFER_STEP_BYTES) * BUFFER_STEP_BYTES);
      }
      let filled = 0;
      while (filled < size) {
        const { bytesRead } = await file.read(this.#buffer, filled, size - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return this.#buffer.subarray(0, filled);
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
    // What the lengths alone say of an entry is not final: the second pass decodes it.
    findings: scan.findings.filter(({ kind }) => kind.startsWith('segment-')),
  };
}

/**
 * The second pass: the entries in order, of one log at a time for a reader. A torn tail ends it; `torn` is given a note of it.
 * @throws LANESTORE_CORRUPT with the finding, at the entry that is damaged or does not follow the one before; LANESTORE_IO.
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
