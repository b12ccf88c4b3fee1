/** The tables that all versions of the protocol share; see schema.ts of a version. */
import { isObject } from '../../cbor/shape.js';
import * as pb from './common_pb.js';
import { required } from './fields.js';
import { inside, Malformed } from './malformed.js';
import { Message, unwrapped } from './message.js';
import { bytes, i64, nanos } from './scalars.js';
import { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from './sizes.js';
import type { LaneRange, Signature, Timestamp } from './types.js';

/** A hash. */
export const hash = bytes(HASH_BYTES);

/** A key is a separate message on the wire, and 32 bytes everywhere else. */
export const publicKey = unwrapped(pb.PublicKeySchema, 1, 'ed25519', bytes(KEY_BYTES));

/** Any key and any 64 bytes are accepted; verify.ts verifies them. */
export const signature = new Message<Signature>(
  pb.SignatureSchema,
  {
    key: required(1, publicKey),
    sig: required(2, bytes(SIGNATURE_BYTES)),
  },
  {
    write: (fields) => (to, value) =>
      isObject<Signature>(value) && fields.key(to, value.key) && fields.sig(to, value.sig),
    read: (fields) => (from) => ({ key: fields.key(from), sig: fields.sig(from) }),
  },
);

/** Seconds may be negative, nanoseconds may not. */
export const timestamp = new Message<Timestamp>(
  pb.TimestampSchema,
  {
    seconds: required(1, i64),
    nanos: required(2, nanos),
  },
  {
    write: (fields) => (to, value) =>
      isObject<Timestamp>(value) && fields.seconds(to, value.seconds) && fields.nanos(to, value.nanos),
    read: (fields) => (from) => ({ seconds: fields.seconds(from), nanos: fields.nanos(from) }),
  },
);

/** The fault of a list of lane ranges that do not ascend; undefined if they do. */
export function ascending(ranges: readonly LaneRange[]): Malformed | undefined {
  for (let i = 1; i < ranges.length; i++) {
    if (!isBelow(ranges[i - 1]!.lane, ranges[i]!.lane)) {
      const fault = new Malformed('is not above the one before: lane ranges ascend, each lane once');
      return inside(`[${i}].lane`, fault) as Malformed;
    }
  }
  return undefined;
}

/** Compares two lanes, which nearly always differ in their first byte. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number);
  return false;
}
