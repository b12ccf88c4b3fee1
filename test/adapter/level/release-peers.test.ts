/**
 * Opens the parts of a restored store by the answers of its peers. Votes given after the snapshot
 * are below the floors, places above them are signed again, the own lane included, and parts
 * without enough answers stay closed.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { releaseStore } from '../../../src/adapter/level/index.js';
import { autobahn, type Msg, openGuard, openLevel, openView, snapshot } from '../../../src/index.js';
import { refused, rejection } from '../../support/faults.js';
import { makeNetwork } from '../../support/network.js';
import { inTemp } from '../../support/temp.js';
import { appMsg, proposalMsg, timeoutMsg } from '../../support/vote-messages.js';

const test = suite('release from peers');

const net = makeNetwork({ validators: 4 });
const keys = net.committee.keys;
const SECRET = net.secret(0);
const [OWN, OTHER] = net.laneIds as [string, string];
const payload = { createdAt: { seconds: 1n, nanos: 0 }, totalGas: 0n, edgeCount: 0n, basefee: 0n, txs: [] };

/** Blocks 0 to 2 of all lanes, and a CommitQC after each. */
const ROUNDS = [0, 1, 2, 3].map(() => {
  const blocks = [0, 1, 2, 3].map((lane) => net.block(lane, { payloadBytes: 9 }));
  return { blocks, commitQCs: [net.commitQC()] };
});
const QCS = ROUNDS.map(({ commitQCs: [qc] }) => qc!);

const open = (location: string) => openLevel(location, { model: autobahn });
const guardOf = (store: Awaited<ReturnType<typeof open>>, firstUse = false) =>
  openGuard({ store, model: autobahn, key: SECRET, firstUse });
const release = (location: string, options: object = {}) =>
  releaseStore(location, { model: autobahn, reason: 'a test', peers: { validators: keys }, ...options });
const ownBlock = (number: bigint): Msg => {
  const parentHash = new Uint8Array(32);
  const header = { lane: keys[0] as Uint8Array, blockNumber: number, parentHash, payloadHash: new Uint8Array(32) };
  return { kind: 'laneProposal', value: { header, payload } };
};

/**
 * A store whose key has signed in road 3 at last, and a snapshot of it from road 1.
 */
async function makeStores(dir: string): Promise<{ live: string; copy: string }> {
  const [live, copy] = [join(dir, 'live'), join(dir, 'copy')];
  await using store = await open(live);
  await using guard = await guardOf(store, true);
  await store.persist(ROUNDS[0]!);
  await guard.round({ votes: [proposalMsg('prepareVote', 1, 0), appMsg(2, 0)] });
  await snapshot(live, copy, { model: autobahn });
  await store.persist(ROUNDS[1]!);
  await store.persist(ROUNDS[2]!);
  await guard.round({ votes: [proposalMsg('commitVote', 3, 0), timeoutMsg(3, 0, 0), appMsg(11, 2)] });
  assert.ok(await guard.laneVote(OTHER, 2n));
  return { live, copy };
}

test(
  'refuses what was signed after the snapshot, and signs above it, in every part',
  inTemp(async (dir) => {
    const { copy } = await makeStores(dir);
    {
      await using store = await open(copy);
      await using guard = await guardOf(store);
      assert.is(guard.test(proposalMsg('commitVote', 3, 0, 1)), 'quarantined');
      // The peers have CommitQC 1 at least: they signed CommitQC 2, which this key has had.
      assert.equal(await guard.answer(keys[1]!, { next: 2n, own: 3n }), true);
      assert.equal(await guard.answer(keys[1]!, { next: 9n }), false);
      assert.equal(await guard.answer(keys[0]!, { next: 2n }), false);
      await refused(release(copy, { dryRun: true }), 'LANESTORE_INVALID', /1 of 3 other validators have answered/);
      assert.equal(await guard.answer(keys[2]!, { next: 2n, own: 2n }), true);
      assert.equal(await guard.answer(keys[3]!, { next: 1n }), true);
      await refused(
        release(copy, { dryRun: true }),
        'LANESTORE_INVALID',
        /has CommitQC 1, and the store ends before 1/,
      );
      await store.persist(ROUNDS[1]!);
      const plan = await release(copy, { dryRun: true });
      assert.equal(
        [plan.opened, plan.closed],
        [
          ['rounds', 'lanes'],
          ['app', 'own'],
        ],
      );
      assert.match(plan.pending!.get('app')!, /CommitQC 2 is not stored yet/);
      assert.match(plan.pending!.get('own')!, /not every other validator/);
      await refused(release(copy, { open: ['own'], dryRun: true }), 'LANESTORE_INVALID', /own cannot be opened yet/);
      await store.persist({ commitQCs: ROUNDS[2]!.commitQCs });
      assert.equal(await guard.answer(keys[3]!, { next: 7n, own: 0n }), true);
      assert.match((await release(copy, { dryRun: true })).pending!.get('own')!, /received block 2 of the own lane/);
      await store.persist({ blocks: ROUNDS[2]!.blocks });
    }
    const plan = await release(copy, { dryRun: true });
    assert.equal(await release(copy, { seq: plan.seq }), plan);
    assert.equal([plan.opened.length, plan.closed], [4, []]);
    await using view = await openView(copy, { model: autobahn });
    assert.is(view.votes?.quarantine, undefined);
    const event = await view.get(`meta/event/${String(plan.seq + 1n).padStart(20, '0')}`);
    assert.match(Buffer.from(event!.value).toString('latin1'), /fromPeers/);

    await using store = await open(copy);
    await using guard = await guardOf(store);
    for (const vote of [
      proposalMsg('commitVote', 3, 0, 1),
      proposalMsg('prepareVote', 2, 7),
      timeoutMsg(3, 0),
      appMsg(11, 2, 1),
    ]) {
      assert.is(guard.test(vote), 'floor');
    }
    for (const vote of [proposalMsg('commitVote', 3, 1), proposalMsg('prepareVote', 3, 1), timeoutMsg(3, 1)]) {
      assert.is(guard.test(vote), 'new');
    }
    assert.is(guard.test(appMsg(15, 3)), 'early');
    await store.persist(ROUNDS[3]!);
    assert.is(guard.test(appMsg(15, 3)), 'new');
    assert.is(guard.test(proposalMsg('prepareVote', 4, 0)), 'new');
    assert.is(await guard.laneVote(OTHER, 2n), undefined);
    // The own lane continues after the last block that peers received; votes of others replace
    // those below the floor.
    const next = store.cursors.lanes.get(OWN)!.next;
    await refused(
      guard.ownBlock(ownBlock(2n), async () => undefined),
      'LANESTORE_CONFLICT',
    );
    const block = await guard.ownBlock(ownBlock(next), (signed) => store.persist({ blocks: [signed] }));
    assert.is(block.block.header.blockNumber, next);
    assert.ok(await guard.laneVote(OWN, next));
  }),
);

test(
  'answers from before a part was closed do not count, nor do those that an open store is given',
  inTemp(async (dir) => {
    const { live, copy } = await makeStores(dir);
    {
      await using store = await open(live);
      await using guard = await guardOf(store);
      assert.equal(await guard.answer(keys[1]!, { next: 3n, own: 3n }), false);
    }
    await using store = await open(copy);
    await using guard = await guardOf(store);
    await refused(release(copy, { peers: { validators: keys.slice(0, 3) }, dryRun: true }), 'LANESTORE_INVALID');
    for (const key of keys.slice(1)) await guard.answer(key, { next: 1n, own: 1n });
    const plan = await release(copy, { dryRun: true });
    assert.equal(plan.logs.get('commit')?.floor, [2n, 0n]);
    assert.is(plan.laneFloors.get(OTHER), 30n);
    await guard.close();
    await refused(release(copy, { seq: plan.seq - 1n }), 'LANESTORE_LOCKED');
    await store.close();
    const first = await release(copy, { open: ['rounds'] });
    assert.equal(first.closed, ['app', 'lanes', 'own']);
    {
      await using again = await open(copy);
      await using other = await guardOf(again);
      assert.equal(await other.answer(keys[1]!, { next: 5n, own: 9n }), true);
      // A signature of this key that the store never gave: its old signer still runs.
      assert.equal(await other.observe(net.signedBy(0, proposalMsg('commitVote', 9, 0))), true);
      assert.is(again.votes?.durable.quarantine?.answers, undefined);
    }
    await refused(release(copy), 'LANESTORE_INVALID', /0 of 3 other validators have answered/);
  }),
);

test(
  'a new store in place of one that is lost: closed until its peers have answered, bound by the release',
  inTemp(async (dir) => {
    const location = join(dir, 'new');
    {
      await using store = await open(location);
      await using guard = await guardOf(store);
      for (const key of keys.slice(1)) assert.is(await guard.answer(key, { next: 2n, own: 2n }), true);
      assert.is(guard.test(timeoutMsg(0, 0)), 'quarantined');
      await store.persist(ROUNDS[0]!);
      await store.persist(ROUNDS[1]!);
      await refused(release(location, { signer: keys[0]!, open: ['app'] }), 'LANESTORE_INVALID', /CommitQC 2 is not/);
      await store.persist(ROUNDS[2]!);
    }
    await refused(release(location), 'LANESTORE_INVALID', /no key is bound/);
    const report = await release(location, { signer: keys[0]! });
    assert.equal([report.opened.length, report.closed, report.logs.get('commit')?.floor], [4, [], [3n, 0n]]);
    await using store = await open(location);
    await using guard = await guardOf(store);
    assert.equal([guard.test(timeoutMsg(3, 0)), guard.test(timeoutMsg(3, 1))], ['floor', 'new']);
  }),
);

test(
  'a snapshot, or an older state, of a store with answers has none: its key may have signed since',
  inTemp(async (dir) => {
    const { copy } = await makeStores(dir);
    const again = join(dir, 'again');
    {
      await using store = await open(copy);
      await using guard = await guardOf(store);
      for (const key of keys.slice(1)) await guard.answer(key, { next: 1n, own: 1n });
    }
    await snapshot(copy, again, { model: autobahn });
    assert.equal((await release(copy)).closed, ['app']);
    await refused(release(again), 'LANESTORE_INVALID', /0 of 3 other validators have answered/);
    const older = join(dir, 'older');
    cpSync(again, older, { recursive: true });
    {
      await using store = await open(older);
      await using guard = await guardOf(store);
      for (const key of keys.slice(1)) await guard.answer(key, { next: 1n, own: 1n });
    }
    rmSync(join(older, 'witness'));
    await using view = await openView(older, { model: autobahn });
    const acceptRollback = { seq: view.tip!.seq };
    await (await openLevel(older, { model: autobahn, acceptRollback })).close();
    await refused(release(older), 'LANESTORE_INVALID', /0 of 3 other validators have answered/);
  }),
);

test(
  'where CommitQCs are pruned, the oldest that is left bounds as well',
  inTemp(async (dir) => {
    const { copy } = await makeStores(dir);
    {
      await using store = await open(copy);
      await using guard = await guardOf(store);
      for (const key of keys.slice(1)) await guard.answer(key, { next: 1n, own: 1n });
      for (const round of ROUNDS.slice(1)) await store.persist(round);
      await store.persist({ anchor: net.anchor(QCS[3]!) });
      await refused(guard.answer(keys[1]!, { next: -1n }), 'LANESTORE_INVALID');
      await refused(guard.answer(new Uint8Array(), { next: 1n }), 'LANESTORE_INVALID');
    }
    const { logs, laneFloors, closed } = await release(copy);
    assert.equal([logs.get('timeout')?.floor, laneFloors.get(OTHER), closed], [[2n, 0n], 33n, []]);
  }),
);

test(
  'an answer is read once: what is stored was checked, and the store opens',
  inTemp(async (dir) => {
    const { copy } = await makeStores(dir);
    const changing = (first: unknown) => {
      let reads = 0;
      return {
        get next() {
          return (reads++ === 0 ? first : 'x') as bigint;
        },
      };
    };
    {
      await using store = await open(copy);
      await using guard = await guardOf(store);
      assert.match(`${await rejection(guard.answer(keys[1]!, changing('x')))}`, /TypeError.*answer\.next/);
      assert.ok(await guard.answer(keys[1]!, changing(2n)));
    }
    await using view = await openView(copy, { model: autobahn });
    assert.equal([...view.votes!.quarantine!.answers!.values()], [{ next: 2n }]);
  }),
);

test.run();
