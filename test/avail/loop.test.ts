/**
 * The persist loop over slow, full and failing stores: pipelining, back-pressure, errors, no busy
 * loop.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openAvail } from '../../src/avail/index.js';
import { isLanestoreError } from '../../src/errors.js';
import type { PruneAnchor } from '../../src/model/autobahn/index.js';
import { refused, rejection } from '../support/faults.js';
import { bounded } from '../support/hang.js';
import { type HeldLevel, turns } from '../support/held-level.js';
import { makeNetwork } from '../support/network.js';
import { full, Played } from './played.js';
import { pending, trafficOf, trustingNetwork, withState } from './support.js';

const test = bounded(suite('avail: persist loop'));
const { net, committee } = trustingNetwork({ validators: 4 });
const traffic = trafficOf(net, 40, 2);
const [a, b, c, d] = net.laneIds as [string, string, string, string];

async function played(use: (disk: Played, state: Awaited<ReturnType<typeof openAvail>>) => Promise<void>, more = {}) {
  const disk = new Played(net.laneIds);
  const state = await openAvail({ store: await disk.store, committee, ...more });
  await use(disk, state);
}

/**
 * The committee without its fourth lane, and an anchor at road 1 that this committee can have made.
 */
const Make = committee.constructor as new (keys: readonly Uint8Array[]) => typeof committee;
const three = new Make(committee.keys.slice(0, 3));
const anchorOfThree = anchorWithoutLane3();

function anchorWithoutLane3(): PruneAnchor {
  const { vote, ...rest } = traffic.qcs[1]!;
  const sigs = rest.sigs.slice(0, 3);
  const commitQC = { ...rest, sigs, vote: { ...vote, laneRanges: vote.laneRanges.slice(0, 3) } };
  const appVote = { ...traffic.anchors[1]!.appQC.vote, globalNumber: 6n };
  return { appQC: { vote: appVote, sigs }, commitQC };
}

/** True if a database has a key of a lane. */
async function stores(db: HeldLevel, lane: string): Promise<boolean> {
  return [...(await db.content()).keys()].some((key) => key.includes(lane));
}

test('entries pushed in one tick are one round; a second round is handed over while the first is in flight', () =>
  played(async (disk, state) => {
    for (const lane of traffic.blocks) void state.pushBlock(lane[0]!);
    void state.pushCommitQC(traffic.qcs[0]!);
    await turns();
    assert.is(disk.calls.length, 1);
    assert.equal(disk.blocks(0), ['0/0', '1/0', '2/0', '3/0']);
    assert.is(disk.calls[0]?.round.commitQCs?.length, 1);
    for (const lane of traffic.blocks) void state.pushBlock(lane[1]!);
    await turns();
    assert.is(disk.calls.length, 2, 'it does not wait for the first');
    for (const lane of traffic.blocks) void state.pushBlock(lane[2]!);
    await turns();
    assert.is(disk.calls.length, 2, 'a third round waits in the state, not in the store');
    disk.calls[0]?.fire();
    disk.calls[0]?.resolve();
    await turns();
    assert.equal(disk.blocks(2), ['0/2', '1/2', '2/2', '3/2']);
  }));

test('maxRounds: 1 is one round at a time', () =>
  played(
    async (disk, state) => {
      for (const block of traffic.blocks[0]!.slice(0, 3)) {
        void state.pushBlock(block);
        await turns();
      }
      assert.is(disk.calls.length, 1);
      disk.calls[0]?.fire();
      disk.calls[0]?.resolve();
      await turns();
      assert.equal(disk.blocks(1), ['0/1', '0/2']);
    },
    { maxRounds: 1 },
  ));

test('a round has at most maxRoundEntries entries, and all pushed entries are stored', () =>
  played(
    async (disk, state) => {
      for (const lane of traffic.blocks) for (const block of lane.slice(0, 3)) void state.pushBlock(block);
      for (let call = 0; call < 12; call++) {
        await turns();
        disk.calls[call]?.fire();
        disk.calls[call]?.resolve();
      }
      const counts = disk.calls.map((_, call) => disk.blocks(call).length);
      assert.ok(Math.max(...counts) <= 3, `${counts}`);
      assert.is(
        counts.reduce((sum, count) => sum + count, 0),
        12,
      );
    },
    { maxRoundEntries: 3 },
  ));

test('no lane, CommitQC or anchor waits for a slower lane', () =>
  played(async (disk, state) => {
    const headers = state.headers();
    for (let i = 0; i < 2; i++) {
      void state.pushBlock(traffic.blocks[0]![i]!);
      void state.pushBlock(traffic.blocks[1]![i]!);
      await turns();
    }
    // Lane 1 is slow: both of its rounds are in flight, the other entries of the same rounds are
    // durable.
    for (const call of disk.calls) call.fire((block) => disk.placeOf(block) === 0);
    assert.equal(
      (await headers.receiveBatch()).map(({ blockNumber }) => blockNumber),
      [0n, 1n],
    );
    void state.pushBlock(traffic.blocks[0]![2]!);
    void state.pushBlock(traffic.blocks[1]![2]!);
    void state.pushCommitQC(traffic.qcs[0]!);
    await turns();
    assert.equal(disk.blocks(2), ['0/2'], 'lane 0 continues, lane 1 waits for its own rounds');
    assert.is(disk.calls[2]?.round.commitQCs?.length, 1);
    void state.pushAppQC(traffic.anchors[0]!.appQC, traffic.qcs[0]!);
    await turns();
    assert.is(disk.calls[3]?.round.anchor?.commitQC, traffic.qcs[0]);
    disk.calls[1]?.fire();
    disk.calls[1]?.resolve();
    await turns();
    assert.equal(disk.blocks(4), ['1/2']);
  }));

test("the node's own state is a round of its own, the last one wins, and every waiting call resolves", () =>
  played(async (disk, state) => {
    void state.pushBlock(traffic.blocks[0]![0]!);
    const bytes = new Uint8Array([1]);
    const first = state.persistInner(bytes);
    bytes[0] = 9;
    const second = state.persistInner(new Uint8Array([2]));
    await turns();
    assert.is(disk.calls.length, 2);
    assert.equal(disk.calls[0]?.round, { inner: new Uint8Array([2]) });
    disk.calls[0]?.resolve();
    await Promise.all([first, second]);
    const third = state.persistInner(new Uint8Array([3]));
    assert.ok(await pending(third), 'no call resolves before its state is durable');
    disk.calls[2]?.resolve();
    await third;
  }));

test('an abort ends the wait for the disk, not the entries already handed over', () =>
  played(async (disk, state) => {
    const abort = new AbortController();
    const ended = [state.persistInner(new Uint8Array([1]), abort.signal), state.flush(abort.signal)].map((promise) =>
      rejection(promise),
    );
    const flushed = state.flush();
    await turns();
    abort.abort('enough');
    assert.equal(await Promise.all(ended), ['enough', 'enough']);
    assert.is(await rejection(state.persistInner(new Uint8Array([2]), abort.signal)), 'enough');
    assert.is(await rejection(state.flush(abort.signal)), 'enough');
    assert.ok(await pending(flushed), 'a call that still waits is not resolved');
    disk.calls[0]?.resolve();
    await flushed;
    assert.equal(
      disk.calls.map(({ round }) => round.inner),
      [new Uint8Array([1])],
      'a state whose signal was aborted before the call was never stored',
    );
  }));

test('an oversize own state is refused alone; the one before it is stored, and the state stays usable', async () => {
  await withState({ committee }, async (state) => {
    const small = state.persistInner(new Uint8Array([1]));
    await refused(state.persistInner(new Uint8Array(2 * 1024 * 1024)), 'LANESTORE_INVALID', /maxInnerBytes/);
    await small;
    await state.pushBlock(traffic.blocks[0]![0]!);
    await state.flush();
    assert.ok((await rejection(state.persistInner('text' as never))) instanceof TypeError);
  });
});

test('a lane that was pruned past everything in flight makes no turn without work', () =>
  played(async (disk, state) => {
    for (const block of traffic.blocks[2]!.slice(0, 3)) void state.pushBlock(block);
    await turns();
    void state.pushAppQC(traffic.anchors[20]!.appQC, traffic.qcs[20]!);
    await turns();
    for (const call of disk.calls) {
      call.fire();
      call.resolve();
    }
    await turns();
    const taken = state.turns;
    await turns(50);
    assert.is(state.turns, taken, 'an idle loop does nothing');
    assert.is(state.range(c).durable, 40n);
    void state.pushBlock(traffic.blocks[2]![40]!);
    await turns();
    assert.equal(disk.blocks(disk.calls.length - 1), ['2/40']);
    assert.ok(state.turns <= disk.calls.length * 3, `${state.turns} turns for ${disk.calls.length} rounds`);
  }));

test('a turn takes at most maxRoundBytes; the rest follows by itself', () =>
  played(
    async (disk, state) => {
      for (const lane of traffic.blocks) for (const block of lane.slice(0, 4)) void state.pushBlock(block);
      await turns();
      const sizes = () => disk.calls.map((_, i) => disk.blocks(i).length);
      assert.equal(
        sizes().reduce((sum, n) => sum + n, 0),
        8,
        'two rounds for each lane',
      );
      for (let i = 0; i < disk.calls.length; i++) {
        disk.calls[i]?.fire();
        disk.calls[i]?.resolve();
        await turns();
      }
      assert.equal(
        sizes().reduce((sum, n) => sum + n, 0),
        16,
      );
      assert.ok(
        sizes().every((n) => n >= 1 && n <= 2),
        sizes().join(),
      );
    },
    { maxRoundBytes: 2000 },
  ));

test('LANESTORE_CAPACITY: the anchor is stored alone at once, the rest when there is room; nothing is lost', () =>
  played(async (disk, state) => {
    for (const qc of traffic.qcs.slice(0, 3)) void state.pushCommitQC(qc);
    for (const block of traffic.blocks[0]!.slice(0, 5)) void state.pushBlock(block);
    await turns();
    disk.refuse = (round) => (round.blocks !== undefined || round.commitQCs !== undefined ? full() : undefined);
    void state.pushBlock(traffic.blocks[1]![0]!);
    void state.pushAppQC(traffic.anchors[0]!.appQC, traffic.qcs[0]!);
    await turns();
    assert.is(disk.calls.length, 2);
    assert.equal(Object.keys(disk.calls[1]!.round), ['anchor']);
    assert.is(disk.readyCalls, 1, 'then it waits');
    for (const block of traffic.blocks[1]!.slice(1, 4)) void state.pushBlock(block);
    void state.pushAppQC(traffic.anchors[1]!.appQC, traffic.qcs[1]!);
    const taken = state.turns;
    await turns(20);
    assert.ok(state.turns - taken <= 2);
    assert.equal(Object.keys(disk.calls[2]!.round), ['anchor'], 'a newer anchor is stored too');
    disk.refuse = undefined;
    disk.room();
    await turns();
    assert.is(disk.calls.length, 4);
    assert.equal(disk.blocks(3), ['1/2', '1/3'], 'entries below the anchor are not stored any more');
    for (const call of disk.calls) {
      call.fire();
      call.resolve();
    }
    await state.flush();
    assert.equal([state.range(a).durable, state.range(b).durable], [5n, 4n]);
  }));

test('a store that still refuses after ready() has resolved is called less and less often', () =>
  played(async (disk, state) => {
    let refusals = 0;
    disk.refuse = () => {
      refusals++;
      return full();
    };
    void state.pushBlock(traffic.blocks[0]![0]!);
    const answer = setInterval(() => disk.room(), 1);
    try {
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.ok(refusals >= 2 && refusals <= 12, `${refusals} refusals`);
      disk.refuse = undefined;
      await turns();
      while (disk.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    } finally {
      clearInterval(answer);
    }
    assert.equal(disk.blocks(0), ['0/0']);
  }));

test('lanes that cannot be dropped now are dropped when there is room, before anything else', () =>
  played(async (disk, state) => {
    disk.refuseDrops = true;
    state.changeCommittee({ committee: three, firstRoad: 1n });
    await state.pushAppQC(anchorOfThree.appQC, anchorOfThree.commitQC);
    await turns();
    disk.calls[0]?.fire();
    disk.calls[0]?.resolve();
    await turns();
    assert.equal([disk.dropped.length, disk.readyCalls], [0, 1]);
    void state.pushBlock(traffic.blocks[0]![2]!);
    disk.refuseDrops = false;
    disk.room();
    await turns();
    assert.equal(disk.dropped, [[net.laneIds[3]]]);
    assert.equal(disk.blocks(1), ['0/2']);
  }));

test('late acknowledgements of a dropped lane are ignored', () =>
  played(async (disk, state) => {
    void state.pushBlock(traffic.blocks[3]![0]!);
    await turns();
    state.changeCommittee({ committee: three, firstRoad: 1n });
    await state.pushAppQC(anchorOfThree.appQC, anchorOfThree.commitQC);
    await turns();
    disk.calls[1]?.fire();
    disk.calls[1]?.resolve();
    await turns();
    assert.equal(disk.dropped, [[d]]);
    disk.calls[0]?.fire();
    disk.calls[0]?.resolve();
    void state.pushBlock(traffic.blocks[0]![2]!);
    await turns();
    assert.equal(disk.blocks(2), ['0/2']);
  }));

for (const [when, change] of [
  ['while it was down', (state) => assert.not(state.lanes.includes(d))],
  ['afterwards', (state) => state.changeCommittee({ committee: three, firstRoad: 1n })],
] as const satisfies readonly (readonly [string, (state: Awaited<ReturnType<typeof openAvail>>) => void])[]) {
  test(`a node whose durable anchor is past a committee change that it learned of ${when} drops the lane that left`, async () => {
    const db = await withState({ committee }, async (state) => {
      for (const lane of traffic.blocks) for (const block of lane.slice(0, 3)) await state.pushBlock(block);
      await state.pushAppQC(anchorOfThree.appQC, anchorOfThree.commitQC);
    });
    assert.ok(await stores(db, d));
    const before = { committee, firstRoad: 0n };
    const epochs = when === 'afterwards' ? [before] : [before, { committee: three, firstRoad: 1n }];
    await withState({ db, committee: epochs }, async (state) => {
      change(state);
      await state.flush();
      assert.equal(state.lanes, net.laneIds.slice(0, 3));
    });
    assert.not(await stores(db, d), 'no key of the lane is stored');
    assert.ok(await stores(db, a));
  });
}

test('a lane that leaves and joins again begins anew: calls for the old lane reject, headers are sent again', () =>
  withState({ committee }, async (state) => {
    const headers = state.headers();
    const numbers = async () => (await headers.receiveBatch()).map(({ blockNumber }) => blockNumber);
    const stream = state.blocks(d);
    await state.pushBlock(traffic.blocks[3]![0]!);
    assert.is(await stream.receive(), traffic.blocks[3]![0]);
    assert.equal(await numbers(), [0n]);
    state.changeCommittee({ committee: three, firstRoad: 1n });
    assert.is(await state.pushBlock(traffic.blocks[3]![1]!), 'added', 'the change alone drops nothing');
    assert.is(await stream.receive(), traffic.blocks[3]![1]);
    assert.equal(await numbers(), [1n]);
    const waiting = refused(stream.receive(), 'LANESTORE_WRONG_LANE');
    await state.pushAppQC(anchorOfThree.appQC, anchorOfThree.commitQC);
    await state.flush();
    await waiting;
    await refused(stream.receive(), 'LANESTORE_WRONG_LANE');
    state.changeCommittee({ committee, firstRoad: 3n });
    assert.equal(state.range(d), { first: 0n, next: 0n, durable: 0n });
    assert.is(await state.pushBlock(traffic.blocks[3]![0]!), 'added');
    assert.equal(await numbers(), [0n], 'of the new lane, although the old lane had this number');
    assert.is(await state.blocks(d).receive(), traffic.blocks[3]![0]);
  }).then(() => undefined));

test('a real queue that is full: everything becomes durable, in order', async () => {
  await withState({ committee, maxQueuedBytes: 3000, maxRoundBytes: 2500 }, async (state, db) => {
    db.hold();
    const pushes = traffic.blocks.flatMap((lane) => lane.slice(0, 25).map((block) => state.pushBlock(block)));
    const qcs = traffic.qcs.slice(0, 10).map((qc) => state.pushCommitQC(qc));
    await turns(30);
    assert.is(state.range(a).durable, 0n);
    db.release();
    await Promise.all([...pushes, ...qcs]);
    await state.flush();
    for (const lane of net.laneIds) assert.is(state.range(lane).durable, 25n);
    assert.is(state.lastCommitQC, traffic.qcs[9]);
  });
});

test('a rejected write stops the state everywhere, with that error, and nothing hangs', async () => {
  const real = makeNetwork({ validators: 4 });
  const made = trafficOf(real, 8);
  const [own, second, third] = real.laneIds as [string, string, string];
  await withState({ committee: real.committee, secret: real.secret(0) }, async (state, db) => {
    await state.pushBlock(made.blocks[1]![0]!);
    await state.flush();
    db.failAfter(0, new Error('the disk is gone'));
    const headers = state.headers();
    await headers.receiveBatch();
    const never = [
      headers.receiveBatch(),
      state.block(second, 5n),
      state.commitQC(3n),
      state.fullCommitQC(3n),
      state.waitForAppQC(0n),
      state.waitForLaneQCs(undefined),
      state.waitForCommitQC(0n),
      state.pushBlock(made.blocks[1]![7]!),
      state.pushCommitQC(made.qcs[7]!),
      state.pushAppVote(real.signedBy(0, { kind: 'appVote', value: made.anchors[7]!.appQC.vote })),
      state.blocks(third).receive(),
      state.produceBlock(made.blocks[0]![0]!.block.payload),
      state.persistInner(new Uint8Array([1])),
    ].map((promise) => rejection(promise));
    const errors = await Promise.all(never);
    for (const [i, error] of errors.entries()) assert.ok(isLanestoreError(error, 'LANESTORE_FAILED'), `${i}: ${error}`);
    assert.is(await state.stopped, errors[0]);
    for (const later of [
      () => state.pushBlock(made.blocks[2]![0]!),
      () => state.waitForCapacity(own),
      () => state.flush(),
    ])
      assert.is(await rejection(later()), errors[0]);
    await state.close();
    db.mend();
  });
});

test('close: waiting calls are rejected, pushed entries are durable, the store stays open', async () => {
  const db = await withState({ committee }, async (state, held) => {
    held.delay(3);
    for (const block of traffic.blocks[0]!.slice(0, 9)) void state.pushBlock(block);
    const waiting = state.waitForAppQC(0n);
    const inner = state.persistInner(new Uint8Array([7]));
    await Promise.all([state.close(), refused(waiting, 'LANESTORE_CLOSED'), inner]);
    await state.close();
    assert.ok(isLanestoreError(await state.stopped, 'LANESTORE_CLOSED'));
    await refused(state.pushBlock(traffic.blocks[0]![9]!), 'LANESTORE_CLOSED');
  });
  await withState({ db, committee }, async (state) => {
    assert.is(state.loaded.blocks, 9);
    assert.equal(state.recoveredInner, new Uint8Array([7]));
  });
});

test('a committee change: the old lane is dropped once the anchor allows, the new one begins at its baseline', async () => {
  const old = trustingNetwork({ validators: 4 });
  const { blocks, qcs, anchors } = trafficOf(old.net, 4, 2);
  for (const place of [0, 1, 2]) blocks[place]!.push(old.net.block(place));
  const smallerQC = old.net.commitQC({ lanes: [0, 1, 2], signatures: 3 });
  const fresh = trustingNetwork({ validators: 1, seed: 99, firstBlock: 5n });
  const Make = old.committee.constructor as new (keys: readonly Uint8Array[]) => typeof old.committee;
  const next = new Make([...old.net.committee.keys.slice(0, 3), ...fresh.net.committee.keys]);
  const [, , , left] = old.net.laneIds as [string, string, string, string];
  const [joined] = fresh.net.laneIds as [string];
  const baselines = new Map([[joined, 5n]]);
  const db = await withState({ committee: old.committee }, async (state) => {
    for (const lane of blocks) for (const block of lane) await state.pushBlock(block);
    for (const qc of qcs) await state.pushCommitQC(qc);
    await state.flush();
    const waiting = refused(state.block(left, 20n), 'LANESTORE_WRONG_LANE');
    state.changeCommittee({ committee: next, firstRoad: 4n, baselines });
    assert.is(await state.pushBlock(fresh.net.block(0)), 'added', 'block 5 is its first');
    await state.pushAppQC(anchors[3]!.appQC, qcs[3]!);
    await state.flush();
    assert.ok(state.lanes.includes(left), 'road 3 was the old committee’s');
    await state.pushCommitQC(smallerQC);
    await state.pushAppQC(old.net.appQC(smallerQC, { signatures: 3 }), smallerQC);
    await state.flush();
    await waiting;
    assert.not(state.lanes.includes(left));
    await refused(state.pushBlock(blocks[3]![1]!), 'LANESTORE_WRONG_LANE');
    refusedChange(() => state.changeCommittee({ committee: next, firstRoad: 4n }));
  });
  const keys = [...(await db.content()).keys()];
  assert.not(
    keys.some((key) => key.includes(left)),
    'no key of the lane is stored',
  );
  assert.ok(keys.some((key) => key.includes(joined)));
  await withState({ db, committee: [{ committee: next, firstRoad: 4n, baselines }] }, async (state) => {
    assert.is(state.nextBlock(joined), 6n);
    assert.equal(state.loaded.unknownLanes, []);
  });
});

function refusedChange(call: () => void): void {
  try {
    call();
  } catch (error) {
    assert.ok(isLanestoreError(error, 'LANESTORE_INVALID'));
    return;
  }
  assert.unreachable();
}

test.run();
