/**
 * A running store whose directories are moved, replaced, hidden or removed, or whose lock is lost:
 * it acknowledges nothing more and changes no other store.
 */
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView, snapshot, verify } from '../../src/adapter/level/index.js';
import { LocationGuard } from '../../src/adapter/location-guard.js';
import { detectLayout, migrateStore, openState } from '../../src/migrations/index.js';
import { copyOpen } from '../support/copy-open.js';
import { expiredLooks } from '../support/expired-looks.js';
import { refused, tree } from '../support/faults.js';
import { withTmpfs } from '../support/faults-mount.js';
import { settles } from '../support/hang.js';
import { runWorker } from '../support/kill.js';
import { plain, plainAnchor, plainBlocks } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { big, openSmall, type PlainStore, run, valueFiles } from './level/values/support.js';

const test = suite('a store whose directory is moved or replaced');
const OPEN_WORKER = new URL('../support/open-worker.js', import.meta.url);

/** A store with value files and `count` rounds, and a snapshot of it after half of them. */
async function begun(dir: string, count: number): Promise<{ store: PlainStore; location: string; copy: string }> {
  const [location, copy] = [join(dir, 'store'), join(dir, 'copy')];
  const store = await openSmall(location);
  for (let number = 0; number < count; number++) {
    if (number === count >> 1) await snapshot(location, copy, { model: plain });
    await store.persist({ blocks: [big('0a', number)] });
  }
  return { store, location, copy };
}

/** The numbers of the blocks that the store in `location` holds. */
async function held(location: string): Promise<number[]> {
  await using store = await openSmall(location, {});
  return (store.takeRecovered().blocks.get('0a') ?? []).map(({ number }) => Number(number));
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/**
 * Persists until the store refuses a round for a reason that matches `place`. Returns the number of
 * acknowledged rounds.
 */
async function writesUntilRefused(store: PlainStore, from: number, place: RegExp): Promise<number> {
  for (let number = from; number < from + 500; number++) {
    const round = store.persist({ blocks: [big('0a', number)] });
    try {
      await round;
    } catch {
      const error = await refused(round, 'LANESTORE_FAILED', place);
      assert.match((error.cause as Error).message, place);
      await refused(store.persist({ blocks: [big('0a', number)] }), 'LANESTORE_FAILED');
      await refused(store.ready(), 'LANESTORE_FAILED');
      return number - from;
    }
  }
  throw new Error('500 rounds were acknowledged');
}

test(
  'by a snapshot in the place of its directory acknowledges nothing more, and does not change the snapshot',
  inTemp(async (dir) => {
    const { store, location, copy } = await begun(dir, 20);
    renameSync(location, join(dir, 'old'));
    renameSync(copy, location);
    const before = tree(location);
    assert.is(await writesUntilRefused(store, 20, /store is not what it was .*moved away/), 0);
    await store.close();
    assert.equal(tree(location), before);
    assert.equal(await held(location), upTo(10));
    const old = await held(join(dir, 'old'));
    // The round in flight may be stored as well, as a whole.
    assert.ok([20, 21].includes(old.length), `${old.length} rounds`);
  }),
);

test(
  'during continuous writes acknowledges at most the rounds in flight',
  inTemp(async (dir) => {
    for (const load of ['small', 'large']) {
      const { store, location, copy } = await begun(join(dir, load), 20);
      let [next, acknowledged] = [20, 20];
      const write = async () => {
        while (next < 1000) {
          const round = load === 'large' ? big('0a', next++) : { ...big('0a', next++), data: new Uint8Array(100) };
          await store.persist({ blocks: [round] });
          acknowledged++;
        }
      };
      const writing = write();
      while (acknowledged < 60) await new Promise((resolve) => setImmediate(resolve));
      renameSync(location, join(dir, load, 'old'));
      const atMove = acknowledged;
      renameSync(copy, location);
      // Not values/: a thread may be opening or removing a file there at this moment.
      const before = tree(join(location, 'level'));
      await refused(writing, 'LANESTORE_FAILED', /moved away/);
      assert.ok(acknowledged <= atMove + 1, `${acknowledged - atMove} rounds were acknowledged after the move`);
      await store.close();
      assert.equal(tree(join(location, 'level')), before);
      assert.equal((await held(join(dir, load, 'old'))).slice(0, acknowledged), upTo(acknowledged));
    }
  }),
);

for (const part of ['level', 'values']) {
  test(
    `detects a replacement of ${part}/ alone by a copy`,
    inTemp(async (dir) => {
      const { store, location } = await begun(dir, 20);
      const place = join(location, part);
      copyOpen(place, join(dir, 'copy-of-it'));
      renameSync(place, join(dir, 'away'));
      renameSync(join(dir, 'copy-of-it'), place);
      const before = tree(place);
      // Only level/ is checked with each batch.
      await expiredLooks();
      assert.is(await writesUntilRefused(store, 20, new RegExp(`${part} is not what it was`)), 0);
      await store.close();
      assert.equal(tree(place), before);
    }),
  );
}

test(
  'detects a directory that was removed and made again, whatever its new inode number',
  inTemp(async (dir) => {
    const { store, location, copy } = await begun(dir, 20);
    rmSync(location, { recursive: true });
    cpSync(copy, location, { recursive: true });
    const before = tree(location);
    assert.is(await writesUntilRefused(store, 20, /is not what it was/), 0);
    await store.close();
    assert.equal(tree(location), before);
    assert.equal(await held(location), upTo(10));
  }),
);

test(
  'detects a removed directory',
  inTemp(async (dir) => {
    const { store, location } = await begun(dir, 20);
    rmSync(location, { recursive: true });
    assert.is(await writesUntilRefused(store, 20, /is not what it was/), 0);
    await store.close();
    assert.not.ok(existsSync(location));
  }),
);

test(
  'detects a file system that is mounted over the directory, or its own being unmounted',
  inTemp(async (dir) => {
    const { store, location } = await begun(dir, 20);
    await withTmpfs('a mount over a store', location, '16m', async () => {
      assert.is(await writesUntilRefused(store, 20, /unmounted/), 0);
      assert.equal(readdirSync(location), []);
    });
    await store.close();
    assert.ok([20, 21].includes((await held(location)).length));
    const below = join(dir, 'disk');
    let mounted: PlainStore | undefined;
    await withTmpfs('a store whose disk is unmounted', below, '600m', async () => {
      mounted = await openSmall(join(below, 'store'));
      await mounted.persist({ blocks: [big('0a', 0)] });
    });
    // A lazy unmount, because the store has open files on it.
    if (mounted === undefined) return;
    assert.is(await writesUntilRefused(mounted, 1, /unmounted/), 0);
    await mounted.close();
    assert.equal(readdirSync(below), []);
  }),
);

test(
  'prepares no value file in another directory',
  inTemp(async (dir) => {
    const { store, location, copy } = await begun(dir, 4);
    renameSync(location, join(dir, 'old'));
    renameSync(copy, location);
    const before = tree(location);
    // A round that needs several files at once has to wait for them.
    const many = Array.from({ length: 40 }, (_, i) => big('0b', i));
    await refused(store.persist({ blocks: many }), 'LANESTORE_FAILED', /moved away/);
    await store.close();
    assert.equal(tree(location), before);
  }),
);

test(
  'detects it when a round needs a free value file: that round is refused, and close() resolves',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const store = await openSmall(location);
    // The first files are free again, and more are prepared than such rounds need.
    await run(store, '0a', 0, 40, 2);
    const isIdle = () => valueFiles(location).length;
    for (let same = 0, files = isIdle(); same < 50; same = isIdle() === files ? same + 1 : 0) {
      files = isIdle();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    renameSync(join(location, 'level'), join(dir, 'away'));
    const round = store.persist({ blocks: Array.from({ length: 30 }, (_, i) => big('0b', i)) });
    const ended = refused(round, 'LANESTORE_FAILED', /level is not what it was/).then(() => store.close());
    await settles(
      () => 'the round, or close()',
      ended,
      () => undefined,
    );
  }),
);

test(
  'removes and renames no value file in another directory: at most one operation is in flight',
  inTemp(async (dir) => {
    const { store, location } = await begun(dir, 90);
    const twin = join(dir, 'twin');
    copyOpen(location, twin);
    await store.persist({ anchor: plainAnchor(1, { '0a': 90 }) });
    // The files that have just become free are removed in the background.
    renameSync(location, join(dir, 'old'));
    renameSync(twin, location);
    const before = valueFiles(location);
    assert.ok(before.length > 12, `${before.length} value files`);
    const isPoisoned = () =>
      store.ready().then(
        () => false,
        ({ code }) => code === 'LANESTORE_FAILED',
      );
    for (let tries = 0; tries < 300 && !(await isPoisoned()); tries++) await sleep(10);
    const after = valueFiles(location);
    const gone = before.filter((name) => !after.includes(name));
    assert.ok(gone.length <= 1, `${gone.length} of ${before.length} are gone`);
    assert.ok(await isPoisoned(), 'without another round');
    await store.close();
  }),
);

test(
  'does not wait for space on another disk',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const freeSpace = { read: async () => 0, readNow: () => 0 };
    const store = await openLevel(location, { model: plain, freeSpace });
    await refused(store.persist({ blocks: [big('0a', 0)] }), 'LANESTORE_CAPACITY');
    renameSync(location, join(dir, 'old'));
    await refused(store.persist({ blocks: [big('0a', 0)] }), 'LANESTORE_FAILED', /moved away/);
    await refused(store.ready(), 'LANESTORE_FAILED', /moved away/);
    await store.close();
  }),
);

test(
  'detects it in a read: a missing entry is not reported as damage',
  inTemp(async (dir) => {
    const { store, location } = await begun(dir, 10);
    renameSync(join(location, 'values'), join(dir, 'away'));
    await refused(store.block('0a', 3n), 'LANESTORE_FAILED', /values is not what it was/);
    await refused(store.persist({ blocks: [big('0a', 10)] }), 'LANESTORE_FAILED', /values is not what it was/);
    await store.close();
  }),
);

test(
  'detects a value file in use that is removed or replaced',
  inTemp(async (dir) => {
    for (const [i, harm] of [rmSync, (path: string) => writeFileSync(`${path}.new`, '')].entries()) {
      const { store, location } = await begun(join(dir, `${i}`), 4);
      for (const name of valueFiles(location)) {
        const path = join(location, 'values', name);
        harm(path);
        if (existsSync(`${path}.new`)) renameSync(`${path}.new`, path);
      }
      await refused(store.persist({ blocks: [big('0a', 4)] }), 'LANESTORE_FAILED');
      await store.close();
    }
  }),
);

test(
  'keeps working when the directory was moved away and back meanwhile',
  inTemp(async (dir) => {
    const { store, location } = await begun(dir, 4);
    renameSync(location, join(dir, 'away'));
    renameSync(join(dir, 'away'), location);
    for (let number = 4; number < 30; number++) await store.persist({ blocks: [big('0a', number)] });
    await store.close();
    assert.equal(await held(location), upTo(30));
  }),
);

const locks = suite('a store whose lock is lost');

/**
 * True if this process holds the lock (fcntl) on the file, according to the kernel's list. Reading
 * the list opens no other file.
 */
function isLocked(lockFile: string): boolean {
  const { ino } = statSync(lockFile);
  const lines = readFileSync('/proc/locks', 'utf8').split('\n');
  return lines.some((line) => line.includes(` ${process.pid} `) && line.includes(`:${ino} `));
}

async function elsewhere(location: string): Promise<string> {
  const { lines } = await runWorker(OPEN_WORKER, [location]);
  const end = lines.find((line) => line.startsWith('end 0 '))!;
  return (JSON.parse(end.slice('end 0 '.length)) as { code?: string }).code ?? 'open';
}

locks(
  'because the application opened LOCK and closed it: it acknowledges nothing more, and names the cause',
  inTemp(async (dir) => {
    if (!existsSync('/proc/self/fdinfo')) return void process.stdout.write('\n  skipped: no /proc here\n');
    const { store, location } = await begun(dir, 4);
    assert.is(await elsewhere(location), 'LANESTORE_LOCKED');
    closeSync(openSync(join(location, 'level', 'LOCK'), 'r'));
    assert.is(await elsewhere(location), 'open', 'the lock is gone');
    await writesUntilRefused(store, 4, /the lock on .*LOCK is lost/);
    await store.close();
    assert.ok((await held(location)).length >= 4);
  }),
);

locks(
  'hands no further batch to LevelDB, whose files another process may have opened',
  inTemp(async (dir) => {
    if (!existsSync('/proc/self/fdinfo')) return void process.stdout.write('\n  skipped: no /proc here\n');
    const { store, location } = await begun(dir, 4);
    closeSync(openSync(join(location, 'level', 'LOCK'), 'r'));
    await expiredLooks();
    const logs = () =>
      readdirSync(join(location, 'level'))
        .filter((name) => name.endsWith('.log'))
        .map((name) => [name, readFileSync(join(location, 'level', name)).toString('latin1')]);
    const before = logs();
    await refused(store.persist({ blocks: plainBlocks('0b', 0, 1) }), 'LANESTORE_FAILED', /LOCK is lost/);
    await store.close();
    assert.equal(logs(), before);
  }),
);

locks(
  'because LOCK was deleted: it acknowledges nothing more',
  inTemp(async (dir) => {
    const { store, location } = await begun(dir, 4);
    rmSync(join(location, 'level', 'LOCK'));
    await writesUntilRefused(store, 4, /LOCK is not what it was/);
    await store.close();
  }),
);

locks(
  'does not lose it during other calls of this package: opening, viewing, verifying, copying, importing',
  inTemp(async (dir) => {
    if (!existsSync('/proc/locks')) return void process.stdout.write('\n  skipped: no /proc here\n');
    const { store, location, copy } = await begun(dir, 20);
    const lock = join(location, 'level', 'LOCK');
    assert.ok(isLocked(lock));
    mkdirSync(join(dir, 'scratch'));
    const uses: Record<string, () => Promise<unknown>> = {
      'a second open': () => refused(openSmall(location), 'LANESTORE_LOCKED'),
      'a schema step': () => refused(migrateStore(location, { model: plain, checks: {} as never }), 'LANESTORE_LOCKED'),
      'a view': async () => (await openView(location, { model: plain })).close(),
      'a view whose copy is elsewhere': async () =>
        (await openView(location, { model: plain, directory: join(dir, 'scratch') })).close(),
      verify: () => verify(location, { model: plain }),
      'a snapshot': () => snapshot(location, join(dir, 'snapshot'), { model: plain }),
      'a snapshot without links': () => snapshot(location, join(dir, 'snapshot-copy'), { model: plain, links: false }),
      'a check of the layout': () => detectLayout(location),
      'a source': async () => (await openState(location, plain)).close(),
      'an open of the snapshot': async () => (await openSmall(copy)).close(),
    };
    for (const [what, use] of Object.entries(uses)) {
      await use();
      assert.ok(isLocked(lock), what);
    }
    await store.persist({ blocks: plainBlocks('0b', 0, 2) });
    await store.close();
  }),
);

test(
  'fails between two batches, if batches follow each other closely',
  inTemp(async (dir) => {
    const [place, away] = [join(dir, 'place'), join(dir, 'away')];
    mkdirSync(place);
    const guard = new LocationGuard();
    guard.watchClosely(place);
    const lost: string[] = [];
    guard.onLost(({ code }) => void lost.push(code));
    const batch = () => {
      guard.checkBeforeBatch();
      guard.checkBatch();
    };
    batch();
    renameSync(place, away);
    await expiredLooks();
    guard.checkAhead();
    assert.equal(lost, [], 'a single batch is not followed by a check');
    renameSync(away, place);
    // Two batches may be far from each other on a busy machine.
    for (let attempt = 0; attempt < 100 && lost.length === 0; attempt++) {
      await expiredLooks();
      batch();
      batch();
      renameSync(place, away);
      guard.expire();
      guard.checkAhead();
      renameSync(away, place);
    }
    assert.equal(lost, ['LANESTORE_FAILED']);
    assert.throws(batch, /is not what it was/);
    guard.close();
  }),
);

test(
  'while batches follow each other closely, fails after the batch during which it was moved',
  inTemp(async (dir) => {
    const { store, location } = await begun(dir, 2);
    const small = (number: number) => ({ ...big('0a', number), data: new Uint8Array(10) });
    let hasFailed = false;
    // The check is due every 2.5 ms; only the batches after which it is due find the move.
    for (let number = 2; number < 400 && !hasFailed; number++) {
      const move = () => renameSync(location, join(dir, 'away'));
      await store.persist({ blocks: [small(number)] }, { block: move });
      await new Promise((resolve) => setImmediate(resolve));
      renameSync(join(dir, 'away'), location);
      hasFailed = await store.ready().then(
        () => false,
        ({ code }: { code: string }) => code === 'LANESTORE_FAILED',
      );
    }
    assert.ok(hasFailed);
    await store.close();
  }),
);

test.run();
locks.run();
