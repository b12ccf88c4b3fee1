/**
 * State directories that the original wrote: they open to what it loads, and its traffic gives the
 * same files, byte for byte.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ABFile, openWal, readWal } from '../../../src/adapter/wal/index.js';
import { autobahn } from '../../../src/model/autobahn/index.js';
import { refused, tree } from '../../support/faults.js';
import { fixture, loadExpected, loadRounds } from '../../support/fixtures.js';
import { innerState } from '../../support/inner.js';
import { inTemp } from '../../support/temp.js';
import { copyState, digestsExpected, digestsOf, originalFiles, roundOf } from './state.js';

const test = suite('wal: state of the original');

const folders = [
  { name: 'wal', expected: 'wal', traffic: 'wal', encoding: 'wrapper' },
  { name: 'wal-crc', expected: 'wal', traffic: 'wal', encoding: 'crc' },
  { name: 'wal-quiet-lane', expected: 'wal-quiet-lane', traffic: 'wal-quiet-lane', encoding: 'wrapper' },
  { name: 'wal-no-anchor', expected: 'wal-no-anchor', traffic: 'wal-no-anchor', encoding: 'wrapper' },
  {
    name: 'wal-crash-after-anchor',
    expected: 'wal-crash-after-anchor',
    traffic: 'wal-crash-after-anchor',
    encoding: 'wrapper',
  },
] as const;

for (const { name, expected, traffic, encoding } of folders) {
  const crashed = name === 'wal-crash-after-anchor';

  test(
    `${name}: readWal returns the content and changes nothing`,
    inTemp(async (dir) => {
      const at = copyState(name, dir);
      const before = tree(at);
      const content = await readWal(at, { model: autobahn });
      assert.equal(digestsOf(content), digestsExpected(loadExpected(expected)));
      assert.equal([content.torn, content.notes, content.findings], [[], [], []]);
      assert.equal(tree(at), before);
    }),
  );

  test(
    `${name}: openWal gives what the original's node starts with, also when it is opened again`,
    inTemp(async (dir) => {
      const at = copyState(name, dir);
      const wanted = digestsExpected(loadExpected(expected, crashed ? 'expected-after-start.json' : 'expected.json'));
      for (let i = 0; i < 2; i++) {
        await using store = await openWal(at, { model: autobahn });
        const recovered = store.takeRecovered();
        assert.equal(digestsOf(recovered), wanted);
        assert.equal(store.notes, []);
        for (const [lane, blocks] of recovered.blocks) {
          const first = autobahn.block.number(blocks[0]!);
          assert.equal(store.cursors.lanes.get(lane), { first, next: first + BigInt(blocks.length) });
        }
        const first = BigInt(wanted.commitQCs[0]![0]);
        assert.equal(store.cursors.commitQCs, { first, next: first + BigInt(wanted.commitQCs.length) });
      }
      const content = await readWal(at, { model: autobahn });
      assert.equal(digestsOf(content), wanted, 'stale entries are gone from the disk');
    }),
  );

  test(
    `${name}: opening changes no byte except stale files`,
    inTemp(async (dir) => {
      const at = copyState(name, dir);
      const before = originalFiles(at);
      await (await openWal(at, { model: autobahn })).close();
      if (crashed) assert.not.equal(originalFiles(at), before);
      else assert.equal(originalFiles(at), before);
    }),
  );

  test(
    `${name}: the same rounds make the same files, byte for byte`,
    inTemp(async (dir) => {
      const at = join(dir, 'state');
      const rounds = loadRounds(traffic);
      const unfinished = crashed ? rounds.pop() : undefined;
      const store = await openWal(at, { model: autobahn, directorySync: false, encoding });
      for (const round of rounds) await store.persist(roundOf(round));
      await store.close();
      if (unfinished !== undefined) {
        const anchor = await ABFile.open(at, 'avail_inner');
        await anchor.write(unfinished.anchor!);
        await anchor.close();
      }
      const original = fixture(name, 'state');
      const wanted = originalFiles(original);
      const made = originalFiles(at);
      // The original makes a log for every known lane; here a lane becomes known with its first
      // block.
      const neverUsed = Object.keys(wanted).filter((file) => file.startsWith('blocks/') && wanted[file] === '');
      assert.equal(neverUsed.length, name === 'wal-quiet-lane' ? 1 : 0);
      for (const file of neverUsed) delete wanted[file];
      assert.equal(Object.keys(made).sort(), Object.keys(wanted).sort());
      for (const [file, bytes] of Object.entries(wanted)) assert.ok(made[file] === bytes, file);
    }),
  );

  test(
    `${name}: the same rounds, reopened after each third, with directories synced: the same files`,
    inTemp(async (dir) => {
      const at = join(dir, 'state');
      const rounds = crashed ? loadRounds(traffic).slice(0, -1) : loadRounds(traffic);
      let store = await openWal(at, { model: autobahn, encoding });
      for (const [i, round] of rounds.entries()) {
        await store.persist(roundOf(round));
        if (i % 3 !== 2) continue;
        await store.close();
        store = await openWal(at, { model: autobahn, encoding });
      }
      await store.close();
      const wanted = originalFiles(fixture(name, 'state'));
      for (const [file, bytes] of Object.entries(originalFiles(at))) {
        if (crashed && file.startsWith('avail_inner')) continue;
        assert.ok(wanted[file] === bytes, file);
      }
      assert.equal(
        readdirSync(join(at, 'blocks')).length,
        Object.values(loadExpected(expected).lanes).filter((lane) => lane.length > 0).length,
      );
    }),
  );
}

test(
  'wal-quiet-lane: a lane without blocks has no cursor',
  inTemp(async (dir) => {
    await using store = await openWal(copyState('wal-quiet-lane', dir), { model: autobahn });
    assert.is(store.cursors.lanes.size, 6);
    assert.is(loadExpected('wal-quiet-lane').committee.length, 7);
  }),
);

test(
  'a store continues in the encoding that it found, for both pairs',
  inTemp(async (dir) => {
    for (const [name, first] of [
      ['wal', 0x08],
      ['wal-crc', undefined],
    ] as const) {
      const at = copyState(name, dir);
      await using store = await openWal(at, { model: autobahn, encoding: name === 'wal' ? 'crc' : 'wrapper' });
      const { anchor } = store.takeRecovered();
      await store.persist({ anchor: anchor!, inner: innerState(3) });
      for (const file of ['avail_inner_b.pb', 'inner_a.pb']) {
        const [byte, next] = readFileSync(join(at, file));
        if (first === undefined) assert.not.equal([byte, next], [0x08, 0x01]);
        else assert.is(byte, first, file);
      }
      await store.close();
      await using again = await openWal(at, { model: autobahn });
      assert.equal(again.takeRecovered().inner, innerState(3));
    }
  }),
);

test(
  'file-per-entry is another layout: LANESTORE_SCHEMA, and nothing is made in it',
  inTemp(async (dir) => {
    const at = copyState('file-per-entry', dir);
    for (const removed of ['blocks', 'commitqcs']) {
      const before = tree(at);
      await refused(openWal(at, { model: autobahn }), 'LANESTORE_SCHEMA', /another layout/);
      await refused(readWal(at, { model: autobahn }), 'LANESTORE_SCHEMA');
      assert.equal(tree(at), before);
      // Either of the two directories is enough to recognize the layout.
      if (removed === 'blocks') rmSync(join(at, removed), { recursive: true });
    }
  }),
);

test.run();
