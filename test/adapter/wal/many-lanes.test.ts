/** More lanes than descriptors, and lanes that join and leave. */

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, renameSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { queryObjects } from 'node:v8';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { StoredLog } from '../../../src/adapter/wal/stored-log.js';
import type { Files, OpenHow, WritableFile } from '../../../src/base/files.js';
import { refused } from '../../support/faults.js';
import { LANES, plainAnchor, plainBlock, plainBlocks } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';
import { contentOf, openPlain, withStore } from './plain-store.js';
import { WatchedFiles } from './watched-files.js';

const test = suite('wal: many lanes');
const SEGMENT = '1'.padStart(20, '0');
const worker = fileURLToPath(new URL('./many-lanes-worker.js', import.meta.url));

const DESCRIPTORS: readonly [what: string, limit: number, lanes: number][] = [
  ['the process may have', 256, 400],
  ['are left after those that it keeps for its logs', 128, 200],
];

for (const [what, limit, lanes] of DESCRIPTORS) {
  test(
    `a store with more lanes than descriptors ${what} is written, truncated and opened again`,
    inTemp((dir) => {
      if (!existsSync('/proc/self/fd')) return void process.stdout.write('\n  skipped: no /proc here\n');
      const command = `ulimit -n ${limit}; exec '${process.execPath}' '${worker}' '${join(dir, 'state')}' ${lanes}`;
      const { stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
      assert.is(stdout.trim(), `${lanes} lanes are whole, at most 200 descriptors`, stderr);
    }),
  );
}

const MANY = [...LANES, '10', '11', '12', '13', '14'];

/**
 * Counts open descriptors, and writes to files whose previous write was not synced before they were
 * closed.
 */
class CountedFiles extends WatchedFiles {
  openNow = 0;
  openMax = 0;
  readonly closedUnsynced: string[] = [];

  override async open(path: string, mode: number, how: OpenHow): Promise<WritableFile> {
    const file = await super.open(path, mode, how);
    if (path.endsWith('.pb')) return file;
    this.openMax = Math.max(this.openMax, ++this.openNow);
    let isSynced = true;
    return {
      ...file,
      write: (data, position) => {
        isSynced = false;
        return file.write(data, position);
      },
      sync: async () => {
        await file.sync();
        isSynced = true;
      },
      close: async () => {
        this.openNow--;
        if (!isSynced) this.closedUnsynced.push(path);
        await file.close();
      },
    };
  }
}

test(
  'few descriptors for many logs: every entry is synced before its file is closed, and every log continues',
  inTemp(async (dir) => {
    const files = new CountedFiles();
    const options = { files: files as Files, openFilesMax: 2, segmentBytes: 300 };
    const store = await openPlain(dir, options);
    for (let number = 0; number < 20; number++) {
      const order = number % 2 === 0 ? MANY : [...MANY].reverse();
      for (const lane of order) await store.persist({ blocks: [plainBlock(lane, number)] });
      if (number === 9) await store.persist({ anchor: plainAnchor(0, { '0a': 9, '0b': 3, '0c': 10 }) });
    }
    // Plus the truncation of three lanes and of the QC log, each of which may write a file at the
    // same time.
    assert.ok(files.openMax <= 2 + 4, `${files.openMax} descriptors at a time`);
    await store.close();
    assert.is(files.openNow, 0);
    assert.equal(files.closedUnsynced, []);
    const numbers = (from: number) => Array.from({ length: 20 - from }, (_, i) => from + i);
    const { lanes } = await withStore(dir, async (again) => contentOf(again));
    const starts: Record<string, number> = { '0a': 9, '0b': 3, '0c': 10 };
    assert.equal(lanes, Object.fromEntries(MANY.map((lane) => [lane, numbers(starts[lane] ?? 0)])));
  }),
);

const OTHERS: Record<string, (path: string) => void> = {
  'was replaced by a copy': (path) => {
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
  },
  'was cut': (path) => truncateSync(path, 3),
  'is gone': (path) => unlinkSync(path),
};

for (const [what, change] of Object.entries(OTHERS)) {
  test(
    `a log whose file ${what} while its descriptor was closed: nothing is written, and nothing is acknowledged`,
    inTemp(async (dir) => {
      const store = await openPlain(dir, { openFilesMax: 1 });
      await store.persist({ blocks: plainBlocks('0a', 0, 3) });
      await store.persist({ blocks: plainBlocks('0b', 0, 3) });
      const path = join(dir, 'blocks', '0a', SEGMENT);
      change(path);
      const error = await refused(store.persist({ blocks: [plainBlock('0a', 3)] }), 'LANESTORE_FAILED');
      assert.match(error.message, what === 'is gone' ? /ENOENT/ : /is not the file that was written before/);
      assert.is(existsSync(path), what !== 'is gone', 'no file was made');
      await store.close();
    }),
  );
}

test(
  'a lane that is dropped leaves no object, nor does an unknown lane',
  inTemp(async (dir) => {
    const store = await openPlain(dir);
    const before = queryObjects(StoredLog, { format: 'count' });
    await store.dropLanes(Array.from({ length: 1000 }, (_, i) => i.toString(16).padStart(8, '0')));
    assert.ok(queryObjects(StoredLog, { format: 'count' }) <= before);
    for (let i = 0; i < 20; i++) {
      const lane = i.toString(16).padStart(8, '0');
      await store.persist({ blocks: plainBlocks(lane, 0, 2) });
      await store.dropLanes([lane, '0a']);
    }
    assert.ok(queryObjects(StoredLog, { format: 'count' }) <= before);
    await store.close();
  }),
);

test(
  'a lane that is dropped twice and rejoins before either drop is done keeps its last writes',
  inTemp(async (dir) => {
    const store = await openPlain(dir);
    await store.persist({ blocks: plainBlocks('0a', 0, 3) });
    const calls = [
      store.dropLanes(['0a']),
      store.persist({ blocks: plainBlocks('0a', 5, 7) }),
      store.dropLanes(['0a']),
      store.dropLanes(['0a']),
      store.persist({ blocks: plainBlocks('0a', 9, 11) }),
    ];
    await Promise.all(calls);
    await store.persist({ blocks: [plainBlock('0a', 11)] });
    await store.close();
    assert.equal((await withStore(dir, async (again) => contentOf(again))).lanes, { '0a': [9, 10, 11] });
  }),
);

test.run();
