/** `stats`: what a store consists of, counted another way by bare LevelDB and the file system. */
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/index.js';
import { run } from '../support/cli.js';
import { dump, rawBatch, tree } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { plain, plainAnchor, plainBlock, plainQC } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: stats');

interface Size {
  readonly files: number;
  readonly bytes: number;
}

interface Stats {
  readonly seq: string;
  readonly kinds: Readonly<Record<string, { readonly keys: number; readonly bytes: number }>>;
  readonly levels: readonly (Size & { readonly level: number })[];
  readonly levelLogs: Size;
  readonly valueFiles: Size & Readonly<Record<'usedBytes' | 'garbageBytes' | 'freeBytes', number>>;
  readonly logs: readonly {
    readonly log: string;
    readonly first: string;
    readonly next: string;
    readonly entries: number;
    readonly bytes: number;
    readonly unswept: number;
  }[];
  readonly missing: string;
  readonly findingsTotal: number;
}

function stats(location: string, status = 0): Stats {
  const { status: actual, stdout, stderr } = run('stats', location, '--json');
  assert.is(actual, status, stderr);
  return JSON.parse(stdout);
}

/** Number and bytes of the files in `directory` whose names end with `suffix`. */
function filesIn(directory: string, suffix: string): Size {
  const names = readdirSync(directory).filter((name) => name.endsWith(suffix));
  return { files: names.length, bytes: names.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0) };
}

test(
  'keys by kind, entries by log and files by level are those that LevelDB and the directory have',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const before = tree(location);
    const { kinds, logs, levels, levelLogs, valueFiles, missing } = stats(location);
    assert.equal(tree(location), before, 'nothing is changed');
    assert.equal(levelLogs, filesIn(join(location, 'level'), '.log'));
    const tables = levels.reduce((sum, { files, bytes }) => ({ files: sum.files + files, bytes: sum.bytes + bytes }), {
      files: 0,
      bytes: 0,
    });
    assert.equal(tables, filesIn(join(location, 'level'), '.ldb'));
    assert.equal([valueFiles.files, valueFiles.bytes, missing], [0, 0, '0']);
    const content = await dump(location);
    const sized = (prefix: string) => {
      const found = [...content].filter(([key]) => key.startsWith(prefix));
      return { keys: found.length, bytes: found.reduce((sum, [, hex]) => sum + hex.length / 2, 0) };
    };
    assert.equal(
      [kinds.block, kinds.commitQC, kinds.anchor, kinds.tip],
      ['lane/', 'qc/', 'anchor', 'meta/tip'].map(sized),
    );
    assert.is(
      Object.values(kinds).reduce((sum, { keys }) => sum + keys, 0),
      content.size,
    );
    assert.equal(
      logs.map(({ log, entries, bytes }) => [log, { keys: entries, bytes }]),
      logs.map(({ log }) => [log, sized(log === 'qc' ? 'qc/' : `lane/${log}/`)]),
    );
    assert.is(logs.length, 5);
    const { status, stdout } = run('stats', location);
    assert.is(status, 0);
    assert.match(stdout, /^ {2}CommitQCs +9 +9\.3 KiB {2}\[31, 40\)$/m);
  }),
);

test(
  'value files: used, garbage and free add up, also while the store is open and entries are stale',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const values = { batchBytesMin: 1, valueBytesMin: 1000, waitBytesMin: 1 };
    await using store = await openLevel(location, { model: plain, minFreeBytes: 0, values });
    for (const number of [0, 1, 2, 3]) {
      const block = plainBlock('0a', number, Buffer.alloc(100_000, number));
      await store.persist({ blocks: [block], commitQCs: [plainQC(number)] });
    }
    await store.persist({ anchor: plainAnchor(2, { '0a': 3 }) });
    const { logs, valueFiles, seq } = stats(location);
    const { files, bytes, usedBytes, garbageBytes, freeBytes } = valueFiles;
    assert.is(seq, String(store.seq));
    assert.ok(files > 0 && usedBytes > 100_000 && usedBytes < 200_000, `one block is used: ${usedBytes}`);
    assert.ok(garbageBytes >= 0 && freeBytes >= 0);
    assert.is(usedBytes + garbageBytes + freeBytes, bytes);
    const [, lane] = logs;
    assert.equal([lane?.log, lane?.first, lane?.next, lane?.entries], ['0a', '3', '4', 1]);
  }),
);

test(
  'a missing record and a damaged table end with 1',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    await rawBatch(location, [{ type: 'del', key: 'qc/00000000000000000035' }]);
    assert.is(stats(location, 1).missing, '1');
    assert.match(run('stats', location).stdout, / \[31, 40\), 1 missing$/m);
    const table = readdirSync(join(location, 'level')).find((name) => name.endsWith('.ldb')) ?? '';
    truncateSync(join(location, 'level', table), 20);
    assert.ok(stats(location, 1).findingsTotal > 0);
  }),
);

test.run();
