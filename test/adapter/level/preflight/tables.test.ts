/**
 * Tables: the preflight verifies the checksum of every byte that LevelDB will use. By default
 * LevelDB returns wrong values from a damaged table without an error, or aborts the process
 * (docs/leveldb-hazards.md, Bit rot in a table).
 */
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelOptions, openLevel, preflight } from '../../../../src/adapter/level/index.js';
import { unsnappy } from '../../../../src/adapter/level/preflight/snappy.js';
import { findingLines, flipInFile, refused } from '../../../support/faults.js';
import { Random, testSeed } from '../../../support/kill.js';
import { openElsewhere } from '../../../support/open-elsewhere.js';
import { plain } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { content, copy, masked, names, open, plainCrc32c } from './files.js';
import { makeStore } from './tables-support.js';

const test = suite('preflight of tables');
const seed = testSeed();

/** The tables that hold blocks; creation leaves one small table. */
function largeTables(location: string): string[] {
  return names(location, /\.ldb$/).filter((name) => statSync(join(location, name)).size > 10_000);
}

const KINDS: readonly (readonly [string, number, number, LevelOptions])[] = [
  ['40 B, plain', 40, 120, {}],
  ['40 B, snappy', 40, 120, { compression: true }],
  ['1 KB, plain', 1000, 60, {}],
  ['1 KB, snappy', 1000, 60, { compression: true, blockBytes: 1024 }],
  ['100 KB, plain', 100_000, 6, {}],
];

for (const [what, bytes, rounds, level] of KINDS) {
  test(
    `a flipped bit, a cut, zeros, garbage anywhere (${what}): refused, or exactly the content, and never an abort`,
    inTemp(async (dir) => {
      const base = await makeStore(join(dir, 'base'), bytes, rounds, level);
      const expected = await content(copy(base, join(dir, 'copy')));
      const random = new Random(seed);
      const tables = names(base, /\.ldb$/);
      assert.ok(tables.length >= 2);
      const probes = Array.from({ length: 30 }, (_, i) => {
        const target = copy(base, join(dir, `probe${i}`));
        const table = random.pick(tables);
        const path = join(target, table);
        const { size } = statSync(path);
        const at = i % 3 === 0 ? random.int(Math.max(0, size - 400), size) : random.int(0, size);
        const old = readFileSync(path);
        if (i % 6 < 4) {
          flipInFile(path, at * 8 + random.int(0, 8));
        } else {
          const harmed = Buffer.from(old);
          if (i % 6 === 4) harmed.fill(0, at, Math.min(size, at + random.int(1, 5000)));
          else harmed.fill(random.int(0, 256), at, Math.min(size, at + random.int(1, 50)));
          writeFileSync(path, harmed);
        }
        return { target, table, at, changed: !old.equals(readFileSync(path)) };
      });
      const outcomes = await openElsewhere(probes.map(({ target }) => target));
      let refusals = 0;
      for (const [i, outcome] of outcomes.entries()) {
        const { table, at, changed } = probes[i]!;
        const where = `probe ${i}, ${table} at ${at}, seed ${seed}`;
        assert.ok(outcome !== undefined, `aborted: ${where}`);
        if (outcome.content !== undefined) assert.is(outcome.content, expected, where);
        else {
          refusals++;
          assert.is(outcome.code, 'LANESTORE_CORRUPT', `${where}: ${outcome.message}`);
          assert.ok(
            outcome.findings?.every((line) => line.startsWith('table-damaged ')),
            `${where}: ${outcome.findings}`,
          );
        }
        if (!changed) assert.is(outcome.content, expected, where);
      }
      assert.ok(refusals >= 24, `${refusals} of ${outcomes.length}`);
    }),
  );
}

test(
  'all damaged blocks are named, each with its offset, in all tables',
  inTemp(async (dir) => {
    const location = await makeStore(join(dir, 'base'), 1000, 60, {});
    const tables = largeTables(location);
    assert.ok(tables.length >= 2);
    for (const table of tables) for (const at of [10, 9000]) flipInFile(join(location, table), at * 8);
    const error = await refused(open(location), 'LANESTORE_CORRUPT');
    const found = (error.findings ?? []).map(({ kind, file, offset }) => `${kind} ${file} ${offset !== undefined}`);
    assert.is(found.length, tables.length * 2);
    for (const table of tables) assert.is(found.filter((line) => line === `table-damaged ${table} true`).length, 2);
  }),
);

test(
  'tableCheckBytesMax bounds the bytes read, the newest tables first, and a note names the skipped tables',
  inTemp(async (dir) => {
    const location = await makeStore(join(dir, 'base'), 1000, 60, {});
    const [oldest] = largeTables(location);
    const sizes = largeTables(location).map((name) => statSync(join(location, name)).size);
    const all = await preflight(join(location, 'level'));
    assert.equal([all.findings, all.notes, all.uncheckedBytes], [[], [], 0]);
    const limit = sizes.at(-1)! + 10_000;
    const some = await preflight(join(location, 'level'), { tableCheckBytesMax: limit });
    assert.ok(some.uncheckedBytes > 0 && some.bytes < all.bytes);
    assert.match(some.notes.join(), /tableCheckBytesMax/);
    flipInFile(join(location, oldest!), (sizes[0]! - 20_000) * 8);
    assert.equal((await preflight(join(location, 'level'), { tableCheckBytesMax: limit })).findings, []);
    assert.is((await preflight(join(location, 'level'))).findings.length, 1);
    await refused(openLevel(location, { model: plain, tableCheckBytesMax: -1 }), 'LANESTORE_INVALID');
  }),
);

test(
  'the newest tip is found in any table, compressed or not',
  inTemp(async (dir) => {
    for (const compression of [false, true]) {
      const location = await makeStore(join(dir, `${compression}`), 300, 30, { compression });
      for (let seq = 30n; seq < 33n; seq++) {
        const report = await preflight(join(location, 'level'), {});
        assert.is(report.seq, seq);
        assert.is(report.store?.length, 16);
        await using store = await open(location, { compression });
        await store.persist({ inner: Buffer.from('x') });
      }
    }
  }),
);

test('snappy: literals and copies of every form', () => {
  const of = (...bytes: (number | string)[]) =>
    unsnappy(Buffer.concat(bytes.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part])))));
  const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString());
  assert.is(text(of(0)), '');
  assert.is(text(of(3, 2 << 2, 'abc')), 'abc');
  assert.is(text(of(61, 60 << 2, 60, 'x'.repeat(61))), 'x'.repeat(61));
  assert.is(text(of(44, 1, 61 << 2, 0x2b, 0x01, 'y'.repeat(300))), undefined, 'the length says 172');
  assert.is(text(of(0xac, 2, 61 << 2, 0x2b, 0x01, 'y'.repeat(300))), 'y'.repeat(300));
  // Copies: 4 bytes from 2 back (overlapping), 6 bytes from 3 back, 5 bytes from 1 back with a
  // 4-byte offset.
  assert.is(text(of(6, 1 << 2, 'ab', 1, 2)), 'ababab');
  assert.is(text(of(9, 2 << 2, 'abc', (5 << 2) | 2, 3, 0)), 'abcabcabc');
  assert.is(text(of(6, 0, 'z', (4 << 2) | 3, 1, 0, 0, 0)), 'zzzzzz');
  for (const wrong of [
    of(),
    of(4, 2 << 2, 'abc'),
    of(2, 2 << 2, 'abc'),
    of(6, 1 << 2, 'ab', 1, 3),
    of(6, 1 << 2, 'ab', 1, 0),
    of(6, 1 << 2, 'ab', 1),
    of(3, 2 << 2, 'ab'),
    of(0xff, 0xff, 0xff, 0xff, 0x0f, 0, 'a'),
  ])
    assert.is(wrong, undefined);
});

test(
  'blocks that LevelDB compressed decode to what LevelDB reads',
  inTemp(async (dir) => {
    const db = new ClassicLevel<string, string>(dir, { compression: true });
    const random = new Random(7);
    for (let i = 0; i < 3000; i++) {
      const word = `word ${random.int(0, 50)} `.repeat(random.int(1, 30));
      await db.put(`key ${String(i).padStart(5, '0')}`, `${word}${random.next()}`);
    }
    await db.compactRange('', '~');
    await db.close();
    const report = await preflight(dir);
    assert.equal(report.findings, []);
    assert.ok(report.tables > 0);
    for (const name of readdirSync(dir).filter((file) => file.endsWith('.ldb'))) {
      const bytes = readFileSync(join(dir, name));
      const at = random.int(0, bytes.length - 100);
      bytes[at] = bytes[at]! ^ 4;
      writeFileSync(join(dir, name), bytes);
    }
    assert.is((await preflight(dir)).findings.length, report.tables);
  }),
);

test(
  'a block that is whole but belongs elsewhere is found by the layout',
  inTemp(async (dir) => {
    const location = await makeStore(join(dir, 'base'), 40, 40, {});
    const table = names(location, /\.ldb$/)[0]!;
    const bytes = readFileSync(join(location, table));
    // A table of the same size with a whole, empty block in place of its index: every checksum
    // is valid.
    const block = Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    block.writeUInt32LE(masked(plainCrc32c(block.subarray(0, 9))), 9);
    const grown = Buffer.concat([bytes.subarray(0, bytes.length - 48 - 13), block, bytes.subarray(-48)]);
    assert.is(grown.length, bytes.length);
    writeFileSync(join(location, table), grown);
    await refused(open(location), 'LANESTORE_CORRUPT');
    truncateSync(join(location, table), bytes.length - 1);
    appendFileSync(join(location, table), bytes.subarray(-1));
    rmSync(join(location, table));
    assert.equal(findingLines(await refused(open(location), 'LANESTORE_CORRUPT')), [`table-missing ${table} - -`]);
  }),
);

test.run();
