/**
 * Opening parts of the votes by an operator's decision: what it opens, what it never lowers, and
 * what closes them in the first place.
 */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WITNESS_BYTES } from '../../../src/adapter/level/format/witness.js';
import { type ReleaseOptions, releaseStore } from '../../../src/adapter/level/index.js';
import { openGuard, openLevel, openView, snapshot } from '../../../src/index.js';
import { treeHash } from '../../migrations/states.js';
import { refused, rejection } from '../../support/faults.js';
import { Random, RandomKills, spawnWorker, testSeed } from '../../support/kill.js';
import { linkTree } from '../../support/link-tree.js';
import {
  plain,
  plainBlock,
  plainBlocks,
  plainLaneVote,
  plainQC,
  plainSignature,
  plainVote,
} from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';

const KEY = new Uint8Array(32).fill(7);
const OTHER = new Uint8Array(32).fill(8);
const ALL = ['rounds', 'app', 'lanes', 'own'];
const test = suite('release');

const open = (location: string) => openLevel(location, { model: plain });
const release = (location: string, options: Partial<ReleaseOptions<never, never, never>>) =>
  releaseStore(location, { model: plain, reason: 'a test', ...options } as never);
const votesAt = async (location: string) => {
  await using view = await openView(location, { model: plain });
  assert.equal(view.findings, []);
  return view.votes!;
};

/** A store whose key has voted, and a snapshot of it, which is closed. */
async function makeStores(dir: string): Promise<{ live: string; copy: string }> {
  const [live, copy] = [join(dir, 'live'), join(dir, 'copy')];
  await using store = await open(live);
  await using guard = await openGuard({ store, model: plain as never, key: KEY, firstUse: true });
  await store.persist({ commitQCs: [plainQC(0), plainQC(1)], blocks: plainBlocks('0a', 0, 5) });
  await guard.round({ votes: [plainVote('step', [1n, 1n])] as never });
  await snapshot(live, copy, { model: plain });
  return { live, copy };
}

test(
  'as it is: opens everything, keeps the watermarks, records the reason; nothing else does',
  inTemp(async (dir) => {
    const { live, copy } = await makeStores(dir);
    assert.is((await votesAt(live)).quarantine, undefined);
    const before = await votesAt(copy);
    assert.equal(before.quarantine?.parts, ALL);
    {
      await using store = await open(copy);
      await using guard = await openGuard({ store, model: plain as never, key: KEY, firstUse: true });
      assert.is(guard.test(plainVote('step', [1n, 1n]) as never), 'quarantined');
      await refused(guard.round({ votes: [plainVote('step', [2n, 2n])] as never }), 'LANESTORE_QUARANTINED');
      await refused(release(copy, { asIs: true }), 'LANESTORE_LOCKED');
    }
    const plan = await release(copy, { asIs: true, dryRun: true });
    assert.equal([plan.opened, plan.closed], [ALL, []]);
    assert.equal((await votesAt(copy)).quarantine?.parts, ALL);
    await refused(release(copy, { asIs: true, seq: plan.seq + 1n }), 'LANESTORE_INVALID', /changed since/);
    assert.equal(await release(copy, { asIs: true, seq: plan.seq }), plan);
    const after = await votesAt(copy);
    assert.equal(after, { ...before, quarantine: undefined });
    await using store = await open(copy);
    await using guard = await openGuard({ store, model: plain as never, key: KEY });
    assert.is(guard.test(plainVote('step', [1n, 1n]) as never), 'again');
    assert.is(guard.test(plainVote('step', [1n, 1n], { digest: new Uint8Array(32) }) as never), 'differs');
    await using view = await openView(copy, { model: plain });
    const event = await view.get(`meta/event/${String(plan.seq + 1n).padStart(20, '0')}`);
    assert.match(Buffer.from(event!.value).toString('latin1'), /release.*a test/s);
  }),
);

test(
  'with floors: opens only what is named and covered, and never lowers anything',
  inTemp(async (dir) => {
    const { copy } = await makeStores(dir);
    const floors = (...rows: [string, readonly bigint[] | bigint][]) => new Map(rows);
    for (const [decision, text] of [
      [{}, /either asIs must be true, or floors/],
      [{ asIs: true, floors: floors(['step', [5n, 0n]]) }, /either asIs must be true, or floors/],
      [{ floors: floors(['step', [5n, 0n]]) }, /open/],
      [{ floors: floors(['step', [5n, 0n]]), open: ['rounds', 'app'] }, /floor of log/],
      [{ floors: floors(['nonsense', [5n]]), open: [] }, /no log nonsense/],
      [{ floors: floors(['step', [5n, 1n, 1n, 1n]]), open: [] }, /must be \d unsigned/],
      [{ floors: floors(['step', [0n, 9n]]), open: [] }, /below/],
      [{ floors: floors(['0a', 5n]), open: ['own'] }, /no floor by hand opens the own lane/],
      [{ floors: floors(), open: ['lanes'] }, /a floor of every lane/],
      [{ floors: floors(['zz', 5n]), open: [] }, /no lane has that id/],
      [{ asIs: true, signer: OTHER }, /bound to another key/],
    ] as const) {
      await refused(release(copy, decision as never), 'LANESTORE_INVALID', text);
    }
    assert.equal((await votesAt(copy)).quarantine?.parts, ALL);
    const rows = Object.entries(plain.votes.logs).map(
      ([log, { arity }]) => [log, Array.from({ length: arity }, () => 9n)] as [string, bigint[]],
    );
    const report = await release(copy, { floors: floors(...rows, ['0a', 6n]), open: ['rounds', 'lanes'] } as never);
    assert.equal(
      [report.opened, report.closed],
      [
        ['rounds', 'lanes'],
        ['app', 'own'],
      ],
    );
    const votes = await votesAt(copy);
    assert.equal(votes.quarantine?.parts, ['app', 'own']);
    assert.is(votes.laneFloors.get('0a' as never), 6n);
    for (const [log, floor] of rows) assert.equal(votes.logs.get(log)?.floor, floor);
    await refused(release(copy, { floors: floors(['0a', 5n]), open: [] } as never), 'LANESTORE_INVALID', /below/);
    await using store = await open(copy);
    await using guard = await openGuard({ store, model: plain as never, key: KEY });
    assert.is(guard.test(plainVote('step', [1n, 1n]) as never), 'floor');
  }),
);

test(
  'a store that no key is bound to is opened for one that is named, and only as far as is said',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await (await open(location)).close();
    await refused(release(location, { asIs: true }), 'LANESTORE_INVALID', /signer must name/);
    const report = await release(location, { asIs: true, signer: KEY, open: ['app'] });
    assert.equal([report.opened, report.closed], [['app'], ['rounds', 'lanes', 'own']]);
    const { signer, quarantine } = await votesAt(location);
    assert.equal([signer, quarantine?.parts], [KEY, ['rounds', 'lanes', 'own']]);
  }),
);

test(
  'an accepted rollback closes everything, in its batch',
  inTemp(async (dir) => {
    const { live } = await makeStores(dir);
    const seq = await (async () => {
      await using store = await open(live);
      return store.seq;
    })();
    rmSync(join(live, 'witness'));
    await refused(open(live), 'LANESTORE_CORRUPT');
    {
      await using store = await openLevel(live, { model: plain, acceptRollback: { seq } });
      assert.equal(store.votes?.durable.quarantine?.parts, ALL);
      await refused(store.persist({ votes: [plainVote('step', [2n, 2n])] }), 'LANESTORE_QUARANTINED');
    }
    assert.match((await votesAt(live)).quarantine?.why ?? '', /rollback to batch/);
  }),
);

test(
  'a rollback that lost acknowledged batches: as it is does not open what they may have signed; floors do',
  inTemp(async (dir) => {
    const { live } = await makeStores(dir);
    const older = join(dir, 'older');
    cpSync(live, older, { recursive: true });
    const seq = await (async () => {
      await using store = await open(live);
      await using guard = await openGuard({ store, model: plain as never, key: KEY });
      const { seq } = store;
      await guard.round({ votes: [plainVote('step', [2n, 2n])] as never });
      return seq;
    })();
    rmSync(join(live, 'level'), { recursive: true });
    cpSync(join(older, 'level'), join(live, 'level'), { recursive: true });
    await refused(open(live), 'LANESTORE_ROLLED_BACK');
    await (await openLevel(live, { model: plain, acceptRollback: { seq } })).close();
    for (const dryRun of [true, false]) {
      await refused(release(live, { asIs: true, dryRun }), 'LANESTORE_INVALID', /not the last state.*rollback/);
    }
    assert.equal((await votesAt(live)).quarantine?.parts, ALL);
    // Nor does a snapshot of it, which adds no part to those that are closed.
    await snapshot(live, join(dir, 'again'), { model: plain });
    await refused(release(join(dir, 'again'), { asIs: true }), 'LANESTORE_INVALID', /not the last state/);
    const floors = new Map<string, bigint[]>(
      Object.entries(plain.votes.logs).map(([log, { arity }]) => [log, Array.from({ length: arity }, () => 2n)]),
    );
    await release(live, { floors, open: ['rounds', 'app'] });
    await using store = await open(live);
    await using guard = await openGuard({ store, model: plain as never, key: KEY });
    assert.is(guard.test(plainVote('step', [2n, 2n], { digest: new Uint8Array(32) }) as never), 'floor');
  }),
);

test(
  'signatures from outside: as it is does not open their part again',
  inTemp(async (dir) => {
    const { live } = await makeStores(dir);
    {
      await using store = await open(live);
      await using guard = await openGuard({ store, model: plain as never, key: KEY });
      const vote = plainVote('step', [9n, 9n]);
      assert.is(await guard.observe({ vote, signer: KEY, signature: plainSignature(KEY, vote.digest) } as never), true);
    }
    await refused(release(live, { asIs: true }), 'LANESTORE_INVALID', /not the last state.*outside/);
  }),
);

test(
  'signatures from outside: no floor below them opens their part, and seen again they change nothing',
  inTemp(async (dir) => {
    const { live } = await makeStores(dir);
    const signed = (vote: object) => ({ vote, signer: KEY, signature: new Uint8Array(1) }) as never;
    const seen = [
      signed(plainVote('step', [9n, 9n])),
      signed(plainVote('step', [8n, 0n])),
      signed(plainLaneVote('lanes', plainBlock('0c', 7))),
    ];
    for (const isFirst of [true, false]) {
      await using store = await open(live);
      await using guard = await openGuard({ store, model: plain as never, key: KEY });
      const { seq } = store;
      for (const message of seen) assert.is(await guard.observe(message), true);
      assert.is(store.seq - seq, isFirst ? 2n : 0n);
    }
    const { logs, laneFloors, quarantine } = await votesAt(live);
    assert.equal(quarantine?.parts, ['rounds', 'lanes']);
    assert.equal(logs.get('step')?.watermark?.at, [1n, 1n]);
    assert.equal(logs.get('step')?.floor, [9n, 9n]);
    assert.is(laneFloors.get('0c' as never), 7n);
    const decide = (step: bigint[], lane: bigint) =>
      release(live, {
        floors: new Map<string, bigint[] | bigint>([
          ['step', step],
          ['view', [9n, 9n]],
          ['0a', 9n],
          ['0c', lane],
        ]),
        open: ['rounds', 'lanes'],
      });
    await refused(decide([9n, 8n], 7n), 'LANESTORE_INVALID', /the floor .* of step is below/);
    await refused(decide([9n, 9n], 6n), 'LANESTORE_INVALID', /the floor 6 of 0c is below/);
    assert.equal((await decide([9n, 9n], 7n)).closed, []);
    await using store = await open(live);
    await using guard = await openGuard({ store, model: plain as never, key: KEY });
    assert.is(guard.test(plainVote('step', [9n, 9n], { digest: OTHER }) as never), 'floor');
    assert.is(await guard.observe(seen[0]!), false, 'it is below a floor that an operator gave');
  }),
);

test(
  'a copy by hard links signs nothing, and is not opened, while the store is there; the store signs on',
  inTemp(async (dir) => {
    const { live } = await makeStores(dir);
    const linked = join(dir, 'linked');
    // Times of files have the clock's resolution.
    await delay(50);
    linkTree(live, linked);
    const again = plainVote('step', [1n, 1n]);
    for (const [location, verdict] of [
      [linked, 'quarantined'],
      [live, 'again'],
      [linked, 'quarantined'],
    ] as const) {
      await using store = await open(location);
      await using guard = await openGuard({ store, model: plain as never, key: KEY });
      assert.is(guard.test(again as never), verdict, location);
    }
    const before = treeHash(linked);
    await refused(
      release(linked, { asIs: true }),
      'LANESTORE_INVALID',
      /copy by hard links, and the original is still/,
    );
    assert.is(treeHash(linked), before);
    rmSync(live, { recursive: true });
    assert.equal((await release(linked, { asIs: true })).opened, ALL);
    await using store = await open(linked);
    await using guard = await openGuard({ store, model: plain as never, key: KEY });
    assert.is(guard.test(again as never), 'again');
  }),
);

test(
  'a store that refuses a release is unchanged, byte for byte',
  inTemp(async (dir) => {
    const { live, copy } = await makeStores(dir);
    const before = treeHash(dir);
    const low = new Map([
      ['step', [0n, 9n]],
      ['view', [9n, 9n]],
    ]);
    const floors = new Map([
      ['step', [9n, 9n]],
      ['view', [9n, 9n]],
    ]);
    for (const [location, decision, text] of [
      [live, { asIs: true }, /no part of its votes is closed/],
      [copy, { asIs: true, signer: OTHER }, /bound to another key/],
      [copy, { asIs: true, seq: 99n }, /changed since/],
      [copy, { floors: low, open: ['rounds'] }, /below/],
      [copy, { floors, open: ['own'] }, /own lane/],
      [copy, { asIs: true, model: { ...plain, name: 'other/1' } }, /other\/1/],
    ] as const) {
      await rejection(release(location, decision as never)).then((error) => assert.match(String(error), text));
      assert.is(treeHash(dir), before, String(text));
    }
  }),
);

test(
  'a witness that proves nothing stays evidence: a release opens only what it names, as a dry run shows',
  inTemp(async (dir) => {
    const { live } = await makeStores(dir);
    writeFileSync(join(live, 'witness'), new Uint8Array(WITNESS_BYTES));
    const floors = new Map(
      Object.entries(plain.votes.logs)
        .filter(([, { part }]) => part === 'app')
        .map(([log, { arity }]) => [log, Array.from({ length: arity }, () => 9n)] as const),
    );
    for (const dryRun of [true, false]) {
      const { opened, closed } = await release(live, { floors, open: ['app'], dryRun });
      assert.equal([opened, closed], [['app'], ['rounds', 'lanes', 'own']]);
    }
    await using store = await open(live);
    assert.equal(store.votes?.durable.quarantine?.parts, ['rounds', 'lanes', 'own']);
  }),
);

test(
  'lanes are opened by floors of all that the store holds, or held',
  inTemp(async (dir) => {
    const copy = join(dir, 'copy');
    {
      await using store = await open(join(dir, 'live'));
      await using _ = await openGuard({ store, model: plain as never, key: KEY, firstUse: true });
      const blocks = ['0a', '0b', '0c'].flatMap((lane) => [...plainBlocks(lane, 0, 2)]);
      await store.persist({ commitQCs: [plainQC(0)], blocks });
      await store.dropLanes(['0c']);
      await snapshot(join(dir, 'live'), copy, { model: plain });
    }
    const floors = (...lanes: string[]) => new Map(lanes.map((lane) => [lane, 9n]));
    for (const lanes of [['0a'], ['0b', '0c'], ['0a', '0b'], ['0d']]) {
      await refused(release(copy, { floors: floors(...lanes), open: ['lanes'] }), 'LANESTORE_INVALID', /missing: 0/);
    }
    const { opened } = await release(copy, { floors: floors('0a', '0b', '0c'), open: ['lanes'] });
    assert.equal(opened, ['lanes']);
  }),
);

test(
  'a store that was never opened, without a witness: released, it opens',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await (await open(location)).close();
    rmSync(join(location, 'witness'));
    await release(location, { asIs: true, signer: KEY });
    await using store = await open(location);
    assert.equal([store.seq, store.votes?.durable.quarantine], [1n, undefined]);
  }),
);

test(
  'killed while it releases: closed or open, and nothing between',
  inTemp(async (dir) => {
    const { copy } = await makeStores(dir);
    const kills = new RandomKills(new Random(testSeed()), 60);
    for (let run = 0; kills.again(run, 6); run++) {
      const location = join(dir, `run-${run}`);
      cpSync(copy, location, { recursive: true });
      await kills.kill(spawnWorker(new URL('./release-worker.js', import.meta.url), [location]));
      const { quarantine } = await votesAt(location);
      assert.ok([0, 4].includes(quarantine?.parts.length ?? 0));
      await using store = await open(location);
      assert.equal(store.votes?.durable.quarantine, quarantine);
    }
    assert.ok(kills.killed > 0);
  }),
);

test.run();
