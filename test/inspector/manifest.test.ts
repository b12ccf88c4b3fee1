/**
 * The recorded traffic of the original, replayed: the store then holds what the original loads
 * (expected.json).
 */
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LevelStore, Round } from '../../src/index.js';
import { autobahn, type CommitQC, openLevel, type PruneAnchor, type SignedBlock } from '../../src/index.js';
import { formatTimestamp, manifestOf } from '../../src/inspector/index.js';
import { loadExpected, loadRounds, type WireRound } from '../support/fixtures.js';
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

  test(`wal-crash-after-anchor, of the last round only the anchor, into ${where}, gives what the original starts with`, () =>
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
