/** What the original wrote: imported, exported to each of its layouts, and equal throughout. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeAB } from '../../src/adapter/wal/ab-format.js';
import { autobahn, detectLayout, exportState, importState, openLevel, openWal } from '../../src/index.js';
import { manifestOf } from '../../src/inspector/index.js';
import { ORIGINAL_LAYOUTS } from '../../src/migrations/index.js';
import { fixture, loadExpected } from '../support/fixtures.js';
import { innerState } from '../support/inner.js';
import { inTemp } from '../support/temp.js';
import { copyState, filesOf, manifestIn, OPTIONS, treeHash } from './states.js';

const test = suite('migrations: fixtures');

/** Each with the manifest that a node starts from. */
const FIXTURES = [
  ['wal', loadExpected('wal'), 'wal'],
  ['wal-crc', loadExpected('wal'), 'wal-crc'],
  ['file-per-entry', loadExpected('wal'), 'file-per-entry'],
  ['wal-quiet-lane', loadExpected('wal-quiet-lane'), 'wal'],
  ['wal-no-anchor', loadExpected('wal-no-anchor'), 'wal'],
  ['wal-crash-after-anchor', loadExpected('wal-crash-after-anchor', 'expected-after-start.json'), 'wal'],
] as const;

for (const [name, expected, layout] of FIXTURES) {
  test(
    `${name}: imported, it is what the original starts from; exported to each layout, it still is`,
    inTemp(async (dir) => {
      const source = copyState(name, dir);
      const before = treeHash(source);
      assert.is((await detectLayout(source)).layout, layout);
      const store = join(dir, 'store');
      const report = await importState(source, store, OPTIONS);
      assert.is(treeHash(source), before, 'the source is untouched');
      assert.equal(await manifestIn(store), expected);
      assert.is(report.blocks, Object.values(expected.lanes).flat().length);
      assert.is(report.commitQCs, expected.commitQCs.length);
      assert.is(report.sourceLayout, layout);
      // A node opens it as its own.
      const opened = await openLevel(store, { model: autobahn, createIfMissing: false });
      assert.equal(manifestOf(opened.takeRecovered()), expected);
      await opened.close();
      for (const other of ORIGINAL_LAYOUTS) {
        const target = join(dir, `out-${other}`);
        await exportState(store, target, other, OPTIONS);
        assert.is(
          (await detectLayout(target)).layout,
          other === 'wal-crc' && report.anchor === undefined ? 'wal' : other,
        );
        assert.equal(await manifestIn(target), expected, other);
      }
      const wal = await openWal(join(dir, 'out-wal'), { model: autobahn, createIfMissing: false });
      assert.equal(manifestOf(wal.takeRecovered()), expected);
      await wal.close();
      assert.equal(
        readdirSync(dir).filter((entry) => entry.includes('.copy-')),
        [],
      );
    }),
  );
}

test(
  'what is below the anchor is counted, and the anchor brings its CommitQC along when the log has lost it',
  inTemp(async (dir) => {
    const source = copyState('wal-crash-after-anchor', dir);
    const [held, started] = [
      loadExpected('wal-crash-after-anchor'),
      loadExpected('wal-crash-after-anchor', 'expected-after-start.json'),
    ];
    const count = (lanes: object) => Object.values(lanes).flat().length;
    const report = await importState(source, join(dir, 'a'), OPTIONS);
    assert.is(report.staleBlocks, count(held.lanes) - count(started.lanes));
    assert.is(report.staleCommitQCs + report.commitQCs, held.commitQCs.length + (report.anchorQCAdded ? 1 : 0));
    assert.ok(report.staleBlocks > 0 && report.staleCommitQCs > 0);
    // The original's crash between emptying the QC log and writing the anchor's CommitQC.
    const emptied = copyState('wal', dir, 'emptied');
    const qcs = join(emptied, 'commitqcs');
    rmSync(join(qcs, '00000000000000000032'));
    writeFileSync(join(qcs, '00000000000000000032'), '');
    const again = await importState(emptied, join(dir, 'b'), OPTIONS);
    assert.ok(again.anchorQCAdded);
    assert.equal(
      (await manifestIn(join(dir, 'b'))).commitQCs.map(({ roadIndex }) => roadIndex),
      ['31'],
    );
  }),
);

for (const [name, layout] of [
  ['wal', 'wal'],
  ['wal-crc', 'wal-crc'],
  ['wal-quiet-lane', 'wal'],
  ['wal-no-anchor', 'wal'],
] as const) {
  test(
    `${name}: there and back again, the segments are the same bytes under the same names`,
    inTemp(async (dir) => {
      const source = copyState(name, dir);
      await importState(source, join(dir, 'store'), OPTIONS);
      await exportState(join(dir, 'store'), join(dir, 'out'), layout, OPTIONS);
      const [before, after] = [filesOf(source), filesOf(join(dir, 'out'))];
      const isPair = (file: string) => file.startsWith('avail_inner');
      const segments = (files: Record<string, string>) =>
        Object.fromEntries(Object.entries(files).filter(([file]) => !isPair(file)));
      assert.equal(segments(after), segments(before));
      assert.equal(Object.keys(after).sort(), Object.keys(before).sort());
    }),
  );
}

test(
  'file-per-entry: there and back again, every file of an entry is the same',
  inTemp(async (dir) => {
    const source = copyState('file-per-entry', dir);
    await importState(source, join(dir, 'store'), OPTIONS);
    await exportState(join(dir, 'store'), join(dir, 'out'), 'file-per-entry', OPTIONS);
    const [before, after] = [filesOf(source), filesOf(join(dir, 'out'))];
    for (const [file, bytes] of Object.entries(before)) {
      if (!file.startsWith('avail_inner')) assert.is(after[file], bytes, file);
    }
    assert.equal(Object.keys(after).sort(), Object.keys(before).sort());
  }),
);

test(
  "the A/B file has the same payload, seq 1 in A, B empty; the node's own state is copied; modes are a node's",
  inTemp(async (dir) => {
    const inner = innerState(7);
    const source = copyState('wal', dir);
    writeFileSync(join(source, 'inner_a.pb'), encodeAB('wrapper', 5n, inner));
    writeFileSync(join(source, 'inner_b.pb'), encodeAB('wrapper', 4n, innerState(1)));
    const report = await importState(source, join(dir, 'store'), OPTIONS);
    assert.ok(report.inner);
    const anchor = autobahn.anchor.toWire((await openedAnchor(join(dir, 'store'))).anchor!);
    assert.equal((await openedAnchor(join(dir, 'store'))).inner, inner);
    for (const [layout, encoding] of [
      ['wal', 'wrapper'],
      ['wal-crc', 'crc'],
      ['file-per-entry', 'wrapper'],
    ] as const) {
      const out = join(dir, `out-${layout}`);
      // The inner state has a vote: its key signed, and no layout of the original keeps that.
      const refusal = await exportState(join(dir, 'store'), out, layout, OPTIONS).catch((error) => error);
      assert.is(refusal.code, 'LANESTORE_IMPORT');
      assert.match(refusal.message, /keeps what its key signed/);
      await exportState(join(dir, 'store'), out, layout, { ...OPTIONS, dropSigningState: true });
      const bytes = (name: string) => new Uint8Array(readFileSync(join(out, name)));
      assert.equal(bytes('avail_inner_a.pb'), new Uint8Array(encodeAB(encoding, 1n, anchor)));
      assert.equal(bytes('inner_a.pb'), new Uint8Array(encodeAB(encoding, 1n, inner)));
      for (const empty of ['avail_inner_b.pb', 'inner_b.pb']) assert.is(bytes(empty).length, 0);
      const mode = (name: string) => (statSync(join(out, name)).mode & 0o777).toString(8);
      const umask = process.umask();
      const expected = (bits: number) => (bits & ~umask).toString(8);
      assert.is(mode('.'), expected(0o700));
      assert.is(mode('blocks'), expected(0o700));
      assert.is(mode('commitqcs'), expected(0o700));
      assert.is(mode('avail_inner_a.pb'), expected(0o600));
      if (layout === 'file-per-entry') assert.is(mode('commitqcs/31.pb'), expected(0o600));
      else assert.is(mode('commitqcs/00000000000000000032'), expected(0o640));
    }
  }),
);

async function openedAnchor(location: string) {
  const store = await openLevel(location, { model: autobahn, createIfMissing: false });
  const recovered = store.takeRecovered();
  await store.close();
  return recovered;
}

test(
  'what the original skips is listed, and does no harm',
  inTemp(async (dir) => {
    const source = copyState('wal', dir);
    writeFileSync(join(source, 'blocks', 'README'), 'hello');
    mkdirSync(join(source, 'blocks', 'NOT-HEX'));
    writeFileSync(join(source, 'commitqcs', 'notes.txt'), 'hello');
    mkdirSync(join(source, 'torn'));
    const report = await importState(source, join(dir, 'store'), OPTIONS);
    for (const name of ['blocks/README', 'blocks/NOT-HEX', 'commitqcs/notes.txt']) {
      assert.ok(
        report.notes.some((note) => note.includes(`skipped ${name}`)),
        name,
      );
    }
    assert.equal(await manifestIn(join(dir, 'store')), loadExpected('wal'));
    const files = copyState('file-per-entry', dir);
    writeFileSync(join(files, 'blocks', 'readme.pb'), 'hello');
    writeFileSync(join(files, 'commitqcs', 'seven.pb'), 'hello');
    const other = await importState(files, join(dir, 'store-2'), OPTIONS);
    for (const name of ['blocks/readme.pb', 'commitqcs/seven.pb']) {
      assert.ok(
        other.notes.some((note) => note.includes(`skipped ${name}`)),
        name,
      );
    }
  }),
);

test(
  'a source that may not be written is read all the same, and an empty directory is a target',
  inTemp(async (dir) => {
    const source = copyState('wal', dir);
    chmodSync(source, 0o500);
    mkdirSync(join(dir, 'store'));
    await importState(source, join(dir, 'store'), OPTIONS);
    assert.equal(await manifestIn(join(dir, 'store')), loadExpected('wal'));
    chmodSync(source, 0o700);
    assert.ok(readFileSync(fixture('wal', 'state', 'avail_inner_a.pb')).length > 0);
  }),
);

test.run();
