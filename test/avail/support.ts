/**
 * Shared by the tests of the availability state: a small signed network, and states over stores
 * that a test can hold, slow down and break.
 */
import * as assert from 'uvu/assert';
import type { Cursors, Recovered } from '../../src/adapter/index.js';
import { openLevel } from '../../src/adapter/level/index.js';
import { type AvailOptions, type AvailState, openAvail } from '../../src/avail/index.js';
import { Inner } from '../../src/avail/inner.js';
import { load } from '../../src/avail/load.js';
import type { LaneId } from '../../src/keys/index.js';
import {
  autobahn,
  type CommitQC,
  Committee,
  type PruneAnchor,
  type SignedBlock,
  type SignedMsg,
} from '../../src/model/autobahn/index.js';
import { HeldLevel } from '../support/held-level.js';
import { makeNetwork, type Network, type NetworkOptions } from '../support/network.js';

/**
 * A committee that accepts every signature: a hundred times faster, for tests that do not check
 * signatures.
 */
class Trusting extends Committee {
  override verifies(): boolean {
    return true;
  }
}

/** A network whose signatures are arbitrary bytes, and a committee that accepts them. */
export function trustingNetwork(options: Omit<NetworkOptions, 'signed'>): { net: Network; committee: Committee } {
  const net = makeNetwork({ ...options, signed: false });
  return { net, committee: new Trusting(net.committee.keys) };
}

/** Traffic of a network: `roads` CommitQCs, each ordering `perRoad` blocks of every lane. */
export interface Traffic {
  readonly blocks: readonly SignedBlock[][];
  readonly qcs: readonly CommitQC[];
  readonly anchors: readonly PruneAnchor[];
}

export function trafficOf(net: Network, roads: number, perRoad = 1): Traffic {
  const blocks: SignedBlock[][] = net.laneIds.map(() => []);
  const qcs: CommitQC[] = [];
  const anchors: PruneAnchor[] = [];
  for (let road = 0; road < roads; road++) {
    for (const [place, lane] of blocks.entries())
      for (let i = 0; i < perRoad; i++) lane.push(net.block(place, { payloadBytes: 100 }));
    const qc = net.commitQC();
    qcs.push(qc);
    anchors.push(net.anchor(qc));
  }
  return { blocks, qcs, anchors };
}

/** A vote for a block, signed by a validator. */
export function voteFor(net: Network, place: number, { block }: SignedBlock): SignedMsg {
  return net.signedBy(place, { kind: 'laneVote', value: block.header });
}

/** A recovered store: blocks by lane, CommitQCs, an anchor, and the cursors that match. */
export function source(
  blocks: readonly (readonly SignedBlock[])[],
  commitQCs: readonly CommitQC[] = [],
  anchor?: PruneAnchor,
): { recovered: Recovered<SignedBlock, CommitQC, PruneAnchor>; cursors: Cursors } {
  const byLane = new Map<LaneId, readonly SignedBlock[]>();
  const lanes = new Map<LaneId, { first: bigint; next: bigint }>();
  for (const lane of blocks) {
    const [first] = lane;
    if (first === undefined) continue;
    byLane.set(autobahn.block.lane(first), lane);
    const number = first.block.header.blockNumber;
    lanes.set(autobahn.block.lane(first), { first: number, next: number + BigInt(lane.length) });
  }
  const first = commitQCs[0]?.vote.view.index ?? 0n;
  return {
    recovered: { ...(anchor === undefined ? {} : { anchor }), commitQCs, blocks: byLane },
    cursors: { lanes, commitQCs: { first, next: first + BigInt(commitQCs.length) } },
  };
}

/** A state loaded from a recovered store. */
export function loaded(committee: Committee, from: ReturnType<typeof source>, verify = false) {
  const inner = new Inner([{ committee, firstRoad: 0n }]);
  const report = load(inner, from, verify);
  return { inner, report };
}

/** The kinds of findings, in order. */
export function findingKinds(error: { readonly findings?: readonly { readonly kind: string }[] }): string[] {
  return (error.findings ?? []).map(({ kind }) => kind);
}

/**
 * Runs `use` with a state on a LevelDB whose writes a test holds, delays and breaks; closes both
 * afterwards.
 */
export async function withState(
  options: Omit<AvailOptions, 'store'> & { readonly db?: HeldLevel; readonly maxQueuedBytes?: number },
  use: (state: AvailState, db: HeldLevel) => Promise<void>,
): Promise<HeldLevel> {
  const { db = new HeldLevel(), maxQueuedBytes, ...rest } = options;
  const store = await openLevel({ db, model: autobahn, maxQueuedBytes });
  try {
    const state = await openAvail({ ...rest, store });
    try {
      await use(state, db);
    } finally {
      db.release();
      await state.close();
    }
  } finally {
    db.release();
    await store.close();
  }
  assert.equal(db.violations, [], 'forbidden calls of the store');
  return db;
}

/** True if `promise` is still pending after every ready callback has run. */
export async function pending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  return !settled;
}
