/**
 * Lanes of the protocol at 73f917bbd: 40 bytes.
 *
 *      offset  0                        32
 *              key of the validator     epoch in which it joined, big-endian u64
 *
 * The hex digits of these bytes are the lane's id, and the name of its directory. On the wire a
 * lane is a message.
 */
import { LanestoreError } from '../../../errors.js';
import { keyField, u64Field } from '../code.js';
import { publicKey } from '../common.js';
import { codeEncoding, isBytes } from '../encoding.js';
import { required } from '../fields.js';
import { Message } from '../message.js';
import { bytes, type Kind, u64 } from '../scalars.js';
import { KEY_BYTES } from '../sizes.js';
import type { Lane, PublicKey } from '../types.js';
import type { Writer } from '../wire.js';
import * as pb from './autobahn_pb.js';

/** Bytes of a lane. */
export const LANE_BYTES = KEY_BYTES + 8;

/** The parts of a lane. */
export interface LaneParts {
  readonly key: PublicKey;
  /** The epoch in which the validator joined; u64. */
  readonly joined: bigint;
}

/** The message that a lane is on the wire. */
export const laneMessage = new Message<LaneParts>(pb.LaneIDSchema, {
  key: required(1, publicKey),
  joined: required(2, u64),
});

/** The bytes of a lane. @throws LANESTORE_INVALID for a key of a wrong length, or no u64. */
export function laneOf({ key, joined }: LaneParts): Lane {
  if (key.length !== KEY_BYTES || joined < 0n || joined >= 1n << 64n) {
    throw new LanestoreError('LANESTORE_INVALID', `a lane is a key of ${KEY_BYTES} bytes and an epoch`);
  }
  const lane = new Uint8Array(LANE_BYTES);
  lane.set(key);
  new DataView(lane.buffer).setBigUint64(KEY_BYTES, joined);
  return lane;
}

/** The parts of a lane; the key shares its memory. */
export function laneParts(lane: Lane): LaneParts {
  const joined = new DataView(lane.buffer, lane.byteOffset, lane.length).getBigUint64(KEY_BYTES);
  // A plain view, whatever class the lane is of.
  return { key: new Uint8Array(lane.buffer, lane.byteOffset, KEY_BYTES), joined };
}

const whole = bytes(LANE_BYTES);

/** Checks a lane and writes the content of its message. */
export function writeLane(to: Writer, value: unknown): boolean {
  if (!isBytes(value, LANE_BYTES)) return false;
  const { key, joined } = laneParts(value);
  return u64Field(to, 2, joined) && keyField(to, 1, key);
}

/** A lane: a message on the wire, and 40 bytes everywhere else. */
export const lane: Kind<Lane> = {
  ...whole,
  encoding: codeEncoding(LANE_BYTES, writeLane),
  size: (value) => laneMessage.size(laneParts(value)),
  pathAt: (value, offset) => laneMessage.pathAt(laneParts(value), offset),
  reader(source) {
    if (source !== 'message') return whole.reader(source);
    const read = laneMessage.reader(source);
    return (held) => laneOf(read(held));
  },
};
