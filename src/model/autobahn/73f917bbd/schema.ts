/**
 * The messages of autobahn.proto as tables: field numbers and types (a test compares them with the
 * descriptors that buf generates), and what proto3 cannot express: which fields are required, the
 * length of keys, hashes and signatures, the limits of a payload, and the ascending order of lane
 * ranges.
 */

import { isObject } from '../../../cbor/shape.js';
import {
  appQCAccess,
  blockAccess,
  commitQCAccess,
  hash,
  pruneAnchorAccess,
  publicKey,
  signature,
  signedBlockAccess,
  timestamp,
} from '../common.js';
import { optional, repeated, required } from '../fields.js';
import { ascending } from '../lane-ranges.js';
import { inside, Malformed } from '../malformed.js';
import { Message } from '../message.js';
import { OneOf } from '../one-of.js';
import { bytes, u64 } from '../scalars.js';
import * as pb from './autobahn_pb.js';
import { lane } from './lane.js';
import type * as types from './types.js';
import { writeAppProposal, writeLaneRange, writeProposal, writeTimeoutVote, writeView } from './vote-code.js';

export { lane, publicKey, signature, timestamp };

/** Its canonical encoding is hashed for parent hashes. */
export const blockHeader = new Message<types.BlockHeader>(
  pb.BlockHeaderSchema,
  {
    blockNumber: required(2, u64),
    parentHash: required(3, hash),
    payloadHash: required(4, hash),
    lane: required(5, lane),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.BlockHeader>(value) &&
      fields.blockNumber(to, value.blockNumber) &&
      fields.parentHash(to, value.parentHash) &&
      fields.payloadHash(to, value.payloadHash) &&
      fields.lane(to, value.lane),
    read: (fields) => (from) => ({
      blockNumber: fields.blockNumber(from),
      parentHash: fields.parentHash(from),
      payloadHash: fields.payloadHash(from),
      lane: fields.lane(from),
    }),
  },
);

/** Limits of a payload, which the original enforces when it decodes one. */
const TXS_MAX = 2000;
const TXS_BYTES_MAX = 2_048_000;

/** Its canonical encoding is hashed for payload hashes. */
export const payload = new Message<types.Payload>(
  pb.PayloadSchema,
  {
    createdAt: required(1, timestamp),
    txs: repeated(6, bytes(), withinLimits),
    totalGasWanted: required(7, u64),
    totalGasEstimated: required(8, u64),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.Payload>(value) &&
      fields.createdAt(to, value.createdAt) &&
      fields.txs(to, value.txs) &&
      fields.totalGasWanted(to, value.totalGasWanted) &&
      fields.totalGasEstimated(to, value.totalGasEstimated),
    read: (fields) => (from) => ({
      createdAt: fields.createdAt(from),
      txs: fields.txs(from),
      totalGasWanted: fields.totalGasWanted(from),
      totalGasEstimated: fields.totalGasEstimated(from),
    }),
  },
);

function withinLimits(txs: readonly Uint8Array[]): Malformed | undefined {
  if (txs.length > TXS_MAX) return new Malformed(`has ${txs.length} transactions, at most ${TXS_MAX} are allowed`);
  let sum = 0;
  for (const [i, tx] of txs.entries()) {
    sum += tx.length;
    if (sum > TXS_BYTES_MAX) {
      const fault = new Malformed(`exceeds the limit of all transactions, ${TXS_BYTES_MAX} bytes`);
      return inside(`[${i}]`, fault) as Malformed;
    }
  }
  return undefined;
}

/** A header and its payload; verify.ts verifies that the header has the payload's hash. */
export const block = new Message<types.Block>(
  pb.BlockSchema,
  {
    header: required(1, blockHeader),
    payload: required(2, payload),
  },
  blockAccess,
);

/** The votes cover only the header, not the payload. */
export const laneQC = new Message<types.LaneQC>(pb.LaneQCSchema, {
  vote: required(1, blockHeader),
  sigs: repeated(2, signature),
});

/** verify.ts verifies that first is at most next, and that an empty range has no last hash. */
export const laneRange = new Message<types.LaneRange>(
  pb.LaneRangeSchema,
  {
    first: required(2, u64),
    next: required(3, u64),
    lastHash: required(4, hash),
    lane: required(5, lane),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.LaneRange>(value) &&
      fields.first(to, value.first) &&
      fields.next(to, value.next) &&
      fields.lastHash(to, value.lastHash) &&
      fields.lane(to, value.lane),
    read: (fields) => (from) => ({
      first: fields.first(from),
      next: fields.next(from),
      lastHash: fields.lastHash(from),
      lane: fields.lane(from),
    }),
  },
  writeLaneRange,
);

/** All three numbers are required. */
export const view = new Message<types.View>(
  pb.ViewSchema,
  {
    index: required(1, u64),
    number: required(2, u64),
    epochIndex: required(3, u64),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.View>(value) &&
      fields.index(to, value.index) &&
      fields.number(to, value.number) &&
      fields.epochIndex(to, value.epochIndex),
    read: (fields) => (from) => ({
      index: fields.index(from),
      number: fields.number(from),
      epochIndex: fields.epochIndex(from),
    }),
  },
  writeView,
);

/** An application hash has no fixed length, and an absent one differs from an empty one. */
export const appProposal = new Message<types.AppProposal>(
  pb.AppProposalSchema,
  {
    roadIndex: required(2, u64),
    appHash: optional(3, bytes()),
    epochIndex: required(4, u64),
    globalFirst: required(5, u64),
    globalNext: required(6, u64),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.AppProposal>(value) &&
      fields.roadIndex(to, value.roadIndex) &&
      fields.appHash(to, value.appHash) &&
      fields.epochIndex(to, value.epochIndex) &&
      fields.globalFirst(to, value.globalFirst) &&
      fields.globalNext(to, value.globalNext),
    read: (fields) => (from) => {
      const roadIndex = fields.roadIndex(from);
      const appHash = fields.appHash(from);
      const epochIndex = fields.epochIndex(from);
      const globalFirst = fields.globalFirst(from);
      const globalNext = fields.globalNext(from);
      return appHash === undefined
        ? { roadIndex, epochIndex, globalFirst, globalNext }
        : { roadIndex, appHash, epochIndex, globalFirst, globalNext };
    },
  },
  writeAppProposal,
);

/** verify.ts verifies the view's epoch and the range of global numbers. */
export const proposal = new Message<types.Proposal>(
  pb.ProposalSchema,
  {
    view: required(1, view),
    laneRanges: repeated(3, laneRange, ascending),
    timestamp: required(5, timestamp),
    globalFirst: required(6, u64),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.Proposal>(value) &&
      fields.view(to, value.view) &&
      fields.laneRanges(to, value.laneRanges) &&
      fields.timestamp(to, value.timestamp) &&
      fields.globalFirst(to, value.globalFirst),
    read: (fields) => (from) => ({
      view: fields.view(from),
      laneRanges: fields.laneRanges(from),
      timestamp: fields.timestamp(from),
      globalFirst: fields.globalFirst(from),
    }),
  },
  writeProposal,
);

/** Like a CommitQC, but its signatures are field 2. */
export const prepareQC = new Message<types.PrepareQC>(pb.PrepareQCSchema, {
  vote: required(1, proposal),
  sigs: repeated(2, signature),
});

/** The entry of the QC log. Its signatures are field 3. */
export const commitQC = new Message<types.CommitQC>(
  pb.CommitQCSchema,
  {
    vote: required(1, proposal),
    sigs: repeated(3, signature),
  },
  commitQCAccess,
);

/** verify.ts verifies the number of headers. */
export const fullCommitQC = new Message<types.FullCommitQC>(pb.FullCommitQCSchema, {
  qc: required(1, commitQC),
  headers: repeated(2, blockHeader),
});

/** Half of a prune anchor. */
export const appQC = new Message<types.AppQC>(
  pb.AppQCSchema,
  {
    vote: required(1, appProposal),
    sigs: repeated(2, signature),
  },
  appQCAccess,
);

/** Both halves are required. */
export const pruneAnchor = new Message<types.PruneAnchor>(
  pb.PruneAnchorSchema,
  {
    appQC: required(1, appQC),
    commitQC: required(2, commitQC),
  },
  pruneAnchorAccess,
);

/** The view number is absent if the voter saw no PrepareQC. */
export const timeoutVote = new Message<types.TimeoutVote>(
  pb.TimeoutVoteSchema,
  {
    view: required(1, view),
    latestPrepareQCViewNumber: optional(2, u64),
  },
  undefined,
  writeTimeoutVote,
);

/** The message that is hashed and signed; its field number separates the kinds. */
export const msg = new OneOf<types.Msg>(pb.MsgSchema, {
  laneProposal: [1, block],
  laneVote: [2, blockHeader],
  proposal: [3, proposal],
  prepareVote: [4, proposal],
  commitVote: [5, proposal],
  timeoutVote: [6, timeoutVote],
  appVote: [7, appProposal],
});

/** The entry of a lane. */
export const signedBlock = new Message<types.SignedBlock>(
  pb.SignedBlockSchema,
  {
    block: required(1, block),
    sig: required(2, signature),
  },
  signedBlockAccess,
);
