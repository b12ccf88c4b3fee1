/** Reading a segment's entries, up to the first thing that is none. */
import { withMethods } from '../../base/options.js';
import { Turns } from '../../base/turns.js';
import { type Frame, readFrame } from './frame.js';
import { messageOf } from './io.js';

/** How the entries of one log become bytes and come back. */
export interface LogCodec<T> {
  encode(entry: T): Uint8Array;
  /**
   * The inverse. What it returns may share memory with `bytes`, which it leaves as they are.
   * @throws anything, for bytes that are not exactly one whole entry of this log.
   */
  decode(bytes: Uint8Array): T;
  /** `bytes` may be a view of the segment, which nobody changes: no copy is made for it. Default false. */
  readonly views?: boolean;
  /**
   * The number that an entry carries: a log's numbers are contiguous, and a gap is damage. It also lets the repair of a torn
   * tail recognise entries behind damage. A log without it is repaired as the original does.
   */
  number?(entry: T): bigint;
  /** False only for bytes that `decode` refuses, found out in a time that does not grow with them. Never throws. */
  isShaped?(bytes: Uint8Array): boolean;
}

/** A codec: what a log calls is there. It may have more. */
export const checkLogCodec = withMethods<LogCodec<unknown>>('a codec', 'encode', 'decode');
/**
 * What one turn of the event loop reads, of all logs of this process together. In bytes: those of a QC take 15 ns each to decode on a small
 * machine, so that this is a third of the 50 ms that a turn may take.
 */
export const TURN_BYTES = 1024 * 1024;

/** What an entry costs apart from its bytes, expressed in bytes: a small block takes as long as this many bytes of a large one. */
export const ENTRY_COST_BYTES = 4096;

/** Shared by all readers: eight logs are read at a time, and each of them would have a turn's work done in the same turn. */
export const readTurns = new Turns(TURN_BYTES);

/** The first thing in a segment that is no entry. */
export interface Fault {
  /** The offset of its first byte. */
  readonly at: number;
  /**
   * `cut`: the file ends within its length or its bytes. `wild`: a length that is never written. `empty`: a length of 0.
   * `undecodable`: a whole entry whose bytes are none of this log's.
   */
  readonly kind: 'cut' | 'wild' | 'empty' | 'undecodable';
  /** Where it would lie, if it has a length. */
  readonly frame?: Frame;
  /** The same for people. */
  readonly detail: string;
}

/**
 * The entries of a segment in order, up to its end or its first fault, which comes last. `bytes` must stay as they are meanwhile. Whoever
 * iterates counts {@link readCost} of each entry for {@link readTurns}.
 */
export function* readEntries<T>(bytes: Uint8Array, codec: LogCodec<T>): Generator<ReadEntry<T> | Fault, void, void> {
  for (let at = 0; at < bytes.length; ) {
    const read = readEntry(bytes, at, codec);
    yield read;
    if ('kind' in read) return;
    at = read.frame.end;
  }
}

/** What an entry takes to read, of {@link readTurns}. */
export function readCost({ at, end }: Frame): number {
  return end - at + ENTRY_COST_BYTES;
}

/** An entry, and where it lies. */
export interface ReadEntry<T> {
  readonly frame: Frame;
  readonly entry: T;
}

/** The entry that begins at `at`, which lies within the bytes, or why there is none. */
export function readEntry<T>(bytes: Uint8Array, at: number, codec: LogCodec<T>): Fault | ReadEntry<T> {
  const frame = readFrame(bytes, at);
  if (frame === 'cut') return { at, kind: 'cut', detail: 'the file ends within the length of an entry' };
  if (frame === 'wild') return { at, kind: 'wild', detail: 'there is no length that was ever written' };
  const { start, end } = frame;
  if (start === end) return { at, kind: 'empty', frame, detail: 'there is an entry without bytes' };
  if (end > bytes.length) {
    const detail = `the file ends ${end - bytes.length} bytes before the end of an entry of ${end - start} bytes`;
    return { at, kind: 'cut', frame, detail };
  }
  try {
    return { frame, entry: codec.decode(codec.views === true ? viewOf(bytes, frame) : copyOf(bytes, frame)) };
  } catch (error) {
    const detail = `an entry of ${end - start} bytes is none of this log: ${messageOf(error)}`;
    return { at, kind: 'undecodable', frame, detail };
  }
}

/**
 * An entry's bytes in memory of their own: entries are handed to callers, who may change them, while a log keeps its segment's
 * bytes in memory and writes them again when it truncates.
 */
export function copyOf(bytes: Uint8Array, { start, end }: Frame): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

/** An entry's bytes as a plain view of the segment's. */
export function viewOf(bytes: Uint8Array, { start, end }: Frame): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}
