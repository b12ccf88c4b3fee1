/**
 * The messages of autobahn.proto as tables: field numbers and types (a test compares them with the
 * descriptors that buf generates), and what proto3 cannot express: which fields are required, the
 * length of keys, hashes and signatures, and the ascending order of lane ranges.
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
import { Message } from '../message.js';
import { OneOf } from '../one-of.js';
import { bytes, i64, u64 } from '../scalars.js';
import * as pb from './autobahn_pb.js';
import type * as types from './types.js';
import { writeAppProposal, writeLaneRange, writeProposal, writeTimeoutVote, writeView } from './vote-code.js';

export { publicKey, signature, timestamp };

/** Its canonical encoding is hashed for parent hashes. */
export const blockHeader = new Message<types.BlockHeader>(
  pb.BlockHeaderSchema,
  {
    lane: required(1, publicKey),
    blockNumber: required(2, u64),
    parentHash: required(3, hash),
    payloadHash: required(4, hash),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.BlockHeader>(value) &&
      fields.lane(to, value.lane) &&
      fields.blockNumber(to, value.blockNumber) &&
      fields.parentHash(to, value.parentHash) &&
      fields.payloadHash(to, value.payloadHash),
    read: (fields) => (from) => ({
      lane: fields.lane(from),
      blockNumber: fields.blockNumber(from),
      parentHash: fields.parentHash(from),
      payloadHash: fields.payloadHash(from),
    }),
  },
);

/** Its canonical encoding is hashed for payload hashes. Unlimited in size, as in the protocol. */
export const payload = new Message<types.Payload>(
  pb.PayloadSchema,
  {
    createdAt: required(1, timestamp),
    totalGas: required(2, u64),
    edgeCount: required(3, i64),
    coinbase: optional(4, bytes()),
    basefee: required(5, i64),
    txs: repeated(6, bytes()),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.Payload>(value) &&
      fields.createdAt(to, value.createdAt) &&
      fields.totalGas(to, value.totalGas) &&
      fields.edgeCount(to, value.edgeCount) &&
      fields.coinbase(to, value.coinbase) &&
      fields.basefee(to, value.basefee) &&
      fields.txs(to, value.txs),
    read: (fields) => (from) => {
      const createdAt = fields.createdAt(from);
      const totalGas = fields.totalGas(from);
      const edgeCount = fields.edgeCount(from);
      const coinbase = fields.coinbase(from);
      const basefee = fields.basefee(from);
      const txs = fields.txs(from);
      return coinbase === undefined
        ? { createdAt, totalGas, edgeCount, basefee, txs }
        : { createdAt, totalGas, edgeCount, coinbase, basefee, txs };
    },
  },
);

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
    lane: required(1, publicKey),
    first: required(2, u64),
    next: required(3, u64),
    lastHash: required(4, hash),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.LaneRange>(value) &&
      fields.lane(to, value.lane) &&
      fields.first(to, value.first) &&
      fields.next(to, value.next) &&
      fields.lastHash(to, value.lastHash),
    read: (fields) => (from) => ({
      lane: fields.lane(from),
      first: fields.first(from),
      next: fields.next(from),
      lastHash: fields.lastHash(from),
    }),
  },
  writeLaneRange,
);

/** Both numbers are required. The table of the enclosing message refuses an absent view. */
export const view = new Message<types.View>(
  pb.ViewSchema,
  {
    index: required(1, u64),
    number: required(2, u64),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.View>(value) && fields.index(to, value.index) && fields.number(to, value.number),
    read: (fields) => (from) => ({ index: fields.index(from), number: fields.number(from) }),
  },
  writeView,
);

/** An application hash has no fixed length, and an absent one differs from an empty one. */
export const appProposal = new Message<types.AppProposal>(
  pb.AppProposalSchema,
  {
    globalNumber: required(1, u64),
    roadIndex: required(2, u64),
    appHash: optional(3, bytes()),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.AppProposal>(value) &&
      fields.globalNumber(to, value.globalNumber) &&
      fields.roadIndex(to, value.roadIndex) &&
      fields.appHash(to, value.appHash),
    read: (fields) => (from) => {
      const globalNumber = fields.globalNumber(from);
      const roadIndex = fields.roadIndex(from);
      const appHash = fields.appHash(from);
      return appHash === undefined ? { globalNumber, roadIndex } : { globalNumber, roadIndex, appHash };
    },
  },
  writeAppProposal,
);

/**
 * The original reads an absent view as 0/0, sorts lane ranges, and keeps the last of several ranges
 * of one lane; so encoding the result gives bytes other than those that were read. The original
 * writes none of these, so they are refused here.
 */
export const proposal = new Message<types.Proposal>(
  pb.ProposalSchema,
  {
    view: required(1, view),
    createdAt: required(2, timestamp),
    laneRanges: repeated(3, laneRange, ascending),
    app: optional(4, appProposal),
  },
  {
    write: (fields) => (to, value) =>
      isObject<types.Proposal>(value) &&
      fields.view(to, value.view) &&
      fields.createdAt(to, value.createdAt) &&
      fields.laneRanges(to, value.laneRanges) &&
      fields.app(to, value.app),
    read: (fields) => (from) => {
      const view = fields.view(from);
      const createdAt = fields.createdAt(from);
      const laneRanges = fields.laneRanges(from);
      const app = fields.app(from);
      return app === undefined ? { view, createdAt, laneRanges } : { view, createdAt, laneRanges, app };
    },
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

/** PersistedAvailPruneAnchor: both halves are required. */
export const pruneAnchor = new Message<types.PruneAnchor>(
  pb.PersistedAvailPruneAnchorSchema,
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

/** A signed message of any kind. */
export const signedMsg = new Message<types.SignedMsg>(pb.SignedMsgSchema, {
  msg: required(1, msg),
  sig: required(2, signature),
});

/** A SignedMsg with a lane proposal. */
export const signedBlock = new Message<types.SignedBlock>(
  pb.SignedMsgSchema,
  {
    block: required(1, msg.only('laneProposal')),
    sig: required(2, signature),
  },
  signedBlockAccess,
);
