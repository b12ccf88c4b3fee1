/**
 * The messages of autobahn.proto as tables: its field numbers and types (a test compares them with the descriptors that
 * buf generates), and what proto3 cannot say: which fields must be present, how long keys, hashes and signatures are,
 * that lane ranges ascend.
 */
import * as pb from './autobahn_pb.js';
import { optional, repeated, required, type Table } from './fields.js';
import { inside, Malformed } from './malformed.js';
import { Message, unwrapped } from './message.js';
import { OneOf } from './one-of.js';
import { bytes, i64, nanos, u64 } from './scalars.js';
import { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from './sizes.js';
import type * as types from './types.js';

const hash = bytes(HASH_BYTES);

/** A key is a message of its own on the wire, and 32 bytes everywhere else. */
export const publicKey = unwrapped(pb.PublicKeySchema, 1, 'ed25519', bytes(KEY_BYTES));

/** Its key need not be of the committee, nor its bytes a signature: that is for verify.ts to say. */
export const signature = new Message<types.Signature>(
  pb.SignatureSchema,
  {
    key: required(1, publicKey),
    sig: required(2, bytes(SIGNATURE_BYTES)),
  },
  { take: ({ key, sig }) => [key, sig], make: (key, sig) => ({ key, sig }) },
);

/** Seconds may be negative, nanoseconds may not. */
export const timestamp = new Message<types.Timestamp>(
  pb.TimestampSchema,
  {
    seconds: required(1, i64),
    nanos: required(2, nanos),
  },
  { take: ({ seconds, nanos }) => [seconds, nanos], make: (seconds, nanos) => ({ seconds, nanos }) },
);

/** Its canonical encoding is what a parent hash is taken over. */
export const blockHeader = new Message<types.BlockHeader>(
  pb.BlockHeaderSchema,
  {
    lane: required(1, publicKey),
    blockNumber: required(2, u64),
    parentHash: required(3, hash),
    payloadHash: required(4, hash),
  },
  {
    take: ({ lane, blockNumber, parentHash, payloadHash }) => [lane, blockNumber, parentHash, payloadHash],
    make: (lane, blockNumber, parentHash, payloadHash) => ({ lane, blockNumber, parentHash, payloadHash }),
  },
);

/** Its canonical encoding is what a payload hash is taken over. Unlimited in size, as the protocol has it. */
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
    take: ({ createdAt, totalGas, edgeCount, coinbase, basefee, txs }) => [
      createdAt,
      totalGas,
      edgeCount,
      coinbase,
      basefee,
      txs,
    ],
    make: (createdAt, totalGas, edgeCount, coinbase, basefee, txs) =>
      coinbase === undefined
        ? { createdAt, totalGas, edgeCount, basefee, txs }
        : { createdAt, totalGas, edgeCount, coinbase, basefee, txs },
  },
);

/** A header and the payload that it should name. */
export const block = new Message<types.Block>(
  pb.BlockSchema,
  {
    header: required(1, blockHeader),
    payload: required(2, payload),
  },
  { take: ({ header, payload }) => [header, payload], make: (header, payload) => ({ header, payload }) },
);

/** Votes are for the header alone, not for the payload. */
export const laneQC = new Message<types.LaneQC>(pb.LaneQCSchema, {
  vote: required(1, blockHeader),
  sigs: repeated(2, signature),
});

/** That first is not above next, and an empty range has no last hash, is for verify.ts to say. */
export const laneRange = new Message<types.LaneRange>(
  pb.LaneRangeSchema,
  {
    lane: required(1, publicKey),
    first: required(2, u64),
    next: required(3, u64),
    lastHash: required(4, hash),
  },
  {
    take: ({ lane, first, next, lastHash }) => [lane, first, next, lastHash],
    make: (lane, first, next, lastHash) => ({ lane, first, next, lastHash }),
  },
);

/** Both numbers are required here; an absent view is refused by the proposal that it is missing from. */
export const view = new Message<types.View>(
  pb.ViewSchema,
  {
    index: required(1, u64),
    number: required(2, u64),
  },
  { take: ({ index, number }) => [index, number], make: (index, number) => ({ index, number }) },
);

/** An application hash has no fixed length, and an absent one is not an empty one. */
export const appProposal = new Message<types.AppProposal>(
  pb.AppProposalSchema,
  {
    globalNumber: required(1, u64),
    roadIndex: required(2, u64),
    appHash: optional(3, bytes()),
  },
  {
    take: ({ globalNumber, roadIndex, appHash }) => [globalNumber, roadIndex, appHash],
    make: (globalNumber, roadIndex, appHash) =>
      appHash === undefined ? { globalNumber, roadIndex } : { globalNumber, roadIndex, appHash },
  },
);

/**
 * The original reads an absent view as 0/0, keeps the last of several ranges of a lane, and sorts them; encoding the
 * result again gives other bytes than were read. It writes neither, so both are refused here.
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
    take: ({ view, createdAt, laneRanges, app }) => [view, createdAt, laneRanges, app],
    make: (view, createdAt, laneRanges, app) =>
      app === undefined ? { view, createdAt, laneRanges } : { view, createdAt, laneRanges, app },
  },
);

/** As a CommitQC, but with its signatures in field 2. */
export const prepareQC = new Message<types.PrepareQC>(pb.PrepareQCSchema, {
  vote: required(1, proposal),
  sigs: repeated(2, signature),
});

/** What the QC log stores. Its signatures are field 3. */
export const commitQC = new Message<types.CommitQC>(
  pb.CommitQCSchema,
  {
    vote: required(1, proposal),
    sigs: repeated(3, signature),
  },
  { take: ({ vote, sigs }) => [vote, sigs], make: (vote, sigs) => ({ vote, sigs }) },
);

/** How many headers there must be is for verify.ts to say. */
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
  { take: ({ vote, sigs }) => [vote, sigs], make: (vote, sigs) => ({ vote, sigs }) },
);

/** PersistedAvailPruneAnchor: neither half may be absent. */
export const pruneAnchor = new Message<types.PruneAnchor>(
  pb.PersistedAvailPruneAnchorSchema,
  {
    appQC: required(1, appQC),
    commitQC: required(2, commitQC),
  },
  { take: ({ appQC, commitQC }) => [appQC, commitQC], make: (appQC, commitQC) => ({ appQC, commitQC }) },
);

/** The view number is absent if the voter saw no PrepareQC. */
export const timeoutVote = new Message<types.TimeoutVote>(pb.TimeoutVoteSchema, {
  view: required(1, view),
  latestPrepareQCViewNumber: optional(2, u64),
});

/** What is hashed to be signed; which field it is separates the kinds. */
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

/** A SignedMsg that is known to hold a lane proposal. */
export const signedBlock = new Message<types.SignedBlock>(
  pb.SignedMsgSchema,
  {
    block: required(1, msg.only('laneProposal')),
    sig: required(2, signature),
  },
  { take: ({ block, sig }) => [block, sig], make: (block, sig) => ({ block, sig }) },
);

/** A SignedMsg that is known to hold a timeout vote. */
const signedTimeoutVote = signedAs('timeoutVote');

/** A quorum of timeout votes. Whose they are, and that one of them saw the PrepareQC, is for the node to say. */
export const timeoutQC = new Message<types.TimeoutQC>(pb.TimeoutQCSchema, {
  votes: repeated(1, signedTimeoutVote),
  latestPrepareQC: optional(2, prepareQC),
});

/** A timeout vote, and the PrepareQC that it names. */
export const fullTimeoutVote = new Message<types.FullTimeoutVote>(pb.FullTimeoutVoteSchema, {
  vote: required(1, signedTimeoutVote),
  latestPrepareQC: optional(2, prepareQC),
});

/** All of it may be absent: a node that has just started. That its parts belong to one view is for the node to say. */
export const persistedInner = new Message<types.PersistedInner>(pb.PersistedInnerSchema, {
  commitQC: optional(1, commitQC),
  prepareQC: optional(2, prepareQC),
  timeoutQC: optional(3, timeoutQC),
  commitVote: optional(4, signedAs('commitVote')),
  prepareVote: optional(5, signedAs('prepareVote')),
  timeoutVote: optional(6, fullTimeoutVote),
});

/** What the original wraps the content of an A/B file in. */
export const persistedWrapper = new Message<types.PersistedWrapper>(pb.PersistedWrapperSchema, {
  seq: required(1, u64),
  data: required(2, bytes()),
});

/** A SignedMsg that is known to hold a message of one kind. */
function signedAs<K extends types.Msg['kind']>(kind: K): Message<types.Signed<K>> {
  // The rows are those of signedMsg; `only` refuses other kinds.
  const table = { msg: required(1, msg.only(kind)), sig: required(2, signature) } as unknown as Table<types.Signed<K>>;
  return new Message(pb.SignedMsgSchema, table);
}

function ascending(ranges: readonly types.LaneRange[]): Malformed | undefined {
  for (let i = 1; i < ranges.length; i++) {
    if (!isBelow(ranges[i - 1]!.lane, ranges[i]!.lane)) {
      const fault = new Malformed('is not above the one before: lane ranges ascend, each lane once');
      return inside(`[${i}].lane`, fault) as Malformed;
    }
  }
  return undefined;
}

/** Of two keys, which nearly always differ in their first byte. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < KEY_BYTES; i++) if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number);
  return false;
}
