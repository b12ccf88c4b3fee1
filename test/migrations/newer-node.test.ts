/**
 * States that deviate from their layout: the error gives advice that can be followed, in words that
 * fit the layout.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, detectLayout, importState, openWal, readWal } from '../../src/index.js';
import { openState } from '../../src/migrations/index.js';
import { refused, tree } from '../support/faults.js';
import { loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { copyState, refused as importRefused, manifestIn, OPTIONS } from './states.js';

const test = suite('migrations: what a newer node left, and other trouble');
const NEWER_LANE = 'ab'.repeat(40);

test(
  'a newer node was started on an intact older state: what to remove is named, and then it is imported',
  inTemp(async (dir) => {
    const source = copyState('wal-newer-node-started', dir);
    // The file of such a node for its own lane.
    mkdirSync(join(source, 'blocks', NEWER_LANE));
    for (const name of ['0.wal.u', 'wal.lock']) writeFileSync(join(source, 'blocks', NEWER_LANE, name), '');
    const text =
      /started on this older state, .*the older state is intact\. With no node running, remove (.*) and try again/;
    await importRefused(source, join(dir, 'store'), 'LANESTORE_SCHEMA', text);
    const before = tree(source);
    for (const attempt of [openWal, readWal] as const) {
      await refused(() => attempt(source, { model: autobahn }), 'LANESTORE_SCHEMA', text);
    }
    assert.equal(tree(source), before);
    const { message, remedy } = await refused(detectLayout(source), 'LANESTORE_SCHEMA');
    const list = text.exec(message)?.[1] ?? '';
    assert.is(list, `commitqcs/0.wal.u, commitqcs/wal.lock, blocks/${NEWER_LANE}`);
    assert.ok(remedy.includes(`remove ${list}`), remedy);
    for (const name of list.split(', ')) rmSync(join(source, name), { recursive: true });
    const report = await importState(source, join(dir, 'store'), OPTIONS);
    assert.equal([report.sourceLayout, report.notes], ['wal-crc', []]);
    assert.ok(report.blocks + report.commitQCs > 0);
  }),
);

test(
  'the same on one file an entry; wal.lock alone is noted and does no harm',
  inTemp(async (dir) => {
    const source = copyState('file-per-entry', dir);
    writeFileSync(join(source, 'commitqcs', 'wal.lock'), '');
    const report = await importState(source, join(dir, 'store'), OPTIONS);
    assert.equal(report.notes, ['skipped commitqcs/wal.lock: it is not part of the layout']);
    assert.equal(await manifestIn(join(dir, 'store')), loadExpected('wal'));
    writeFileSync(join(source, 'commitqcs', '0.wal.u'), 'SEIWL\u0001');
    const text = /remove commitqcs\/0\.wal\.u, commitqcs\/wal\.lock and try again/;
    await importRefused(source, join(dir, 'other'), 'LANESTORE_SCHEMA', text);
  }),
);

test(
  'a newer node has gone on from an older state, or the state is its own: nothing is to be removed',
  inTemp(async (dir) => {
    const source = copyState('wal', dir);
    writeFileSync(join(source, 'commitqcs', '0-41-44.wal'), 'SEIWL\u0001 and entries');
    const gone = await refused(detectLayout(source), 'LANESTORE_SCHEMA', /0-41-44\.wal .*has written entries since/);
    assert.not.match(gone.message + gone.remedy, /remove/);
    rmSync(join(source, 'commitqcs', '00000000000000000032'));
    rmSync(join(source, 'blocks'), { recursive: true });
    // The anchor of the older version is left.
    await refused(detectLayout(source), 'LANESTORE_SCHEMA', /has written entries since/);
    for (const file of ['avail_inner_a.pb', 'avail_inner_b.pb']) rmSync(join(source, file));
    for (const attempt of [openWal, readWal] as const) {
      const own = await refused(() => attempt(source, { model: autobahn }), 'LANESTORE_SCHEMA', /later layout/);
      assert.match(own.remedy, /the version that wrote it, or make a store from it: lanestore import/);
      assert.not.match(own.message + own.remedy, /remove/);
    }
  }),
);

test(
  'a tail that no length begins with: refused, and said that the original cuts it off',
  inTemp(async (dir) => {
    const source = copyState('wal-garbage-tail', dir);
    const text = /byte \d+: no append writes this length; the original would cut off the \d+ bytes from here on/;
    await importRefused(source, join(dir, 'store'), 'LANESTORE_IMPORT', text);
    await refused(openWal(source, { model: autobahn }), 'LANESTORE_CORRUPT', text);
  }),
);

test(
  'a copy that is not whole: no word of a checksum where the layout has none',
  inTemp(async (dir) => {
    for (const [fixture, text] of [
      ['wal', /avail_inner_a\.pb \(its message does not parse\) is not whole; the other copy counts/],
      ['file-per-entry', /avail_inner_a\.pb \(its message does not parse\) is not whole; the other copy counts/],
      ['wal-crc', /avail_inner_a\.pb \(crc32 mismatch\) is not whole; the other copy counts/],
    ] as const) {
      const source = copyState(fixture, dir);
      const file = join(source, 'avail_inner_a.pb');
      writeFileSync(file, readFileSync(file).subarray(0, -7));
      const notes = await notesOn(source);
      assert.match(notes, text);
      if (fixture !== 'wal-crc') assert.not.match(notes, /crc|checksum/i);
      writeFileSync(join(source, 'avail_inner_b.pb'), '');
      const error = await refused(
        importState(source, join(dir, 'store'), OPTIONS),
        'LANESTORE_IMPORT',
        /no whole copy is left/,
      );
      assert.is(/crc|checksum/i.test(error.message), fixture === 'wal-crc', error.message);
    }
  }),
);

/** What is noted of a state when it is opened. */
async function notesOn(source: string): Promise<string> {
  const opened = await openState(source, autobahn);
  await opened.close();
  return opened.notes.join('\n');
}

test.run();
