/** `lanestore import`, `export`, `diff`, `migrate` and `manifest` as real processes. */
import { join } from 'node:path';
import { Encoder } from 'cbor-x';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn } from '../../src/index.js';
import { contentOf, copyState, treeHash } from '../migrations/states.js';
import { jsonLines, type Result, run, runLines, shapeOf } from '../support/cli.js';
import { entriesIn, fixture, loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: import, export, diff, migrate, manifest');

test(
  'import, manifest, diff, export, diff again',
  inTemp(async (dir) => {
    const source = copyState('wal-crash-after-anchor', dir, 'source');
    const before = treeHash(source);
    const store = join(dir, 'store');
    const layouts = ['wal', 'wal-crc', 'file-per-entry'];
    const results = await runLines(dir, [
      ['import', source, store],
      ['manifest', store],
      ['manifest', source],
      ['diff', source, store, '--json'],
      ...layouts.flatMap((layout) => [
        ['export', store, join(dir, layout), '--layout', layout, '--json', '--drop-signing-state'],
        ['diff', store, join(dir, layout)],
      ]),
    ]);
    const [imported, ofStore, ofSource, differs, ...rest] = results as [Result, Result, Result, Result, ...Result[]];
    assert.is(imported.status, 0, imported.stderr);
    assert.match(imported.stdout, /^wal .*source\n {2}-> level .*store\n/);
    assert.match(imported.stdout, /dropped +\d+ blocks and \d+ CommitQCs below the anchor/);
    assert.match(imported.stdout, /verified: read back and equal to the source/);
    assert.is(treeHash(source), before);
    const started = loadExpected('wal-crash-after-anchor', 'expected-after-start.json');
    assert.equal(entriesIn(ofStore.stdout), started);
    assert.equal(JSON.parse(ofSource.stdout), loadExpected('wal-crash-after-anchor'));
    assert.is(differs.status, 4);
    const lines = jsonLines(differs.stdout);
    assert.ok(lines.length > 0);
    for (const line of lines) {
      assert.equal(shapeOf(line), ['kind', 'log', 'number']);
      assert.is(line.kind, 'first');
    }
    for (const [place, layout] of layouts.entries()) {
      const [exported, same] = rest.slice(2 * place) as [Result, Result];
      assert.is(exported.status, 0, exported.stderr);
      const report = JSON.parse(exported.stdout);
      assert.equal([report.targetLayout, report.sourceLayout, report.staleBlocks], [layout, 'level', 0]);
      assert.equal([same.status, same.stdout], [0, `equal: level, ${layout}\n`]);
    }
  }),
);

test(
  'migrate: a store of format 0, found, counted, migrated',
  inTemp(async (dir) => {
    const cbor = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });
    const { commitQCs, blocks } = await contentOf(fixture('wal-no-anchor', 'state'));
    const db = new ClassicLevel<string, Uint8Array>(join(dir, 'level'), { valueEncoding: 'view' });
    for (const qc of commitQCs)
      await db.put(`qc/${autobahn.commitQC.index(qc)}`, cbor.encode(autobahn.commitQC.toBody(qc)));
    for (const [lane, list] of blocks) {
      for (const block of list)
        await db.put(`lane/${lane}/${autobahn.block.number(block)}`, cbor.encode(autobahn.block.toBody(block)));
    }
    await db.close();
    const refused = run('inspect', dir);
    assert.is(refused.status, 3);
    assert.match(
      refused.stderr,
      /^LANESTORE_SCHEMA: the store has format 0; this version reads format 2.*lanestore migrate/,
    );
    const dry = run('migrate', dir, '--dry-run');
    assert.match(dry.stdout, /^format 0 -> 2: 48 entries to convert\n$/);
    const done = run('migrate', dir, '--json');
    assert.is(done.status, 0, done.stderr);
    const report = JSON.parse(done.stdout);
    assert.equal([report.from, report.to, report.steps[0].entries, report.dryRun], [0, 2, 48, false]);
    assert.equal(entriesIn(run('manifest', dir).stdout), loadExpected('wal-no-anchor'));
    assert.match(run('migrate', dir).stdout, /already has format 2/);
  }),
);

test('bench shows how to run the benchmark', () => {
  const { status, stdout } = run('bench');
  assert.is(status, 0);
  assert.match(stdout, /npm run bench -- --quick/);
  assert.equal(shapeOf(JSON.parse(run('bench', '--json').stdout)), ['command', 'results']);
});

test.run();
