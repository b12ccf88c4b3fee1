/**
 * The rounds of a workload, made of real Autobahn entries: chained blocks with incompressible
 * payload, a CommitQC that orders them, and an anchor that leaves BLOCKS_KEPT blocks in each lane.
 * Signatures are random bytes, because no backend verifies them.
 */

import { encodeRecord } from '../src/adapter/level/format/record.js';
import { blockKey, type LaneId } from '../src/keys/index.js';
import type { CommitQC, PruneAnchor, SignedBlock } from '../src/model/autobahn/index.js';
import { autobahn } from '../src/model/autobahn/index.js';
import { makeNetwork, type Network } from '../test/support/network.js';
import type { Workload } from './workload.js';

/** A round for the port. */
export interface BenchRound {
  readonly anchor?: PruneAnchor;
  readonly commitQCs: readonly [CommitQC];
  /** Grouped by lane; ascending numbers in each lane. */
  readonly blocks: readonly SignedBlock[];
  /** The same blocks by lane. */
  readonly lanes: ReadonlyMap<LaneId, readonly SignedBlock[]>;
}

/** Target size of a CommitQC. With many lanes (80 bytes each) it is larger. */
const COMMIT_QC_BYTES = 2048;
/** Target size of an anchor, including its CommitQC. */
const ANCHOR_BYTES = 4096;
/** Sizes of the original's encodings (docs/original.md, Sizes). */
const QC_BASE_BYTES = 65;
const LANE_RANGE_BYTES = 80;
const SIGNATURE_BYTES = 104;

/**
 * The number of signatures, at least 1, that brings a message of `baseBytes` closest to `bytes`.
 */
function signaturesFor(bytes: number, baseBytes: number): number {
  return Math.max(1, Math.round((bytes - baseBytes) / SIGNATURE_BYTES));
}

/** Makes the rounds of a workload one by one. The same seed gives the same rounds. */
export class RoundSource {
  readonly workload: Workload;
  readonly #network: Network;
  readonly #places: readonly number[];
  readonly #qcSignatures: number;
  readonly #appSignatures: number;
  readonly #payloadBytes: number;
  /** CommitQCs of the road indexes that an anchor can still prune to. */
  readonly #recent: CommitQC[] = [];
  readonly #roadsKept: number;

  constructor(workload: Workload, seed: number) {
    this.workload = workload;
    const qcBytes = QC_BASE_BYTES + LANE_RANGE_BYTES * workload.lanes;
    this.#qcSignatures = signaturesFor(COMMIT_QC_BYTES, qcBytes);
    const signedQCBytes = qcBytes + SIGNATURE_BYTES * this.#qcSignatures;
    this.#appSignatures = signaturesFor(ANCHOR_BYTES, signedQCBytes + QC_BASE_BYTES);
    const validators = Math.max(workload.lanes, this.#qcSignatures, this.#appSignatures);
    this.#network = makeNetwork({ validators, seed, signed: false });
    this.#places = Array.from({ length: workload.lanes }, (_, place) => place);
    this.#payloadBytes = payloadFor(workload.blockBytes);
    this.#roadsKept = workload.blocksKept / workload.blocksPerLane;
    if (!Number.isInteger(this.#roadsKept)) {
      throw new RangeError(`${workload.blocksPerLane} blocks a round do not divide ${workload.blocksKept}`);
    }
  }

  /** Number of rounds until every lane has its full number of blocks. */
  get roundsToFill(): number {
    return this.#roadsKept;
  }

  next(): BenchRound {
    const { blocksPerLane } = this.workload;
    const lanes = new Map<LaneId, SignedBlock[]>();
    for (const place of this.#places) {
      const blocks = Array.from({ length: blocksPerLane }, () =>
        this.#network.block(place, { payloadBytes: this.#payloadBytes }),
      );
      lanes.set(this.#network.laneIds[place] as LaneId, blocks);
    }
    const qc = this.#network.commitQC({ lanes: this.#places, signatures: this.#qcSignatures });
    this.#recent.push(qc);
    if (this.#recent.length > this.#roadsKept) this.#recent.shift();
    const oldest = this.#recent.length < this.#roadsKept ? undefined : this.#recent[0];
    const anchor =
      oldest === undefined
        ? {}
        : {
            anchor: { appQC: this.#network.appQC(oldest, { signatures: this.#appSignatures }), commitQC: oldest },
          };
    return { ...anchor, commitQCs: [qc], blocks: [...lanes.values()].flat(), lanes };
  }
}

/** The payload size with which the record of a block has `blockBytes` bytes. */
export function payloadFor(blockBytes: number): number {
  const probe = (payloadBytes: number) => {
    const network = makeNetwork({ validators: 1, signed: false, firstBlock: 1n });
    const block = network.block(0, { payloadBytes });
    const key = blockKey(autobahn.block.lane(block), autobahn.block.number(block));
    return encodeRecord(key, autobahn.block.toBody(block)).bytes.length;
  };
  let payloadBytes = blockBytes;
  for (let tries = 0; tries < 4; tries++) payloadBytes -= probe(payloadBytes) - blockBytes;
  return payloadBytes;
}
