/**
 * Torn tail or damage? Pure: bytes in, verdict out.
 *
 * Each entry is synced before the next one is written and before anyone is told. So only the very last append can be
 * unacknowledged, and only at the end of the newest segment. What a crash can leave of it: nothing, its first bytes, or a file that grew
 * while some of its sectors hold zeros still. That is an ordinary torn tail, and goes. Anything else may be an entry that was
 * acknowledged, which a node may have voted on: it is damage, and never trimmed. There is no checksum to ask, so the verdict
 * goes by what a crash can do and rot does not:
 *
 *   from the fault on                                                                       verdict
 *   only zeros                                                                              torn
 *   a whole entry of this log, with a number behind the last good one, stands further on    damage: that one came later
 *   all but the length is one whole entry with the next number                              damage: to the length of an acknowledged entry
 *   the file ends within the entry                                                          torn
 *   a length of 0, and zeros up to a sector's border: its first sector was never written    torn
 *   a whole entry by its length, none by its bytes; zeros from a sector's border within
 *   it to the end of the file: its last sectors were never written                          torn
 *   anything else: garbage, a hole with data behind it, a length that is never written      damage
 *
 * Garbage: file systems in use give zeros, not old bytes, for what was not written (ext4 data=writeback is the exception), so it is
 * rather rot. What the layout cannot tell: a crash that cut the last entry from an entry that something cut later; that is torn. And a
 * lane's owner who hides signed blocks inside of his blocks makes a torn tail of his lane look like damage: the node then refuses to
 * start, which is the safe side.
 */
import { ENTRY_COST_BYTES, type Fault, type LogCodec, readTurns, viewOf } from './entries.js';
import { LENGTH_BYTES_MAX, lengthBytes, readFrame } from './frame.js';

/** What disks and file systems write as a whole. Larger sectors and pages have their borders here as well. */
const SECTOR_BYTES = 512;

/**
 * The search goes through content that others chose: it decodes no more than this for each byte of the tail, and no more than that beside
 * it. Where it ends without a verdict, it is damage. Random bytes take 130 for each byte of a tail of 2 MiB, and 640 of one of 16 MiB, most of it
 * refused at its first bytes; with a codec that knows an entry's shape, they take nothing.
 */
const SEARCH_BYTES = {
  shaped: { perByte: 16, beside: 64 * 1024 * 1024 },
  unknown: { perByte: 1024, beside: 256 * 1024 * 1024 },
};

/** What a place that is looked at costs of a turn, and what one costs where an entry may begin; in bytes as {@link ENTRY_COST_BYTES}. */
const PLACE_COST_BYTES = 8;
const CANDIDATE_COST_BYTES = 128;

/** What the entries before the fault tell about those that could follow. */
export interface Before {
  /** The number of the last good entry; absent if there is none. */
  readonly number: bigint | undefined;
  /** The first byte of a good entry; absent if there is none. All entries of a log begin alike. */
  readonly firstByte: number | undefined;
}

/** Why the tail is damaged, or undefined if it is an ordinary torn one. `bytes` is the newest segment. */
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
      return leadingZeros(bytes, fault.at) >= border(fault.at + 1) ? undefined : fault.detail;
    case 'undecodable':
      return border(zerosFrom) < fault.frame!.end ? undefined : fault.detail;
    case 'wild':
      return `${fault.detail}; the original would cut off the ${bytes.length - fault.at} bytes from here on, which may be a damaged entry that it told others of`;
  }
}

/** The first border of a sector at or behind `offset`. */
function border(offset: number): number {
  return Math.ceil(offset / SECTOR_BYTES) * SECTOR_BYTES;
}

/** Where the zeros at the end begin. */
function trailingZeros(bytes: Uint8Array): number {
  let from = bytes.length;
  while (from > 0 && bytes[from - 1] === 0) from--;
  return from;
}

/** Where the zeros that begin at `at` end. */
function leadingZeros(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end] === 0) end++;
  return end;
}

/**
 * The last entry may be whole behind a damaged length. Behind a length of the same size, a torn list of signatures may be whole
 * as well, with fewer of them; so there it takes a length that differs by one bit, which no list of signatures does.
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

/** Any whole entry further on, whatever comes behind it. */
async function laterEntry<T>(
  bytes: Uint8Array,
  fault: Fault,
  codec: LogCodec<T>,
  before: Before,
): Promise<string | undefined> {
  if (codec.number === undefined) return undefined;
  const firstBytes = new Set<number | undefined>([before.firstByte, bytes[fault.frame?.start ?? bytes.length]]);
  firstBytes.delete(undefined);
  const { perByte, beside } = codec.isShaped === undefined ? SEARCH_BYTES.unknown : SEARCH_BYTES.shaped;
  let left = beside + perByte * (bytes.length - fault.at);
  for (let at = fault.at + 1; at < bytes.length; at++) {
    if (readTurns.spend(PLACE_COST_BYTES)) await readTurns.next();
    const frame = readFrame(bytes, at);
    if (frame === 'cut' || frame === 'wild' || frame.start === frame.end || frame.end > bytes.length) continue;
    if (firstBytes.size > 0 && !firstBytes.has(bytes[frame.start])) continue;
    readTurns.spend(CANDIDATE_COST_BYTES);
    if (codec.isShaped?.(viewOf(bytes, frame)) === false) continue;
    const cost = frame.end - frame.start + ENTRY_COST_BYTES;
    left -= cost;
    if (left < 0) return 'there is too much that looks like entries to tell';
    readTurns.spend(cost);
    const number = numberOf(bytes, frame.start, frame.end, codec);
    if (number === undefined) continue;
    if (before.number === undefined || (number > before.number && number - before.number <= bytes.length - fault.at)) {
      return `entry ${number} stands behind it, at byte ${at}`;
    }
  }
  return undefined;
}

/** The number of the entry that [start, end) is, or undefined if it is none. */
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
