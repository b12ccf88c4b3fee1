/** The tables that all versions of the protocol share; see schema.ts of a version. */
import { isObject, type Read, type Write } from '../../cbor/shape.js';
import { writeTimestamp } from './code.js';
import * as pb from './common_pb.js';
import { required } from './fields.js';
import { Message, unwrapped } from './message.js';
import { bytes, i64, nanos } from './scalars.js';
import { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from './sizes.js';
import type { BlockHeader, BlockOf, Certificate, PruneAnchorOf, Signature, SignedBlockOf, Timestamp } from './types.js';

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
  writeTimestamp,
);

/*
 * Access to messages that have the same fields, in the same order, in every version. Each message
 * has a literal of its own, like all others (see Access). A process that loads one version has one
 * closure of each.
 */

/** Access to a block. */
export const blockAccess = {
  write:
    (fields: { readonly header: Write; readonly payload: Write }): Write =>
    (to, value) =>
      isObject<BlockOf<unknown>>(value) && fields.header(to, value.header) && fields.payload(to, value.payload),
  read:
    <P>(fields: { readonly header: Read<BlockHeader>; readonly payload: Read<P> }): Read<BlockOf<P>> =>
    (from) => ({ header: fields.header(from), payload: fields.payload(from) }),
};

/** Access to a block with its signature. */
export const signedBlockAccess = {
  write:
    (fields: { readonly block: Write; readonly sig: Write }): Write =>
    (to, value) =>
      isObject<SignedBlockOf<unknown>>(value) && fields.block(to, value.block) && fields.sig(to, value.sig),
  read:
    <B>(fields: { readonly block: Read<B>; readonly sig: Read<Signature> }): Read<SignedBlockOf<B>> =>
    (from) => ({ block: fields.block(from), sig: fields.sig(from) }),
};

/** Access to a CommitQC. */
export const commitQCAccess = {
  write:
    (fields: { readonly vote: Write; readonly sigs: Write }): Write =>
    (to, value) =>
      isObject<Certificate<unknown>>(value) && fields.vote(to, value.vote) && fields.sigs(to, value.sigs),
  read:
    <V>(fields: { readonly vote: Read<V>; readonly sigs: Read<readonly Signature[]> }): Read<Certificate<V>> =>
    (from) => ({ vote: fields.vote(from), sigs: fields.sigs(from) }),
};

/** Access to an AppQC. */
export const appQCAccess = {
  write:
    (fields: { readonly vote: Write; readonly sigs: Write }): Write =>
    (to, value) =>
      isObject<Certificate<unknown>>(value) && fields.vote(to, value.vote) && fields.sigs(to, value.sigs),
  read:
    <V>(fields: { readonly vote: Read<V>; readonly sigs: Read<readonly Signature[]> }): Read<Certificate<V>> =>
    (from) => ({ vote: fields.vote(from), sigs: fields.sigs(from) }),
};

/** Access to a prune anchor. */
export const pruneAnchorAccess = {
  write:
    (fields: { readonly appQC: Write; readonly commitQC: Write }): Write =>
    (to, value) =>
      isObject<PruneAnchorOf<unknown, unknown>>(value) &&
      fields.appQC(to, value.appQC) &&
      fields.commitQC(to, value.commitQC),
  read:
    <A, Q>(fields: { readonly appQC: Read<A>; readonly commitQC: Read<Q> }): Read<PruneAnchorOf<A, Q>> =>
    (from) => ({ appQC: fields.appQC(from), commitQC: fields.commitQC(from) }),
};
