/**
 * A state directory on a disk without a single free byte: it opens, is locked, and pruning frees
 * space.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openWal } from '../../../src/adapter/wal/index.js';
import { lockLocation, openElsewhere } from '../../../src/adapter/wal/lock.js';
import type { LanestoreError } from '../../../src/errors.js';
import { refused, tree } from '../../support/faults.js';
import { withTmpfs } from '../../support/faults-mount.js';
import { spawnWorker } from '../../support/kill.js';
import { plain, plainAnchor, plainBlock, plainQC } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';
import { contentOf, type PlainStore, withStore } from './plain-store.js';

const test = suite('wal: a full disk');
const WORKER = new URL('./open-worker.js', import.meta.url);

const BLOCK_BYTES = 40_000;

const open = (location: string, segmentBytes = 1024 * 1024): Promise<PlainStore> =>
  openWal(location, { model: plain, segmentBytes });

const round = (number: number) => ({
  blocks: [plainBlock('0a', number, new Uint8Array(BLOCK_BYTES).fill(number))],
  commitQCs: [plainQC(number)],
});

/**
 * Persists rounds from `first` on until the disk is full. Returns the number of the first refused
 * round.
 */
async function fill(store: PlainStore, first: number): Promise<number> {
  for (let number = first; ; number++) {
    const error = await store.persist(round(number)).catch((reason) => reason as LanestoreError);
    if (error === undefined) continue;
    await refused(Promise.reject(error), 'LANESTORE_FAILED', /ENOSPC/);
    return number;
  }
}

/** Fills the rest of the disk, as other programs may. */
function fillRest(path: string): void {
  const file = openSync(path, 'a');
  for (const bytes of [4096, 1]) {
    try {
      for (;;) writeSync(file, new Uint8Array(bytes));
    } catch (error) {
      assert.is((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(file);
}

/** A disk of 16 MiB: a state has filled it, and then another file took the rest. */
function onFullDisk(
  what: string,
  segmentBytes: number,
  use: (location: string, count: number, disk: string) => Promise<void>,
): () => Promise<void> {
  return inTemp(async (dir) => {
    const disk = join(dir, 'disk');
    await withTmpfs(what, disk, '16m', async () => {
      const location = join(disk, 'state');
      const store = await open(location, segmentBytes);
      const count = await fill(store, 0);
      await store.close();
      fillRest(join(disk, 'others'));
      await use(location, count, disk);
    });
  });
}

test(
  'opens with everything acknowledged; an anchor then frees the space, and rounds are accepted again',
  onFullDisk('a WAL on a full disk', 1024 * 1024, async (location, count, disk) => {
    {
      await using store = await open(location);
      assert.equal(contentOf(store).cursors, { '0a': `0-${count}` });
      await store.persist({ anchor: plainAnchor(count - 5, { '0a': count - 5 }) });
      assert.equal(store.cursors.lanes.get('0a'), { first: BigInt(count - 5), next: BigInt(count) });
      assert.is(readdirSync(join(location, 'blocks', '0a')).length, 1, 'one segment is left');
      for (let number = count; number < count + 20; number++) await store.persist(round(number));
    }
    fillRest(join(disk, 'others'));
    await using store = await open(location);
    assert.equal(contentOf(store).cursors, { '0a': `${count - 5}-${count + 20}` });
  }),
);

test(
  'keeps other openers out: the lock that needs no space is the same lock',
  onFullDisk('the lock of a WAL on a full disk', 1024 * 1024, async (location) => {
    // No file is left that could be given up.
    rmSync(join(location, 'lock', 'reserve'), { force: true });
    const store = await open(location);
    const child = spawnWorker(WORKER, [location]);
    assert.is(await child.line(() => true), 'refused LANESTORE_LOCKED');
    child.process.kill('SIGKILL');
    await child.ended;
    await store.close();
    const holder = spawnWorker(WORKER, [location]);
    assert.is(await holder.line(() => true), 'open');
    await refused(open(location), 'LANESTORE_LOCKED');
    holder.process.kill('SIGKILL');
    await holder.ended;
    await (await open(location)).close();
  }),
);

test(
  'with a torn tail opens without it, although there is no room to keep its bytes',
  onFullDisk('a torn tail on a full disk', 1024 * 1024, async (location, count) => {
    const log = join(location, 'blocks', '0a');
    const tail = join(log, readdirSync(log).sort().at(-1)!);
    truncateSync(tail, statSync(tail).size - 100);
    rmSync(join(location, 'lock', 'reserve'), { force: true });
    // The space that the two freed.
    fillRest(join(location, '..', 'others'));
    await using store = await open(location);
    assert.equal(contentOf(store).cursors, { '0a': `0-${count - 1}` });
    assert.ok(
      store.notes.some((note) => /not kept: the disk is full/.test(note)),
      store.notes.join('; '),
    );
    assert.not.ok(readdirSync(location).includes('torn') && readdirSync(join(location, 'torn')).length > 0);
  }),
);

test(
  'without room for a new segment entries are pruned by number, and their bytes once the remaining ones fit',
  onFullDisk('a WAL of one segment on a full disk', 1024 * 1024 * 1024, async (location, count, disk) => {
    const others = join(disk, 'others');
    const log = join(location, 'blocks', '0a');
    const huge = 1024 * 1024 * 1024;
    rmSync(join(location, 'lock', 'reserve'), { force: true });
    fillRest(others);
    // The anchor itself needs a block, once.
    truncateSync(others, statSync(others).size - 3 * 4096);
    {
      await using store = await open(location, huge);
      await store.persist({ anchor: plainAnchor(5, { '0a': 5 }) });
      assert.equal(store.cursors.lanes.get('0a'), { first: 5n, next: BigInt(count) });
      assert.equal(readdirSync(log), ['00000000000000000001'], 'the whole segment still exists');
    }
    {
      await using store = await open(location, huge);
      assert.equal(contentOf(store).cursors, { '0a': `5-${count}` }, 'no entry below the anchor comes back');
      await store.persist({ anchor: plainAnchor(count - 1, { '0a': count - 1 }) });
      assert.equal(store.cursors.lanes.get('0a'), { first: BigInt(count - 1), next: BigInt(count) });
      await store.persist({ anchor: plainAnchor(count, { '0a': count }) });
      assert.is(statSync(join(log, readdirSync(log)[0]!)).size, 0, 'an empty log needs no room');
      await store.persist(round(count));
    }
    await using store = await open(location, huge);
    assert.equal(contentOf(store).lanes, { '0a': [count] });
  }),
);

test(
  'the lock is taken through a link in the first directory that can hold one, and nothing is left there',
  inTemp(async (dir) => {
    const [location, scratch] = [join(dir, 'state'), join(dir, 'scratch')];
    mkdirSync(scratch);
    await withStore(location, async () => {});
    const lock = join(location, 'lock', 'LOCK');
    const before = tree(location);
    assert.is(await openElsewhere(lock, location, [join(dir, 'absent')]), undefined);
    const db = await openElsewhere(lock, location, [join(dir, 'absent'), scratch]);
    assert.ok(db !== undefined);
    assert.equal(readdirSync(scratch), []);
    const child = spawnWorker(WORKER, [location]);
    assert.is(await child.line(() => true), 'refused LANESTORE_LOCKED');
    await child.ended;
    await db.close();
    const holder = spawnWorker(WORKER, [location]);
    assert.is(await holder.line(() => true), 'open');
    await refused(openElsewhere(lock, location, [scratch]), 'LANESTORE_LOCKED');
    assert.equal(readdirSync(scratch), []);
    holder.process.kill('SIGKILL');
    await holder.ended;
    assert.equal(
      [...tree(location).keys()].filter((name) => !/lock\//.test(name)),
      [...before.keys()].filter((name) => !/lock\//.test(name)),
    );
  }),
);

test(
  'the lock reserve is given up if no other directory can hold the link, and made again once there is room',
  onFullDisk('the reserve of a WAL', 1024 * 1024, async (location, count, disk) => {
    const reserve = join(location, 'lock', 'reserve');
    assert.is(statSync(reserve).size, 256 * 1024);
    const lock = await lockLocation(location, []);
    assert.not.ok(existsSync(reserve));
    await lock.free();
    fillRest(join(disk, 'others'));
    await refused(lockLocation(location, []), 'LANESTORE_IO', /No space left/);
    // The anchor itself needs a block, once.
    truncateSync(join(disk, 'others'), statSync(join(disk, 'others')).size - 3 * 4096);
    await using store = await open(location);
    await store.persist({ anchor: plainAnchor(count - 1, { '0a': count - 1 }) });
    await store.close();
    await (await open(location)).close();
    assert.is(statSync(reserve).size, 256 * 1024);
  }),
);

test.run();
