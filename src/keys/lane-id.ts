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

/** The lane id of a lane's bytes. */
export function laneIdOf(bytes: Uint8Array): LaneId {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** The bytes of a lane id, in memory of their own. */
export function laneBytes(lane: LaneId): Uint8Array {
  return new Uint8Array(Buffer.from(lane, 'hex'));
}
