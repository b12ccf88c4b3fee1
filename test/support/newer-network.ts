/**
 * A network of the protocol at 73f917bbd in one epoch: each road index orders one block of each
 * lane. Everything in it is valid; validator `i` has the secret of 32 bytes `i + 1`.
 */
import {
  type AppProposal,
  type BlockHeader,
  type CommitQC,
  Committee,
  Epochs,
  type FullCommitQC,
  globalRange,
  headerHash,
  type Lane,
  type LaneQC,
  laneOf,
  type Msg,
  type PruneAnchor,
  payloadHash,
  publicKeyOf,
  type Signature,
  type SignedBlock,
  sign,
  signBlock,
} from '../../src/model/autobahn/73f917bbd/index.js';

const GLOBAL_FIRST = 1000n;
const createdAt = { seconds: 1_700_000_000n, nanos: 5 };

/** Such a network. */
export interface NewerNetwork {
  /** Ascending; index `i` names a validator below. */
  readonly lanes: readonly Lane[];
  readonly epochs: Epochs;
  sign(validator: number, msg: Msg): Signature;
  block(validator: number, number: bigint): SignedBlock;
  laneQC(vote: BlockHeader, signers: readonly number[]): LaneQC;
  /** Orders block `road` of each lane. */
  commitQC(road: bigint, options?: { readonly signers?: readonly number[] }): CommitQC;
  fullCommitQC(road: bigint): FullCommitQC;
  appProposal(road: bigint): AppProposal;
  anchor(road: bigint): PruneAnchor;
}

/** Makes a network; `epoch` is the epoch of all its roads, in which all validators joined. */
export function makeNewerNetwork({
  weights,
  epoch = 0n,
}: {
  readonly weights: readonly bigint[];
  readonly epoch?: bigint;
}): NewerNetwork {
  const members = weights.map((weight, i) => {
    const secret = new Uint8Array(32).fill(i + 1);
    return { secret, weight, lane: laneOf({ key: publicKeyOf(secret), joined: epoch }) };
  });
  // The secrets keep the place of their weight; lanes of a proposal ascend.
  const lanes = members.map(({ lane }) => lane);
  const committee = new Committee(members);
  const all = members.map((_, i) => i);
  const signAs = (i: number, msg: Msg) => sign(members[i]!.secret, msg);
  const made = new Map<string, SignedBlock>();
  const block = (i: number, number: bigint): SignedBlock => {
    const known = made.get(`${i}/${number}`);
    if (known !== undefined) return known;
    const payload = {
      createdAt,
      txs: [new Uint8Array([i, Number(number & 0xffn)])],
      totalGasWanted: 1n,
      totalGasEstimated: 2n,
    };
    const parentHash = number === 0n ? new Uint8Array(32) : headerHash(block(i, number - 1n).block.header);
    const header = { blockNumber: number, parentHash, payloadHash: payloadHash(payload), lane: lanes[i]! };
    const signed = signBlock(members[i]!.secret, { header, payload });
    made.set(`${i}/${number}`, signed);
    return signed;
  };
  const ordered = all.toSorted((a, b) => Buffer.compare(lanes[a]!, lanes[b]!));
  const commitQC: NewerNetwork['commitQC'] = (road, { signers = all } = {}) => {
    const laneRanges = ordered.map((i) => {
      const lastHash = headerHash(block(i, road).block.header);
      return { first: road, next: road + 1n, lastHash, lane: lanes[i]! };
    });
    const vote = {
      view: { index: road, number: 0n, epochIndex: epoch },
      laneRanges,
      timestamp: createdAt,
      globalFirst: GLOBAL_FIRST + road * BigInt(lanes.length),
    };
    return { vote, sigs: signers.map((i) => signAs(i, { kind: 'commitVote', value: vote })) };
  };
  const appProposal = (road: bigint): AppProposal => {
    const { first, next } = globalRange(commitQC(road).vote);
    const appHash = new Uint8Array(32).fill(Number(road & 0xffn));
    return { roadIndex: road, appHash, epochIndex: epoch, globalFirst: first, globalNext: next };
  };
  return {
    lanes,
    epochs: new Epochs([{ index: epoch, from: 0n, committee }]),
    sign: signAs,
    block,
    laneQC: (vote, signers) => ({ vote, sigs: signers.map((i) => signAs(i, { kind: 'laneVote', value: vote })) }),
    commitQC,
    fullCommitQC: (road) => ({ qc: commitQC(road), headers: ordered.map((i) => block(i, road).block.header) }),
    appProposal,
    anchor(road) {
      const vote = appProposal(road);
      return {
        appQC: { vote, sigs: all.map((i) => signAs(i, { kind: 'appVote', value: vote })) },
        commitQC: commitQC(road),
      };
    },
  };
}
