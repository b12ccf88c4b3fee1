/**
 * Reading a log entry by entry, in the memory of one segment, without touching it: what `scanLog` finds, for logs of any size. Two passes:
 * the names and the lengths of the entries tell which segments count, then the segments that count are decoded.
 */
import { join } from 'node:path';
import { openToRead } from '../../base/open-file.js';
import { type Finding, LanestoreError } from '../../errors.js';
import { type Fault, type LogCodec, readCost, readEntry, readTurns, viewOf } from './entries.js';
import { reading } from './io.js';
import { type ScanPlace, type Segment, scanLog } from './scan.js';
import { damageInTail } from './torn.js';

/** What a log consists of, told by names and lengths alone. */
export interface LogOutline {
  readonly directory: string;
  readonly place: ScanPlace;
  /** Ascending; `file` is the name to read it under now. */
  readonly segments: readonly (Segment & { readonly file: string })[];
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

/** Buffers grow by steps of this: segments differ by an entry. */
const BUFFER_STEP_BYTES = 4 * 1024 * 1024;

/**
 * Reads segments into two buffers by turns, for all logs of a location: of some gigabytes in segments of 20 MiB each, the garbage collector
 * would let many pile up.
 */
export class SegmentReader {
  readonly #buffers = [new Uint8Array(), new Uint8Array()];
  #turn = 0;

  /** Gives the memory back. */
  free(): void {
    this.#buffers.fill(new Uint8Array());
  }

  /** The segment's bytes; they stay as they are until one more was read, or two with `keepLast`. */
  async read(path: string, { keepLast }: { readonly keepLast: boolean }): Promise<Uint8Array> {
    const { handle: file, size } = await openToRead(path);
    try {
      if (keepLast) this.#turn = 1 - this.#turn;
      else this.#buffers[1 - this.#turn] = new Uint8Array();
      if (this.#buffers[this.#turn]!.length < size) {
        this.#buffers[this.#turn] = new Uint8Array(Math.ceil(size / BUFFER_STEP_BYTES) * BUFFER_STEP_BYTES);
      }
      const buffer = this.#buffers[this.#turn]!;
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
export async function outlineLog(directory: string, place: ScanPlace, segments: SegmentReader): Promise<LogOutline> {
  const scan = await scanLog(directory, LENGTHS, place, (path) => segments.read(path, { keepLast: true }));
  const fileOf = (name: string) =>
    scan.cleanup.flatMap((step) => (step.kind === 'rename' && step.to === name ? [step.from] : []))[0] ?? name;
  return {
    directory,
    place,
    segments: scan.segments.map((segment) => ({ ...segment, file: fileOf(segment.name) })),
    firstIndex: scan.segments[0]?.index,
    notes: scan.cleanup.length === 0 ? [] : [`${place.directory}: an interrupted truncation is taken as finished`],
    strays: scan.strays.map((name) => `${place.directory}/${name}`),
    // What the lengths alone say of an entry is not final: the second pass decodes it.
    findings: scan.findings.filter(({ kind }) => kind.startsWith('segment-')),
  };
}

/**
 * The second pass: the entries in order, of one log at a time for a reader. A torn tail ends it; `torn` is told of it in words.
 * @throws LANESTORE_CORRUPT with the finding, at the entry that is damaged or does not follow the one before; LANESTORE_IO.
 */
export async function* streamLog<T>(
  outline: LogOutline,
  codec: LogCodec<T>,
  reader: SegmentReader,
  torn: (note: string) => void,
): AsyncGenerator<StreamedEntry<T>, void, void> {
  const { directory, place, segments } = outline;
  let last: bigint | undefined;
  let firstByte: number | undefined;
  for (const [i, segment] of segments.entries()) {
    const path = join(directory, segment.file);
    const file = `${place.directory}/${segment.file}`;
    const bytes = await reading(`read ${path}`, () => reader.read(path, { keepLast: false }));
    for (let at = 0; at < bytes.length; ) {
      const one = readEntry(bytes, at, codec);
      if ('kind' in one) {
        const isTail = i === segments.length - 1;
        const damage = isTail ? await damageInTail(bytes, one, codec, { number: last, firstByte }) : one.detail;
        if (damage !== undefined) throw damaged(place, file, one, damage);
        torn(`${file}: a torn tail of ${bytes.length - at} bytes at byte ${at} is left out: ${one.detail}`);
        return;
      }
      const number = codec.number?.(one.entry);
      if (last !== undefined && number !== undefined && number !== last + 1n) {
        throw damaged(place, file, { at, kind: 'gap' }, `${number} follows ${last}`);
      }
      last = number;
      firstByte ??= bytes[one.frame.start];
      yield { entry: one.entry, bytes: viewOf(bytes, one.frame), file, offset: at };
      if (readTurns.spend(readCost(one.frame))) await readTurns.next();
      at = one.frame.end;
    }
  }
}

function damaged(
  { lane }: ScanPlace,
  file: string,
  { at, kind }: { readonly at: number; readonly kind: Fault['kind'] | 'gap' },
  detail: string,
): LanestoreError {
  const finding: Finding = {
    kind: kind === 'gap' ? 'number-gap' : `entry-${kind}`,
    ...(lane === undefined ? {} : { lane }),
    file,
    offset: at,
    detail,
  };
  return new LanestoreError('LANESTORE_CORRUPT', `${file}, byte ${at}: ${detail}`, { findings: [finding] });
}
