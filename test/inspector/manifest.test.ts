/**
 * The recorded traffic of the original, replayed: the store then holds what the original loads
 * (expected.json).
 */
import { join } from 'node:path';
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LevelStore, Round } from '../../src/index.js';
import {
  autobahn,
  type CommitQC,
  entryChecks,
  importState,
  openLevel,
  type PruneAnchor,
  releaseStore,
  type SignedBlock,
  snapshot,
} from '../../src/index.js';
import { formatTimestamp, manifestChunks, manifestOf } from '../../src/inspector/index.js';
import { diffStates, openState } from '../../src/migrations/index.js';
import { entriesIn, fixture, loadExpected, loadRounds, type WireRound } from '../support/fixtures.js';
import { withTemp } from '../support/temp.js';

const test = suite('manifest');

type Store = LevelStore<SignedBlock, CommitQC, PruneAnchor>;

function decode(round: WireRound): Round<SignedBlock, CommitQC, PruneAnchor> {
  return {
    anchor: round.anchor === undefined ? undefined : autobahn.anchor.fromWire(round.anchor),
    commitQCs: round.commitQCs.map((qc) => autobahn.commitQC.fromWire(qc)),
    blocks: round.blocks.map((block) => autobahn.block.fromWire(block)),
  };
}

interface Place {
  open(): Promise<Store>;
}

function onDisk(run: (place: Place) => Promise<void>): Promise<void> {
  return withTemp((directory) => run({ open: () => openLevel(directory, { model: autobahn }) }));
}

async function inMemory(run: (place: Place) => Promise<void>): Promise<void> {
  const db = new MemoryLevel();
  await run({ open: () => openLevel({ db, model: autobahn }) });
  await db.close();
}

async function manifestAt(place: Place): Promise<unknown> {
  const store = await place.open();
  const manifest = manifestOf(store.takeRecovered());
  await store.close();
  return manifest;
}

for (const [where, withPlace] of [
  ['LevelDB', onDisk],
  ['memory-level', inMemory],
] as const) {
  for (const name of ['wal', 'wal-quiet-lane', 'wal-no-anchor']) {
    test(`${name}, replayed into ${where}, gives what the original loads`, () =>
      withPlace(async (place) => {
        const store = await place.open();
        for (const round of loadRounds(name)) await store.persist(decode(round));
        await store.close();
        assert.equal(await manifestAt(place), loadExpected(name));
      }));

    test(`${name}, all rounds at once into ${where}, gives the same content`, () =>
      withPlace(async (place) => {
        const store = await place.open();
        await Promise.all(loadRounds(name).map((round) => store.persist(decode(round))));
        await store.close();
        assert.equal(await manifestAt(place), loadExpected(name));
      }));
  }

  test(`wal-crash-after-anchor, of the last round only the anchor, into ${where}: the original's start state`, () =>
    withPlace(async (place) => {
      const rounds = loadRounds('wal-crash-after-anchor').map(decode);
      const store = await place.open();
      for (const round of rounds.slice(0, -1)) await store.persist(round);
      await store.persist({ anchor: rounds.at(-1)?.anchor });
      await store.close();
      assert.equal(await manifestAt(place), loadExpected('wal-crash-after-anchor', 'expected-after-start.json'));
    }));
}

test('reopened after every round, the content is the same as without', () =>
  onDisk(async (place) => {
    for (const round of loadRounds('wal-quiet-lane')) {
      const store = await place.open();
      await store.persist(decode(round));
      await store.close();
    }
    assert.equal(await manifestAt(place), loadExpected('wal-quiet-lane'));
  }));

test('an empty store has an empty manifest', () =>
  inMemory(async (place) => {
    assert.equal(await manifestAt(place), { committee: [], anchor: null, commitQCs: [], lanes: {} });
  }));

test('votes: states that may sign the same have one manifest, all others have another; so does diff', () =>
  withTemp(async (dir) => {
    const manifests = new Map<string, string>();
    const manifestIn = async (location: string) => {
      const source = await openState(location, autobahn);
      let text = '';
      for await (const chunk of manifestChunks(source)) text += chunk;
      await source.close();
      return text;
    };
    const differences = async (a: string, b: string) => {
      const [first, second] = [await openState(a, autobahn), await openState(b, autobahn)];
      const found: unknown[] = [];
      for await (const difference of diffStates(first, second, autobahn)) found.push(difference);
      await first.close();
      await second.close();
      return found;
    };
    const importTo = async (name: string) => {
      const location = join(dir, name);
      await importState(fixture('wal', 'state'), location, { model: autobahn, checks: entryChecks() });
      return location;
    };
    const released = async (name: string, options: object) => {
      const location = await importTo(name);
      await releaseStore(location, { model: autobahn, reason: name, ...options } as never);
      return location;
    };
    const wal = fixture('wal', 'state');
    const closed = await importTo('closed');
    const asIs = (byte: number) => ({ asIs: true, signer: new Uint8Array(32).fill(byte) });
    const lane = Object.keys(JSON.parse(await manifestIn(wal)).lanes)[0] ?? '';
    const open = await released('open', asIs(1));
    const [voted, again] = [await released('voted', asIs(1)), await released('again', asIs(1))];
    for (const location of [voted, again]) {
      await using store = await openLevel(location, { model: autobahn });
      const view = { index: 40n, number: 0n };
      const seconds = location === voted ? 1n : 2n;
      const value = { view, createdAt: { seconds, nanos: 0 }, laneRanges: [] } as never;
      await store.persist({ votes: [{ kind: 'prepareVote', value }] });
    }
    const unlike = [
      closed,
      open,
      await released('another key', asIs(2)),
      await released('some parts', { ...asIs(1), open: ['app'] }),
      await released('a floor', { floors: new Map([['app', [999n]]]), open: [], signer: asIs(1).signer }),
      await released('a lane floor', { floors: new Map([[lane, 999n]]), open: [], signer: asIs(1).signer }),
      voted,
      again,
    ];
    for (const location of unlike) {
      const manifest = await manifestIn(location);
      assert.is(manifests.get(manifest), undefined, `${location} and ${manifests.get(manifest)}`);
      manifests.set(manifest, location);
      assert.equal(entriesIn(manifest), loadExpected('wal'), 'the entries are the same');
      const expected = location === closed ? [] : [{ log: 'votes', kind: 'differs' }];
      assert.equal(await differences(closed, location), expected, location);
    }
    for (const alike of [await importTo('closed later'), join(dir, 'snapshot')]) {
      if (alike.endsWith('snapshot')) await snapshot(closed, alike, { model: autobahn });
      assert.is(await manifestIn(alike), await manifestIn(closed));
      assert.equal(await differences(closed, alike), []);
    }
    assert.is(JSON.parse(await manifestIn(wal)).votes, undefined, 'the original keeps none');
    const shown = JSON.parse(await manifestIn(voted));
    await using store = await openLevel(voted, { model: autobahn });
    const { durable } = store.votes!;
    assert.equal(JSON.parse(JSON.stringify(manifestOf(store.takeRecovered(), durable))), shown);
    assert.is(shown.votes.logs.find(({ log }: { log: string }) => log === 'prepare').at.join(), '40,0');
  }));

test('timestamps are formatted as in Go', () => {
  const cases: [seconds: bigint, nanos: number, text: string][] = [
    [1774000009n, 969456789, '2026-03-20T09:46:49.969456789Z'],
    [0n, 0, '1970-01-01T00:00:00Z'],
    [1n, 500000000, '1970-01-01T00:00:01.5Z'],
    [-1n, 1, '1969-12-31T23:59:59.000000001Z'],
  ];
  for (const [seconds, nanos, text] of cases) assert.is(formatTimestamp({ seconds, nanos }), text);
});

test.run();
