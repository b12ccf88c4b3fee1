/**
 * The verdict on a tail in its simplest form: every offset is decoded, without bounds, in one turn.
 * For small inputs it must equal the verdict of `torn.ts`, word for word.
 */
import type { Fault, LogCodec } from '../../../src/adapter/wal/entries.js';
import { LENGTH_BYTES_MAX, lengthBytes, readFrame } from '../../../src/adapter/wal/frame.js';
import type { Before } from '../../../src/adapter/wal/torn.js';

/** Why the tail is damaged, or undefined if it is torn. */
export function plainVerdict<T>(bytes: Uint8Array, fault: Fault, codec: LogCodec<T>, before: Before) {
  const zerosFrom = bytes.findLastIndex((byte) => byte !== 0) + 1;
  if (zerosFrom <= fault.at) return undefined;
  const evidence = underDamagedLength(bytes, fault, codec, before) ?? laterEntry(bytes, fault, codec, before);
  if (evidence !== undefined) return evidence;
  const border = (offset: number) => Math.ceil(offset / 512) * 512;
  if (fault.kind === 'cut') return undefined;
  if (fault.kind === 'empty') {
    const zerosTo = bytes.findIndex((byte, at) => at >= fault.at && byte !== 0);
    return (zerosTo === -1 ? bytes.length : zerosTo) >= border(fault.at + 1) ? undefined : fault.detail;
  }
  if (fault.kind === 'undecodable') return border(zerosFrom) < fault.frame!.end ? undefined : fault.detail;
  const left = bytes.length - fault.at;
  return `${fault.detail}; the original would cut off the ${left} bytes from here on, which may be a damaged entry that was acknowledged`;
}

function underDamagedLength<T>(bytes: Uint8Array, { at, frame }: Fault, codec: LogCodec<T>, before: Before) {
  for (let size = 1; size <= LENGTH_BYTES_MAX; size++) {
    const start = at + size;
    const length = bytes.length - start;
    if (length <= 0 || lengthBytes(length) !== size) continue;
    const bits = ((frame === undefined ? 0 : frame.end - frame.start) ^ length).toString(2).replaceAll('0', '').length;
    if (frame?.start === start && bits !== 1) continue;
    const number = numberOf(bytes, start, bytes.length, codec);
    if (number === undefined || (before.number !== undefined && number !== before.number + 1n)) continue;
    return `the length of entry ${number} is damaged; its bytes are whole`;
  }
  return undefined;
}

function laterEntry<T>(bytes: Uint8Array, fault: Fault, codec: LogCodec<T>, before: Before) {
  if (codec.number === undefined) return undefined;
  const first = [before.firstByte, bytes[fault.frame?.start ?? bytes.length]].filter((byte) => byte !== undefined);
  for (let at = fault.at + 1; at < bytes.length; at++) {
    const frame = readFrame(bytes, at);
    if (typeof frame === 'string' || frame.start === frame.end || frame.end > bytes.length) continue;
    if (first.length > 0 && !first.includes(bytes[frame.start]!)) continue;
    const number = numberOf(bytes, frame.start, frame.end, codec);
    if (number === undefined) continue;
    const tail = BigInt(bytes.length - fault.at);
    if (before.number === undefined || (number > before.number && number - before.number <= tail)) {
      return `entry ${number} follows it, at byte ${at}`;
    }
  }
  return undefined;
}

function numberOf<T>(bytes: Uint8Array, start: number, end: number, codec: LogCodec<T>) {
  try {
    return codec.number?.(codec.decode(bytes.slice(start, end)));
  } catch {
    return undefined;
  }
}
