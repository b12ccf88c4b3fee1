/**
 * The suite with the model of the protocol at 73f917bbd: its lanes have 40 bytes, and its own
 * votes.
 */
import { suite } from 'uvu';
import { conformance } from '../../src/conformance/index.js';
import { laneBytes } from '../../src/keys/index.js';
import {
  autobahn,
  type CommitQC,
  HASH_BYTES,
  LANE_BYTES,
  type Msg,
  type PruneAnchor,
  SIGNATURE_BYTES,
  type SignedBlock,
} from '../../src/model/autobahn/73f917bbd/index.js';
import { memorySubject, type Types } from './subjects.js';

const sig = { key: new Uint8Array(32).fill(1), sig: new Uint8Array(SIGNATURE_BYTES).fill(2) };
const hashOf = (number: bigint) => new Uint8Array(HASH_BYTES).fill(Number(number % 251n));
const timestamp = { seconds: 1_700_000_000n, nanos: 5 };

function proposal(index: bigint, number: bigint, variant = 0) {
  const view = { index, number, epochIndex: 0n };
  return { view, laneRanges: [], timestamp, globalFirst: BigInt(variant) };
}

const types: Types<SignedBlock, CommitQC, PruneAnchor> = {
  model: autobahn,
  make: {
    lanes: Array.from({ length: 8 }, (_, i) => (0x30 + i).toString(16).repeat(LANE_BYTES)),
    block: (lane, number) => ({
      block: {
        header: {
          blockNumber: number,
          parentHash: hashOf(number),
          payloadHash: hashOf(number + 1n),
          lane: laneBytes(lane),
        },
        payload: {
          createdAt: timestamp,
          txs: [new Uint8Array([1, 2, 3])],
          totalGasWanted: number,
          totalGasEstimated: 7n,
        },
      },
      sig,
    }),
    commitQC: (index, starts) => ({
      vote: {
        ...proposal(index, 0n),
        laneRanges: [...starts]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([lane, start]) => {
            const lastHash = new Uint8Array(HASH_BYTES);
            return { first: 0n, next: start, lastHash, lane: laneBytes(lane) };
          }),
      },
      sigs: [sig],
    }),
    anchor: (index, commitQC) => ({
      appQC: {
        vote: { roadIndex: index, appHash: hashOf(index), epochIndex: 0n, globalFirst: 1n, globalNext: 3n },
        sigs: [sig],
      },
      commitQC,
    }),
    votes: {
      step: (step, variant = 0): Msg => ({ kind: 'prepareVote', value: proposal(0n, step, variant) }),
      before: (step): Msg => ({ kind: 'commitVote', value: proposal(0n, step - 1n) }),
      needing: (index): Msg => ({ kind: 'prepareVote', value: proposal(index, 0n) }),
    },
  },
};

const test = suite('conformance: memory, 73f917bbd');
conformance({ test, ...memorySubject(types) });
test.run();
