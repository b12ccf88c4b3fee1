/**
 * Damage in value files: every kind is a finding that names lane, number, file and offset, and no
 * file changes.
 */
import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ValueRef } from '../../../../src/adapter/level/format/value-ref.js';
import { openLevel } from '../../../../src/adapter/level/index.js';
import { valueFileName } from '../../../../src/adapter/level/values/names.js';
import { blockKey } from '../../../../src/keys/index.js';
import { flipInFile, rawBatch, rawGet, refused, tree } from '../../../support/faults.js';
import { plain } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { big, openSmall, placeOf, run, valueFiles } from './support.js';

const test = suite('separated values: damage');

/**
 * Damages the file that holds block 7 of lane 0a. Each returns the numbers of the damaged blocks.
 */
const CASES: Record<string, { kind: string; damage: (path: string, at: ValueRef) => void; all?: boolean }> = {
  'a file is missing': { kind: 'value-missing', all: true, damage: (path) => rmSync(path) },
  'a file has another name': { kind: 'value-missing', all: true, damage: (path) => renameSync(path, `${path}.bak`) },
  'a file is short': {
    kind: 'value-short',
    damage: (path, { offset, length }) => truncateSync(path, offset + length - 1),
  },
  'a bit of the body is another': {
    kind: 'record-crc',
    damage: (path, { offset }) => flipInFile(path, (offset + 900) * 8),
  },
  'the crc is another': {
    kind: 'value-other',
    damage: (path, { offset, length }) => flipInFile(path, (offset + length - 1) * 8),
  },
  'zeros lie there': {
    kind: 'value-other',
    damage: (path, { offset, length }) => writeFileSync(path, readFileSync(path).fill(0, offset, offset + length)),
  },
};

for (const [what, { kind, damage, all = false }] of Object.entries(CASES)) {
  test(
    `${what}: ${kind}`,
    inTemp(async (dir) => {
      const store = await openSmall(dir);
      await run(store, '0a', 0, 10, 100);
      await store.close();
      const at = await placeOf(dir, '0a', 7);
      damage(join(dir, 'values', valueFileName(at.file)), at);
      const before = tree(join(dir, 'values'));
      for (const load of [true, false]) {
        const { findings = [] } = await refused(openLevel(dir, { model: plain, load }), 'LANESTORE_CORRUPT');
        const found = findings.find(({ number }) => number === 7n);
        assert.equal(
          [found?.kind, found?.key, found?.lane, found?.file, found?.offset],
          [kind, blockKey('0a', 7n), '0a', `values/${valueFileName(at.file)}`, at.offset],
        );
        if (!all) assert.is(findings.length, kind === 'value-short' ? findings.length : 1);
        assert.equal(tree(join(dir, 'values')), before, 'the refused open changed nothing');
      }
    }),
  );
}

test(
  'a reference under another key is refused, and so is a reference to another record',
  inTemp(async (dir) => {
    const store = await openSmall(dir);
    await run(store, '0a', 0, 3, 100);
    await store.close();
    const [first, second] = [await rawGet(dir, blockKey('0a', 1n)), await rawGet(dir, blockKey('0a', 2n))];
    await rawBatch(dir, [
      { type: 'put', key: blockKey('0a', 1n), value: second },
      { type: 'put', key: blockKey('0a', 2n), value: first },
    ]);
    const { findings = [] } = await refused(openSmall(dir), 'LANESTORE_CORRUPT');
    assert.equal(
      findings.map(({ kind, number }) => [kind, number]),
      [
        ['record-crc', 1n],
        ['record-crc', 2n],
      ],
    );
  }),
);

test(
  'a running store reports the block when it is read',
  inTemp(async (dir) => {
    await using store = await openSmall(dir);
    await run(store, '0a', 0, 3, 100);
    const [name = ''] = valueFiles(dir);
    flipInFile(join(dir, 'values', name), 900 * 8);
    const { findings } = await refused(store.block('0a', 0n), 'LANESTORE_CORRUPT');
    assert.equal(
      [findings?.[0]?.kind, findings?.[0]?.file, findings?.[0]?.offset],
      ['record-crc', `values/${name}`, 0],
    );
    assert.equal(await store.block('0a', 1n), big('0a', 1));
  }),
);

test(
  'foreign files stay and are noted; files of an interrupted preparation are removed',
  inTemp(async (dir) => {
    {
      await using store = await openSmall(dir);
      await run(store, '0a', 0, 3, 100);
    }
    const path = (name: string) => join(dir, 'values', name);
    for (const name of ['notes.txt', '7.values', '00000000000000000099.preparing']) writeFileSync(path(name), 'x');
    {
      await using store = await openSmall(dir);
      assert.ok(store.recovery.notes.some((note) => note.includes('notes.txt') && note.includes('7.values')));
      await run(store, '0a', 3, 30, 3);
    }
    const left = valueFiles(dir);
    assert.ok(left.includes('notes.txt') && left.includes('7.values'));
    assert.not.ok(left.some((name) => name.endsWith('.preparing')));
  }),
);

test(
  'both record versions are readable when separation is turned off, and on again',
  inTemp(async (dir) => {
    {
      await using store = await openSmall(dir);
      await run(store, '0a', 0, 10, 100);
    }
    {
      await using store = await openLevel(dir, { model: plain, values: false });
      const [before, { liveBytes }] = [valueFiles(dir), store.valueUsage];
      for (let n = 10; n < 20; n++) await store.persist({ blocks: [big('0a', n)] });
      assert.is(store.valueUsage.liveBytes, liveBytes, 'nothing new is separated');
      assert.equal(
        valueFiles(dir).filter((name) => !before.includes(name)),
        [],
        'no file is made; at most one spare file may be freed',
      );
      for (const n of [0, 9, 10, 19]) assert.equal(await store.block('0a', BigInt(n)), big('0a', n));
    }
    await using store = await openSmall(dir);
    await run(store, '0a', 20, 25, 100);
    assert.equal(
      store.takeRecovered().blocks.get('0a'),
      Array.from({ length: 20 }, (_, n) => big('0a', n)),
    );
  }),
);

test.run();
