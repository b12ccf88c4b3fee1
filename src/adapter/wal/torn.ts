/**
 * Decides whether the end of a log is a torn tail or damage. Pure: takes bytes, returns a verdict.
 *
 * Each entry is synced before the next one is written and before it is acknowledged. So only the
 * very last append can be unacknowledged, and only at the end of the newest segment. After a crash,
 * that append may be absent, cut short, or a file of full length in which some sectors still hold
 * zeros. Each of these is an ordinary torn tail, and is cut off. Anything else may be an
 * acknowledged entry, on which a node may have voted: it is damage, and is never cut off. The
 * layout has no checksums, so the verdict rests on what a crash can leave and bit rot cannot:
 *
 *   from the fault on                                             verdict
 *   only zeros                                                    torn
 *   further on, a whole entry of this log with a higher number
 *   than the last good one                                        damage: it was written later
 *   all bytes after the length are one whole entry with the
 *   next number                                                   damage in an acknowledged length
 *   the file ends within the entry                                torn
 *   length 0, then zeros up to a sector boundary: its first
 *   sector was never written                                      torn
 *   an entry that is whole by its length but not by its content;
 *   zeros from a sector boundary within it to the end of the
 *   file: its last sectors were never written                     torn
 *   anything else: garbage, a hole followed by data, a length
 *   that no append writes                                         damage
 *
 * Garbage is damage because common file systems return zeros, not old bytes, for data that was not
 * written. (The exception is ext4 with data=writeback.) Limits of the layout: an entry cut by a
 * crash looks like an entry cut later by something else; both count as torn. And if the owner of a
 * lane embeds signed blocks in the blocks of this lane, a torn tail of the lane can look like
 * damage. The node then refuses to start, which is the safe choice.
 */
import { ENTRY_COST_BYTES, type Fault, type LogCodec, readTurns, viewOf } from './entries.js';
import { LENGTH_BYTES_MAX, lengthBytes, readFrame } from './frame.js';

/**
 * Unit that disks and file systems write as a whole. Boundaries of larger sectors and pages are
 * boundaries of this unit, too.
 */
const SECTOR_BYTES = 512;

/**
 * Bounds of the search for a later entry. An attacker may have chosen its input. The search decodes
 * at most `fixed` bytes, plus `perByte` for each byte of the tail. If it ends without a verdict,
 * the tail is damage. Measured on random bytes: the search decodes 130 bytes for each byte of a
 * tail of 2 MiB, and 640 for 16 MiB, most of them refused at their first bytes. It decodes 0 with a
 * codec that knows the shape of an entry.
 */
const SEARCH_BYTES = {
  shaped: { perByte: 16, fixed: 64 * 1024 * 1024 },
  unknown: { perByte: 1024, fixed: 256 * 1024 * 1024 },
};

/**
 * Cost of one offset that is checked, and of one where an entry may begin; in bytes, as
 * {@link ENTRY_COST_BYTES}. Charged to the turn of the event loop.
 */
const PLACE_COST_BYTES = 8;
const CANDIDATE_COST_BYTES = 128;

/** What the entries before the fault imply for later ones. */
export interface Before {
  /** The number of the last good entry; undefined if there is none. */
  readonly number: bigint | undefined;
  /**
   * The first byte of a good entry; undefined if there is none. All entries of a log begin with the
   * same byte.
   */
  readonly firstByte: number | undefined;
}

/**
 * Why the tail is damaged; undefined if it is an ordinary torn tail. `bytes` is the whole newest
 * segment.
 */
export async function damageInTail<T>(
  bytes: Uint8Array,
  fault: Fault,
  codec: LogCodec<T>,
  before: Before,
): Promise<string | undefined> {
  const zerosFrom = trailingZeros(bytes);
  if (zerosFrom <= fault.at) return undefined;
  const evidence =
    entryUnderDamagedLength(bytes, fault, codec, before) ?? (await laterEntry(bytes, fault, codec, before));
  if (evidence !== undefined) return evidence;
  switch (fault.kind) {
    case 'cut':
      return undefined;
    case 'empty':
      return leadingZeros(bytes, fault.at) >= boundary(fault.at + 1) ? undefined : fault.detail;
    case 'undecodable':
      return boundary(zerosFrom) < fault.frame!.end ? undefined : fault.detail;
    case 'wild':
      return `${fault.detail}; the original would cut off the ${bytes.length - fault.at} bytes from here on, which may be a damaged entry that was acknowledged`;
  }
}

/** The first sector boundary at or after `offset`. */
function boundary(offset: number): number {
  return Math.ceil(offset / SECTOR_BYTES) * SECTOR_BYTES;
}

/** Offset of the first of the zeros at the end. */
function trailingZeros(bytes: Uint8Array): number {
  let from = bytes.length;
  while (from > 0 && bytes[from - 1] === 0) from--;
  return from;
}

/** Offset after the run of zeros that begins at `at`. */
function leadingZeros(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end] === 0) end++;
  return end;
}

/**
 * Finds a whole last entry after a damaged length. Caution: a torn CommitQC that ends after a whole
 * signature also decodes, as a CommitQC with fewer signatures. So if the stored length has as many
 * bytes as the true one, the two must differ in exactly one bit. Lengths that differ by whole
 * signatures never do.
 */
function entryUnderDamagedLength<T>(
  bytes: Uint8Array,
  fault: Fault,
  codec: LogCodec<T>,
  before: Before,
): string | undefined {
  for (let size = 1; size <= LENGTH_BYTES_MAX; size++) {
    const start = fault.at + size;
    const length = bytes.length - start;
    if (length <= 0 || lengthBytes(length) !== size) continue;
    const { frame } = fault;
    if (frame?.start === start && !differByOneBit(frame.end - frame.start, length)) continue;
    const number = numberOf(bytes, start, bytes.length, codec);
    if (number === undefined || (before.number !== undefined && number !== before.number + 1n)) continue;
    return `the length of entry ${number} is damaged; its bytes are whole`;
  }
  return undefined;
}

function differByOneBit(a: number, b: number): boolean {
  const difference = a ^ b;
  return difference !== 0 && (difference & (difference - 1)) === 0;
}

/** Finds a whole entry after the fault. The bytes after that entry are ignored. */
async function laterEntry<T>(
  bytes: Uint8Array,
  fault: Fault,
  codec: LogCodec<T>,
  before: Before,
): Promise<string | undefined> {
  if (codec.number === undefined) return undefined;
  const firstBytes = new Set<number | undefined>([before.firstByte, bytes[fault.frame?.start ?? bytes.length]]);
  firstBytes.delete(undefined);
  const { perByte, fixed } = codec.isShaped === undefined ? SEARCH_BYTES.unknown : SEARCH_BYTES.shaped;
  let left = fixed + perByte * (bytes.length - fault.at);
  for (let at = fault.at + 1; at < bytes.length; at++) {
    if (readTurns.spend(PLACE_COST_BYTES)) await readTurns.next();
    const frame = readFrame(bytes, at);
    if (frame === 'cut' || frame === 'wild' || frame.start === frame.end || frame.end > bytes.length) continue;
    if (firstBytes.size > 0 && !firstBytes.has(bytes[frame.start])) continue;
    readTurns.spend(CANDIDATE_COST_BYTES);
    if (codec.isShaped?.(viewOf(bytes, frame)) === false) continue;
    const cost = frame.end - frame.start + ENTRY_COST_BYTES;
    left -= cost;
    if (left < 0) return 'too many bytes look like entries to find out whether an entry follows';
    readTurns.spend(cost);
    const number = numberOf(bytes, frame.start, frame.end, codec);
    if (number === undefined) continue;
    if (before.number === undefined || (number > before.number && number - before.number <= bytes.length - fault.at)) {
      return `entry ${number} follows it, at byte ${at}`;
    }
  }
  return undefined;
}

/** The number of the entry in [start, end); undefined if these bytes are not one. */
function numberOf<T>(bytes: Uint8Array, start: number, end: number, codec: LogCodec<T>): bigint | undefined {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return codec.number?.(codec.decode(viewOf(bytes, { at: start, start, end })));
  } catch {
    return undefined;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
