/**
 * A lane that leaves and joins again is a different lane: operations begun on the old lane never
 * affect the new one.
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { type AvailState, openAvail } from '../../src/avail/index.js';
import {
  autobahn,
  type CommitQC,
  type LaneRange,
  type PruneAnchor,
  type SignedBlock,
} from '../../src/model/autobahn/index.js';
import { refused } from '../support/faults.js';
import { bounded } from '../support/hang.js';
import { turns } from '../support/held-level.js';
import { inTemp } from '../support/temp.js';
import { Played } from './played.js';
import { pending, trafficOf, trustingNetwork, voteFor } from './support.js';

const test = bounded(suite('avail: a lane that leaves and joins again'));
const { net, committee } = trustingNetwork({ validators: 4 });
const traffic = trafficOf(net, 40, 2);
const [, , , lane] = net.laneIds as [string, string, string, string];
const blocks = traffic.blocks[3] as readonly SignedBlock[];
/** The same lane id after a rejoin: other blocks under the same numbers. */
const others = trafficOf(trustingNetwork({ validators: 4, seed: 1 }).net, 2, 3).blocks[3] as readonly SignedBlock[];

const Make = committee.constructor as new (keys: readonly Uint8Array[]) => typeof committee;
const three = new Make(committee.keys.slice(0, 3));

/**
 * The anchor of road 1. Its CommitQC has ranges of some of the first three lanes only, each with
 * blocks 2 and 3.
 */
function anchorOf(places: readonly number[]): PruneAnchor {
  const { vote, ...rest } = traffic.qcs[1] as CommitQC;
  const sigs = rest.sigs.slice(0, 3);
  const laneRanges = places.map((place) => vote.laneRanges[place] as LaneRange);
  const commitQC = { ...rest, sigs, vote: { ...vote, laneRanges } };
  const { appQC } = traffic.anchors[1] as PruneAnchor;
  return { appQC: { vote: { ...appQC.vote, globalNumber: 2n * BigInt(places.length) }, sigs }, commitQC };
}

async function played(use: (disk: Played, state: AvailState) => Promise<void>) {
  const disk = new Played(net.laneIds);
  await use(disk, await openAvail({ store: await disk.store, committee }));
}

/**
 * Makes the lane leave at road 1, by an anchor that `ack` acknowledges, and join again at road 2.
 */
async function rejoin(state: AvailState, ack: () => void, places: readonly number[] = [0, 1, 2]): Promise<void> {
  state.changeCommittee({ committee: three, firstRoad: 1n });
  const { appQC, commitQC } = anchorOf(places);
  await state.pushAppQC(appQC, commitQC);
  await turns();
  ack();
  assert.not(state.lanes.includes(lane), 'it has left');
  state.changeCommittee({ committee, firstRoad: 2n });
  assert.ok(state.lanes.includes(lane), 'it has joined again');
}

test('a round of the old lane that becomes durable late marks nothing of the new lane', () =>
  played(async (disk, state) => {
    for (const block of blocks.slice(0, 2)) void state.pushBlock(block);
    await turns();
    assert.equal(disk.blocks(0), ['3/0', '3/1']);
    await rejoin(state, () => disk.settle(1));
    disk.settle(0);
    await turns();
    assert.equal(state.range(lane), { first: 0n, next: 0n, durable: 0n });
    const headers = state.headers();
    await state.pushBlock(others[0]!);
    const batch = headers.receiveBatch();
    assert.ok(await pending(batch), 'no header to vote for before the store has its block');
    assert.equal(disk.blocks(2), ['3/0']);
    disk.settle(2);
    assert.equal(await batch, [others[0]!.block.header]);
  }));

test(
  'on a real store: each returned header belongs to a block that the store holds',
  inTemp(async (dir) => {
    for (let round = 0; round < 5; round++) {
      await using store = await openLevel(join(dir, `${round}`), { model: autobahn });
      const state = await openAvail({ store, committee });
      try {
        await state.pushCommitQC(traffic.qcs[0]!);
        await state.flush();
        state.changeCommittee({ committee: three, firstRoad: 1n });
        const { appQC, commitQC } = anchorOf([0, 1, 2]);
        await state.pushAppQC(appQC, commitQC);
        await turns(1);
        for (const block of blocks.slice(0, 2)) void state.pushBlock(block).catch(() => undefined);
        while (state.lanes.includes(lane)) await turns(1);
        state.changeCommittee({ committee, firstRoad: 2n });
        await state.flush();
        const headers = state.headers();
        await state.pushBlock(others[0]!);
        assert.equal(await headers.receiveBatch(), [others[0]!.block.header]);
        assert.equal(store.cursors.lanes.get(lane), { first: 0n, next: 1n }, 'the store holds every returned header');
      } finally {
        await state.close();
      }
    }
  }),
);

test('a stream of the old lane ends: it does not continue in the middle of the new lane', () =>
  played(async (disk, state) => {
    const stream = state.blocks(lane);
    await state.pushBlock(blocks[0]!);
    assert.is(await stream.receive(), blocks[0]);
    await turns();
    await rejoin(state, () => disk.settle(1));
    for (const block of others.slice(0, 2)) await state.pushBlock(block);
    await refused(stream.receive(), 'LANESTORE_WRONG_LANE');
    assert.is(await state.blocks(lane).receive(), others[0]);
  }));

test('a CommitQC of the old lane does not wait for headers of the new lane', () =>
  played(async (disk, state) => {
    for (const block of blocks.slice(0, 2)) await state.pushBlock(block);
    const { vote, ...rest } = traffic.qcs[0] as CommitQC;
    const [first, , , last] = vote.laneRanges as [LaneRange, LaneRange, LaneRange, LaneRange];
    await state.pushCommitQC({ ...rest, vote: { ...vote, laneRanges: [first, last] } });
    await turns();
    disk.settle(0);
    const orders = state.fullCommitQC(0n);
    assert.ok(await pending(orders), 'headers of lane 0 are missing');
    // Lanes that the anchor omits are not pruned, so the call keeps waiting for lane 0.
    await rejoin(state, () => disk.settle(1), [1]);
    assert.ok(await pending(orders));
    for (const block of traffic.blocks[0]!.slice(0, 2)) await state.pushBlock(block);
    assert.not(await pending(orders), 'the call must end: those headers are gone');
    assert.is(await orders, undefined);
  }));

test('an anchor of the old lane that becomes durable late gives the new lane no room', () =>
  played(async (disk, state) => {
    const push = ({ appQC, commitQC }: PruneAnchor) => state.pushAppQC(appQC, commitQC);
    await push(traffic.anchors[9]!);
    await turns();
    disk.settle(0);
    await push(traffic.anchors[10]!);
    await turns();
    assert.is(disk.calls[1]?.round.anchor?.commitQC, traffic.qcs[10]);
    // The node learns late that the lane had left, and that it rejoins.
    state.changeCommittee({ committee: three, firstRoad: 9n });
    assert.not(state.lanes.includes(lane));
    state.changeCommittee({ committee, firstRoad: 11n });
    disk.settle(1);
    const pushes = blocks.slice(0, 31).map((block) => state.pushBlock(block));
    assert.ok(await pending(pushes.at(-1)!), '30 blocks of a lane, counted from where the new one begins');
    assert.is(state.nextBlock(lane), 30n);
  }));

test('votes for the new lane make a LaneQC from its own start, not from the end of the old lane', () =>
  played(async (disk, state) => {
    const { appQC, commitQC } = traffic.anchors[9] as PruneAnchor;
    await state.pushAppQC(appQC, commitQC);
    await turns();
    disk.settle(0);
    state.changeCommittee({ committee: three, firstRoad: 9n });
    state.changeCommittee({ committee, firstRoad: 11n });
    const found = state.waitForLaneQCs(traffic.qcs[10]);
    for (const place of [0, 1, 2]) await state.pushVote(voteFor(net, place, others[0]!));
    assert.not(await pending(found), 'block 0 has a quorum');
    assert.is((await found).get(lane)?.vote.blockNumber, 0n);
  }));

test('no block of the new lane is handed to a store that has not accepted the drop of the old lane', () =>
  played(async (disk, state) => {
    await state.pushBlock(blocks[0]!);
    await turns();
    disk.settle(0);
    disk.refuseDrops = true;
    await rejoin(state, () => disk.settle(1));
    await state.pushBlock(others[0]!);
    await turns();
    assert.equal(
      disk.calls.map((_, call) => disk.blocks(call)),
      [['3/0'], []],
      'the drop was refused: a block accepted now would be dropped too',
    );
    disk.refuseDrops = false;
    disk.room();
    await turns();
    assert.equal([disk.dropped, disk.blocks(2)], [[[lane]], ['3/0']]);
  }));

test.run();
