/** Reads a segment's entries, up to the first fault. */
import { withMethods } from '../../base/options.js';
import { Turns } from '../../base/turns.js';
import { type Frame, readFrame } from './frame.js';
import { messageOf } from './io.js';

/** Encodes and decodes the entries of one log. */
export interface LogCodec<T> {
  encode(entry: T): Uint8Array;
  /**
   * The inverse. The result may share memory with `bytes`, which must not be changed.
   * @throws any error, if `bytes` are not exactly one whole entry of this log.
   */
  decode(bytes: Uint8Array): T;
  /**
   * True if `bytes` may be a view of the segment's memory, which is never modified: no copy is made
   * then. Default false.
   */
  readonly views?: boolean;
  /**
   * The number stored in an entry. A log's numbers are contiguous, and a gap is damage. With
   * numbers, the repair of a torn tail can recognise entries after a fault; without, a log is
   * repaired as the original does.
   */
  number?(entry: T): bigint;
  /**
   * False only for bytes that `decode` refuses. Takes constant time, whatever their length. Never
   * throws.
   */
  isShaped?(bytes: Uint8Array): boolean;
}

/** Checks that a codec has the methods that a log calls. It may have more. */
export const checkLogCodec = withMethods<LogCodec<unknown>>('a codec', 'encode', 'decode');
/**
 * Bytes that are read in one turn of the event loop, over all logs of the process. A QC takes 15 ns
 * a byte to decode on a small machine, so this is a third of the 50 ms that a turn may take.
 */
export const TURN_BYTES = 1024 * 1024;

/**
 * Fixed cost of an entry, in bytes: decoding a small block takes as long as this many bytes of a
 * large one.
 */
export const ENTRY_COST_BYTES = 4096;

/**
 * Shared by all readers: eight logs are read at a time, and separate allowances would add up in one
 * turn.
 */
export const readTurns = new Turns(TURN_BYTES);

/** The first place in a segment where no valid entry begins. */
export interface Fault {
  /** Offset of its first byte in the segment. */
  readonly at: number;
  /**
   * `cut`: the file ends within the entry's length or bytes. `wild`: no append writes such a
   * length. `empty`: a length of 0. `undecodable`: an entry of full length whose bytes the codec
   * refuses.
   */
  readonly kind: 'cut' | 'wild' | 'empty' | 'undecodable';
  /** The place of the entry, if its length can be read. */
  readonly frame?: Frame;
  /** The same as a sentence. */
  readonly detail: string;
}

/**
 * Yields the entries of a segment in order, up to its end or its first fault, which is yielded
 * last. `bytes` must not change meanwhile. The caller must charge {@link readCost} of each entry to
 * {@link readTurns}.
 */
export function* readEntries<T>(bytes: Uint8Array, codec: LogCodec<T>): Generator<ReadEntry<T> | Fault, void, void> {
  for (let at = 0; at < bytes.length; ) {
    const read = readEntry(bytes, at, codec);
    yield read;
    if ('kind' in read) return;
    at = read.frame.end;
  }
}

/** The cost of reading an entry, in the unit of {@link readTurns}. */
export function readCost({ at, end }: Frame): number {
  return end - at + ENTRY_COST_BYTES;
}

/** An entry and its place. */
export interface ReadEntry<T> {
  readonly frame: Frame;
  readonly entry: T;
}

/** The entry that begins at `at`, or the fault there. `at` must lie within the bytes. */
export function readEntry<T>(bytes: Uint8Array, at: number, codec: LogCodec<T>): Fault | ReadEntry<T> {
  const frame = readFrame(bytes, at);
  if (frame === 'cut') return { at, kind: 'cut', detail: 'the file ends within the length of an entry' };
  if (frame === 'wild') return { at, kind: 'wild', detail: 'no append writes this length' };
  const { start, end } = frame;
  if (start === end) return { at, kind: 'empty', frame, detail: 'there is an entry without bytes' };
  if (end > bytes.length) {
    const detail = `the file ends ${end - bytes.length} bytes before the end of an entry of ${end - start} bytes`;
    return { at, kind: 'cut', frame, detail };
  }
  try {
    return { frame, entry: codec.decode(codec.views === true ? viewOf(bytes, frame) : copyOf(bytes, frame)) };
  } catch (error) {
    const detail = `an entry of ${end - start} bytes does not belong to this log: ${messageOf(error)}`;
    return { at, kind: 'undecodable', frame, detail };
  }
}

/**
 * A copy of an entry's bytes. Callers may modify the entries that they receive, while a log keeps
 * its segment's bytes and writes them again when it truncates.
 */
export function copyOf(bytes: Uint8Array, { start, end }: Frame): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

/** A view of an entry's bytes in the segment's memory. */
export function viewOf(bytes: Uint8Array, { start, end }: Frame): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}
