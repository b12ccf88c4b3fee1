/**
 * Arbitrary values of each type, for properties: they include the ends of the number ranges, and
 * have short lengths.
 */
import fc from 'fast-check';
import type {
  AppProposal,
  AppQC,
  Block,
  BlockHeader,
  CommitQC,
  FullCommitQC,
  FullTimeoutVote,
  LaneQC,
  LaneRange,
  Msg,
  Payload,
  PersistedInner,
  PersistedWrapper,
  PrepareQC,
  Proposal,
  PruneAnchor,
  Signature,
  Signed,
  SignedBlock,
  SignedMsg,
  TimeoutQC,
  TimeoutVote,
  Timestamp,
  View,
} from '../../src/model/autobahn/index.js';

/** An object in which the keys of `absent` may be missing. */
function object<T>(model: { [K in keyof T]-?: fc.Arbitrary<Exclude<T[K], undefined>> }, ...absent: (keyof T)[]) {
  const requiredKeys = (Object.keys(model) as (keyof T)[]).filter((key) => !absent.includes(key));
  return fc.record(model as never, {
    requiredKeys: requiredKeys as never,
    noNullPrototype: true,
  }) as unknown as fc.Arbitrary<T>;
}

const edges64 = [7n, 14n, 21n, 28n, 31n, 32n, 49n, 53n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits]);
edges64.push(0n, 1n, 2n ** 63n - 1n);
const u64 = fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(...edges64, 2n ** 63n, 2n ** 64n - 1n));
const i64 = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(...edges64, -1n, -(2n ** 63n)));
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const anyBytes = fc.uint8Array({ maxLength: 300 });
const few = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 5 });

const signature = object<Signature>({ key: bytes(32), sig: bytes(64) });
const timestamp = object<Timestamp>({ seconds: i64, nanos: fc.integer({ min: 0, max: 999_999_999 }) });
const view = object<View>({ index: u64, number: u64 });
const blockHeader = object<BlockHeader>({
  lane: bytes(32),
  blockNumber: u64,
  parentHash: bytes(32),
  payloadHash: bytes(32),
});
const payload = object<Payload>(
  { createdAt: timestamp, totalGas: u64, edgeCount: i64, coinbase: anyBytes, basefee: i64, txs: few(anyBytes) },
  'coinbase',
);
const block = object<Block>({ header: blockHeader, payload });
const laneRange = object<LaneRange>({ lane: bytes(32), first: u64, next: u64, lastHash: bytes(32) });
const laneRanges = fc
  .uniqueArray(laneRange, { maxLength: 5, selector: ({ lane }) => Buffer.from(lane).toString('hex') })
  .map((ranges) => ranges.sort((a, b) => Buffer.compare(a.lane, b.lane)));
const appProposal = object<AppProposal>({ globalNumber: u64, roadIndex: u64, appHash: anyBytes }, 'appHash');
const proposal = object<Proposal>({ view, createdAt: timestamp, laneRanges, app: appProposal }, 'app');
const timeoutVote = object<TimeoutVote>({ view, latestPrepareQCViewNumber: u64 }, 'latestPrepareQCViewNumber');
const commitQC = object<CommitQC>({ vote: proposal, sigs: few(signature) });
const appQC = object<AppQC>({ vote: appProposal, sigs: few(signature) });

const prepareQC = object<PrepareQC>({ vote: proposal, sigs: few(signature) });
const signedTimeoutVote = object<Signed<'timeoutVote'>>({ msg: timeoutVote, sig: signature });
const signedCommitVote = object<Signed<'commitVote'>>({ msg: proposal, sig: signature });
const signedPrepareVote = object<Signed<'prepareVote'>>({ msg: proposal, sig: signature });

const kinds = { laneProposal: block, laneVote: blockHeader, timeoutVote, appVote: appProposal };
const proposals = { proposal, prepareVote: proposal, commitVote: proposal };
const msg = fc.oneof(
  ...Object.entries<fc.Arbitrary<unknown>>({ ...kinds, ...proposals }).map(([kind, value]) =>
    value.map((held) => ({ kind, value: held }) as Msg),
  ),
);

/** One arbitrary for each codec, under the codec's name. */
export const arbitrary = {
  signedBlock: object<SignedBlock>({ block, sig: signature }),
  commitQC,
  pruneAnchor: object<PruneAnchor>({ appQC, commitQC }),
  block,
  blockHeader,
  payload,
  proposal,
  appProposal,
  timeoutVote,
  laneQC: object<LaneQC>({ vote: blockHeader, sigs: few(signature) }),
  prepareQC,
  fullCommitQC: object<FullCommitQC>({ qc: commitQC, headers: few(blockHeader) }),
  appQC,
  signedMsg: object<SignedMsg>({ msg, sig: signature }),
  persistedInner: object<PersistedInner>(
    {
      commitQC,
      prepareQC,
      timeoutQC: object<TimeoutQC>({ votes: few(signedTimeoutVote), latestPrepareQC: prepareQC }, 'latestPrepareQC'),
      commitVote: signedCommitVote,
      prepareVote: signedPrepareVote,
      timeoutVote: object<FullTimeoutVote>({ vote: signedTimeoutVote, latestPrepareQC: prepareQC }, 'latestPrepareQC'),
    },
    'commitQC',
    'prepareQC',
    'timeoutQC',
    'commitVote',
    'prepareVote',
    'timeoutVote',
  ),
  persistedWrapper: object<PersistedWrapper>({ seq: u64, data: anyBytes }),
};
