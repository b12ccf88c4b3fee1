/**
 * Snapshots: an independent store, whole or absent, made from an idle, a damaged, or a running
 * store.
 */

import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView, type StoreView, snapshot } from '../../../../src/adapter/level/index.js';
import { blockKey, eventKey } from '../../../../src/keys/index.js';
import { contentOf } from '../../../support/content.js';
import { rawBatch, refused, tree } from '../../../support/faults.js';
import { Random, RandomKills, runWorker, spawnWorker, testSeed } from '../../../support/kill.js';
import { plain, plainAnchor, plainBlock, plainBlocks, plainQC } from '../../../support/plain-model.js';
import { onPlatform } from '../../../support/platform.js';
import { inTemp } from '../../../support/temp.js';
import { startNode } from './live.js';

const SNAPSHOT_WORKER = new URL('./snapshot-worker.js', import.meta.url);
const OPEN_WORKER = new URL('../../../support/open-worker.js', import.meta.url);
/** Snapshots per kind of load. */
const SNAPSHOTS = 10;
const KILLS = 10;

const open = (location: string) => openLevel(location, { model: plain });
const snap = (location: string, target: string) => snapshot(location, target, { model: plain });

/** Some tables, a log, an anchor, an inner state. */
async function makeStore(location: string): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await using store = await open(location);
    await store.persist({
      inner: new Uint8Array([i]),
      commitQCs: [plainQC(i)],
      blocks: [...plainBlocks('0a', i * 50, i * 50 + 50), ...plainBlocks('0b', i * 5, i * 5 + 5)],
    });
    if (i === 2) await store.persist({ anchor: plainAnchor(1, { '0a': 40, '0b': 1 }) });
  }
}

async function keysAt(view: StoreView<unknown, unknown, unknown>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of view.entries()) keys.push(key);
  return keys;
}

async function contentAt(location: string): Promise<string> {
  await using store = await open(location);
  return contentOf(store);
}

const still = suite('a snapshot of an idle store');

still(
  'is a store of the same content and id; both can be written independently',
  inTemp(async (dir) => {
    const [location, target] = [join(dir, 'store'), join(dir, 'deep', 'snap')];
    await makeStore(location);
    const before = tree(location);
    const report = await snap(location, target);
    assert.equal(tree(location), before);
    assert.equal(report, { location: target, seq: 4n, records: 129, bytes: report.bytes, tries: 1 });
    assert.ok(report.bytes > 128 * 20);
    assert.equal(readdirSync(join(dir, 'deep')), ['snap']);
    assert.equal(readdirSync(target).sort(), ['level', 'witness']);
    {
      await using view = await openView(target, { model: plain });
      assert.equal([view.witness.verdict, view.refusal, view.witness.slots.length], ['equal', undefined, 1]);
      await using original = await openView(location, { model: plain });
      assert.equal(view.schema, original.schema);
      // The snapshot's one additional batch closes every part of its votes.
      const { tip, votes } = original;
      assert.equal({ ...view.tip, seq: tip?.seq, votes: tip?.votes }, tip);
      assert.equal([view.tip?.seq, votes?.quarantine], [5n, undefined]);
      assert.equal(view.votes?.quarantine?.parts, ['rounds', 'app', 'lanes', 'own']);
      assert.match(view.votes?.quarantine?.why ?? '', /snapshot, of batch 4/);
      assert.equal(
        [...(await keysAt(view))].filter((key) => key.startsWith('meta/event/')),
        [eventKey(5n)],
      );
    }
    const content = await contentAt(location);
    assert.is(await contentAt(target), content);
    {
      await using both = await open(location);
      await using copied = await open(target);
      await both.persist({ blocks: plainBlocks('0b', 15, 20) });
      await copied.persist({ blocks: [plainBlock('0b', 15, 'another')] });
    }
    rmSync(location, { recursive: true });
    await using left = await open(target);
    assert.equal(await left.block('0b', 15n), plainBlock('0b', 15, 'another'));
  }),
);

still(
  'goes into an empty directory, also by a symlink, and with links: false shares no file',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    mkdirSync(join(dir, 'empty'));
    symlinkSync('empty', join(dir, 'link'));
    assert.is((await snap(location, join(dir, 'link'))).location, join(dir, 'empty'));
    const links = () =>
      readdirSync(join(location, 'level')).map((name) => statSync(join(location, 'level', name)).nlink);
    const before = links();
    await snapshot(location, join(dir, 'copied'), { model: plain, links: false });
    assert.equal(links(), before);
    assert.is(await contentAt(join(dir, 'copied')), await contentAt(join(dir, 'empty')));
  }),
);

still(
  'is refused for an occupied target, a target in the store, and no store; nothing is made or changed',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    mkdirSync(join(dir, 'full', 'x'), { recursive: true });
    writeFileSync(join(dir, 'file'), '');
    const before = tree(dir);
    for (const target of [location, join(dir, 'full'), join(dir, 'file')])
      await refused(snap(location, target), 'LANESTORE_NOT_A_STORE', /holds something/);
    for (const target of [join(location, 'snap'), join(location, 'level', 'a', 'b')])
      await refused(snap(location, target), 'LANESTORE_INVALID', /inside/);
    await refused(snap(location, ''), 'LANESTORE_INVALID');
    await refused(snap(join(dir, 'absent'), join(dir, 'snap')), 'LANESTORE_NOT_A_STORE');
    await refused(snap(join(dir, 'full', 'x'), join(dir, 'snap')), 'LANESTORE_NOT_A_STORE');
    const otherModel = { ...plain, name: 'other/1' };
    await refused(snapshot(location, join(dir, 'snap'), { model: otherModel }), 'LANESTORE_SCHEMA');
    assert.equal(tree(dir), before);
  }),
);

still(
  'of a damaged or rolled back store is refused',
  inTemp(async (dir) => {
    const [location, target] = [join(dir, 'store'), join(dir, 'snap')];
    await makeStore(location);
    await rawBatch(location, [{ type: 'del', key: blockKey('0a', 70n) }]);
    const error = await refused(snap(location, target), 'LANESTORE_CORRUPT');
    assert.is(error.findings?.[0]?.number, 70n);
    rmSync(join(location, 'level'), { recursive: true });
    await refused(snap(location, target), 'LANESTORE_ROLLED_BACK');
    assert.equal(readdirSync(dir), ['store']);
  }),
);

still(
  'killed at any moment: the store is untouched, the target absent or whole, and the next run cleans up',
  inTemp(async (dir) => {
    const [location, target] = [join(dir, 'store'), join(dir, 'snap')];
    await makeStore(location);
    const before = tree(location);
    const kills = new RandomKills(new Random(testSeed()), 45);
    let left = 0;
    for (let run = 0; kills.again(run, KILLS, left > 0); run++) {
      await kills.kill(spawnWorker(SNAPSHOT_WORKER, [location, target]));
      assert.equal(tree(location), before);
      left = Math.max(left, readdirSync(dir).length - 1);
      if (!existsSync(target)) continue;
      await (await open(target)).close();
      rmSync(target, { recursive: true });
    }
    assert.ok(left > 0, `${kills.killed} were killed, up to ${left} names were left`);
    const { lines } = await runWorker(SNAPSHOT_WORKER, [location, target]);
    assert.is(lines.at(-1), 'made 4');
    assert.equal(readdirSync(dir).sort(), ['snap', 'store']);
    assert.equal(tree(location), before);
    assert.is(await contentAt(target), await contentAt(location));
  }),
);

still(
  'on Windows tables are copied and opened to be written; elsewhere they are linked and only read',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    // Writes the log out as a table.
    await (await open(location)).close();
    const { open: openFile } = promises;
    const lookOn = async (platform: NodeJS.Platform) => {
      const flags = new Set<unknown>();
      const target = join(dir, platform);
      promises.open = (path, how, mode) => {
        if (`${path}`.startsWith(target) && typeof how === 'string') flags.add(how);
        return openFile(path, how, mode);
      };
      syncBuiltinESMExports();
      try {
        await onPlatform(platform, () => snap(location, target));
      } finally {
        promises.open = openFile;
        syncBuiltinESMExports();
      }
      const names = readdirSync(join(target, 'level')).filter((name) => name.endsWith('.ldb'));
      assert.ok(names.length > 0, 'there are tables');
      const links = names.filter((name) => statSync(join(target, 'level', name)).nlink > 1);
      return { flags: [...flags], hasLinks: links.length > 0 };
    };
    assert.equal(await lookOn('win32'), { flags: ['r+'], hasLinks: false });
    assert.equal(await lookOn('linux'), { flags: ['r'], hasLinks: true });
  }),
);

still.run();

const live = suite('snapshots while a node writes');

live(
  'from the process of the node itself: its lock stays held, and it keeps writing',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    await using store = await open(location);
    let stop = false;
    const writing = (async () => {
      for (let i = 150; !stop; i++) await store.persist({ blocks: [plainBlock('0a', i)] });
    })();
    const seqs: bigint[] = [];
    try {
      for (let i = 0; i < 5; i++) {
        const least = store.seq;
        const { seq } = await snap(location, join(dir, `snap ${i}`));
        assert.ok(seq >= least && seq <= store.seq, `${least} ${seq} ${store.seq}`);
        seqs.push(seq);
      }
    } finally {
      // Also after a failed snapshot, so that a call on a closed store does not hide its error.
      stop = true;
      await writing;
    }
    assert.match((await runWorker(OPEN_WORKER, [location])).lines.at(-1) ?? '', /LANESTORE_LOCKED/);
    for (const [i, seq] of seqs.entries()) {
      await using copied = await open(join(dir, `snap ${i}`));
      assert.equal([copied.seq, copied.recovery.witnessedSeq], [seq + 1n, seq + 1n]);
    }
  }),
);

for (const mode of ['plain', 'compaction', 'values'] as const) {
  live(
    `${mode}: each snapshot opens, holds whole calls only, all acknowledged ones, and the node is not disturbed`,
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      const seed = testSeed();
      const node = await startNode(location, mode, seed);
      for (let i = 0; i < SNAPSHOTS; i++) {
        await node.more(20);
        const least = node.acknowledged;
        const what = `snapshot ${i} of ${mode}, LANESTORE_TEST_SEED=${seed}`;
        const target = join(dir, 'snap');
        const report = await snap(location, target).catch((error) => {
          throw new Error(`${what}: ${error.message}`, { cause: error });
        });
        {
          await using store = await open(target);
          assert.equal([store.seq, store.recovery.records], [report.seq + 1n, report.records], what);
          node.expectPrefix(contentOf(store), least, what);
        }
        rmSync(target, { recursive: true });
      }
      await refused(open(location), 'LANESTORE_LOCKED');
      await node.more(1);
      await node.kill();
      await (await open(location)).close();
      assert.equal(readdirSync(dir), ['store']);
    }),
  );
}

live.run();
