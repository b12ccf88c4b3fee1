/**
 * Lane ids: lowercase hex of the lane's bytes (32 bytes in Autobahn at 11419398f, 40 in later
 * versions; other models choose).
 */
import { hex } from '../base/bytes.js';
import { LanestoreError } from '../errors.js';

/** Lowercase hex of a lane's bytes, 1 to {@link LANE_ID_BYTES_MAX} of them. */
export type LaneId = string;

/** The longest lane, in bytes: its id is part of every key of the lane. */
export const LANE_ID_BYTES_MAX = 64;

const LANE_HEX = /^(?:[0-9a-f]{2}){1,64}$/;

/** True if `text` is a lane id as {@link laneIdOf} writes them. */
export function isLaneId(text: string): boolean {
  return LANE_HEX.test(text);
}

/** The lane id for hex digits in either case; undefined for any other text. */
export function laneOfHex(text: string): LaneId | undefined {
  const lane = text.toLowerCase();
  return isLaneId(lane) ? lane : undefined;
}

/**
 * Checks a lane id and returns it.
 * @throws TypeError if it is not a string; LANESTORE_INVALID if it is not lowercase hex of 1 to 64
 * bytes.
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

/** Size of the cache of lanes: a committee has some hundreds. A power of two. */
const KNOWN_LANES = 4096;

interface KnownLane {
  readonly bytes: Uint8Array;
  readonly id: LaneId;
}

const known: (KnownLane | undefined)[] = new Array(KNOWN_LANES).fill(undefined);

/**
 * The lane id of a lane's bytes. Cached, so that the same lane gives the same string: every block
 * and every lane range of a QC is looked up by it, and V8 hashes a string object only once.
 */
export function laneIdOf(bytes: Uint8Array): LaneId {
  // Lanes are keys or hashes, so their first bytes nearly always differ. Two lanes in the same slot
  // only lose time.
  const place = (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) & (KNOWN_LANES - 1);
  const found = known[place];
  if (found !== undefined && equals(found.bytes, bytes)) return found.id;
  const id = hex(bytes);
  if (bytes.length <= LANE_ID_BYTES_MAX) known[place] = { bytes: new Uint8Array(bytes), id };
  return id;
}

/** A loop, because for 32 bytes a native call costs more. */
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

/**
 * Caches the result of `make` for each lane. Clears the cache when it has more lanes than a
 * committee could have.
 */
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
