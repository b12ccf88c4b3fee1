/** Lane ids: lowercase hex of the lane's bytes (32 for Autobahn at 11419398f, 40 later; other models as they please). */
import { LanestoreError } from '../errors.js';

/** Lowercase hex of a lane's bytes, 1 to {@link LANE_ID_BYTES_MAX} of them. */
export type LaneId = string;

/** A lane id longer than this is refused: it stands in every key of the lane. */
export const LANE_ID_BYTES_MAX = 64;

const LANE_HEX = /^(?:[0-9a-f]{2}){1,64}$/;

/** True if `text` is a lane id as {@link laneIdOf} writes them. */
export function isLaneId(text: string): boolean {
  return LANE_HEX.test(text);
}

/** The lane whose bytes `text` gives in hex, in either case; undefined for anything else. */
export function laneOfHex(text: string): LaneId | undefined {
  const lane = text.toLowerCase();
  return isLaneId(lane) ? lane : undefined;
}

/**
 * Checks a lane id and returns it.
 * @throws TypeError if it is no string; LANESTORE_INVALID if it is not lowercase hex of 1 to 64 bytes.
 */
export function laneId(value: unknown, what = 'lane'): LaneId {
  if (typeof value !== 'string') throw new TypeError(`${what} must be a string, got ${typeof value}`);
  if (!isLaneId(value)) {
    throw new LanestoreError(
      'LANESTORE_INVALID',
      `${what} "${value.slice(0, 160)}" is not lowercase hex of 1 to ${LANE_ID_BYTES_MAX} bytes`,
    );
  }
  return value;
}

/** Lanes that are remembered by their bytes: a committee has some hundreds. A power of two. */
const KNOWN_LANES = 4096;

interface KnownLane {
  readonly bytes: Uint8Array;
  readonly id: LaneId;
}

const known: (KnownLane | undefined)[] = new Array(KNOWN_LANES).fill(undefined);

/**
 * The lane id of a lane's bytes. The same lane gives the same string, which is what makes it cheap: every block and every
 * lane range of a QC is looked up by it, and a string is hashed only once.
 */
export function laneIdOf(bytes: Uint8Array): LaneId {
  // Lanes are keys or hashes: their first bytes tell nearly all of them apart. Two that share a place only lose time.
  const place = (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) & (KNOWN_LANES - 1);
  const found = known[place];
  if (found !== undefined && equals(found.bytes, bytes)) return found.id;
  const id = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  if (bytes.length <= LANE_ID_BYTES_MAX) known[place] = { bytes: new Uint8Array(bytes), id };
  return id;
}

/** A loop, because a call costs more than it for 32 bytes. */
function equals(a: Uint8Array, b: Uint8Array): boolean {
  const { length } = a;
  if (length !== b.length) return false;
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The bytes of a lane id, in memory of their own. */
export function laneBytes(lane: LaneId): Uint8Array {
  return new Uint8Array(Buffer.from(lane, 'hex'));
}

/** Makes what belongs to a lane once, and gives the same again; forgets all of it when there are too many lanes to be a committee's. */
export function remembered<T>(make: (lane: LaneId) => T): (lane: LaneId) => T {
  const made = new Map<LaneId, T>();
  return (lane) => {
    let value = made.get(lane);
    if (value === undefined) {
      value = make(lane);
      if (made.size >= KNOWN_LANES) made.clear();
      made.set(lane, value);
    }
    return value;
  };
}
