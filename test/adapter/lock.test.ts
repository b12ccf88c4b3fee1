/**
 * One opener per store: in this process by any path, in a worker thread, in another process. A
 * refused opener does not harm the store.
 */
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ClassicLevel } from 'classic-level';
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storePaths } from '../../src/adapter/level/format/paths.js';
import { type AnyLevel, openLevel } from '../../src/adapter/level/index.js';
import { createLevel, removeLeftovers } from '../../src/adapter/level/open/create.js';
import { refuseIfOpenElsewhere } from '../../src/adapter/level/open/probe-lock.js';
import { diskFiles } from '../../src/base/files.js';
import type { Model } from '../../src/model/model.js';
import { flipInFile, rawBatch, refused, rejection, tree } from '../support/faults.js';
import { withBind } from '../support/faults-mount.js';
import { type Child, spawnWorker } from '../support/kill.js';
import { plain, plainBlock, plainBlocks } from '../support/plain-model.js';
import { inTemp, withTmpdir } from '../support/temp.js';
import { BARRIER_WORKER, elsewhere, kill, OPEN_WORKER, open } from './lock-support.js';

const here = suite('a second opener in this process');
const others = suite('a second opener in another process');
const databases = suite("a caller's database");

const THREAD_WORKER = new URL('./thread-worker.js', import.meta.url);

const otherModel: Model<never, never, never> = { ...(plain as unknown as Model<never, never, never>), name: 'other/1' };

/** The result of opening the store in a worker thread. */
function inThread(location: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(THREAD_WORKER, { workerData: location });
    let said = 'nothing';
    worker.once('message', (message: string) => {
      said = message;
    });
    worker.once('error', reject);
    worker.once('exit', () => resolve(said));
  });
}

/** A process that keeps the store open until it is killed. */
async function holder(location: string): Promise<Child> {
  const child = spawnWorker(OPEN_WORKER, ['--hold', location]);
  assert.is(await child.line(() => true), 'open');
  return child;
}

function memory(): MemoryLevel<string, Uint8Array> {
  return new MemoryLevel<string, Uint8Array>({ keyEncoding: 'utf8', valueEncoding: 'view' });
}

const openOn = (db: AnyLevel) => openLevel({ db, model: plain });

here(
  'is LANESTORE_LOCKED by any path, and the first one keeps its lock and keeps writing',
  inTemp(async (dir) => {
    const location = join(dir, 'real', 'store');
    mkdirSync(join(dir, 'real'));
    symlinkSync('real', join(dir, 'link'));
    {
      await using store = await open(location);
      await store.persist({ blocks: plainBlocks('0a', 0, 3) });
      for (const path of [
        location,
        `${location}/`,
        join(dir, 'link', 'store'),
        relative(process.cwd(), location),
        `${dir}/link/../real/store`,
      ]) {
        await refused(open(path), 'LANESTORE_LOCKED');
        await refused(openLevel(path, { model: plain, load: false, createIfMissing: false }), 'LANESTORE_LOCKED');
        await refused(openLevel(path, { model: otherModel }), 'LANESTORE_LOCKED');
      }
      await store.persist({ blocks: plainBlocks('0a', 3, 5) });
      assert.is(await elsewhere(location), 'LANESTORE_LOCKED', 'the lock between processes still holds');
      await store.persist({ blocks: plainBlocks('0a', 5, 6) });
      assert.is(await elsewhere(join(dir, 'link', 'store')), 'LANESTORE_LOCKED');
    }
    assert.is(await elsewhere(location), 'open');
    await using store = await open(location);
    assert.equal(store.takeRecovered().blocks.get('0a'), plainBlocks('0a', 0, 6));
  }),
);

here(
  'through a bind mount is LANESTORE_LOCKED',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await using store = await open(location);
    await withBind('bind mount', location, join(dir, 'bound'), async () => {
      await refused(open(join(dir, 'bound')), 'LANESTORE_LOCKED');
      await store.persist({ blocks: plainBlocks('0a', 0, 1) });
      assert.is(await elsewhere(location), 'LANESTORE_LOCKED');
    });
  }),
);

here(
  'in a worker thread is LANESTORE_LOCKED, and frees nothing',
  inTemp(async (dir) => {
    if (!existsSync('/proc/self/fd')) return void process.stdout.write('\n  skipped: no /proc here\n');
    const store = await open(dir);
    assert.is(await inThread(dir), 'refused LANESTORE_LOCKED');
    await store.persist({ blocks: plainBlocks('0a', 0, 2) });
    assert.is(await elsewhere(dir), 'LANESTORE_LOCKED');
    await store.close();
    assert.is(await inThread(dir), 'open 1');
  }),
);

here(
  'after a thread that ended without closing succeeds: the locks of a thread end with it',
  inTemp(async (dir) => {
    const workerData = { location: dir, gate: new Int32Array(new SharedArrayBuffer(4)), threads: 1 };
    const thread = new Worker(BARRIER_WORKER, { workerData });
    assert.equal(await once(thread, 'message'), ['open']);
    await refused(open(dir), 'LANESTORE_LOCKED');
    await thread.terminate();
    await (await open(dir)).close();
    assert.is(await elsewhere(dir), 'open');
  }),
);

here(
  'while bare classic-level has the database open is LANESTORE_LOCKED, and frees nothing',
  inTemp(async (dir) => {
    if (!existsSync('/proc/self/fd')) return void process.stdout.write('\n  skipped: no /proc here\n');
    await (await open(dir)).close();
    const db = new ClassicLevel(join(dir, 'level'));
    await db.open();
    await refused(open(dir), 'LANESTORE_LOCKED');
    assert.is(await elsewhere(dir), 'LANESTORE_LOCKED');
    await db.close();
    await (await open(dir)).close();
  }),
);

here(
  'succeeds once close() has resolved, and not before',
  inTemp(async (dir) => {
    const store = await open(dir);
    const pending = store.persist({ blocks: plainBlocks('0a', 0, 1) });
    const closed = store.close();
    await refused(open(dir), 'LANESTORE_LOCKED');
    await closed;
    await pending;
    await (await open(dir)).close();
  }),
);

here(
  'succeeds after a failed open: a failed open releases everything',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await (await open(location)).close();
    await refused(openLevel(location, { model: otherModel }), 'LANESTORE_SCHEMA');
    assert.is(await elsewhere(location), 'open');
    await rawBatch(location, [{ type: 'put', key: 'zz', value: new Uint8Array() }]);
    await refused(open(location), 'LANESTORE_CORRUPT');
    assert.is(await elsewhere(location), 'LANESTORE_CORRUPT');
    await rawBatch(location, [{ type: 'del', key: 'zz' }]);
    rmSync(join(location, 'witness'));
    mkdirSync(join(location, 'witness'));
    await refused(open(location), 'LANESTORE_CORRUPT', /witness: it is a directory/);
    rmSync(join(location, 'witness'), { recursive: true });
    for (const nothing of ['a', 'b']) {
      mkdirSync(join(dir, nothing));
      await refused(openLevel(join(dir, nothing), { model: plain, createIfMissing: false }), 'LANESTORE_NOT_A_STORE');
      assert.is(await elsewhere(join(dir, nothing)), 'open');
    }
    await (await open(location)).close();
    assert.is(await elsewhere(location), 'open');
  }),
);

others(
  'is LANESTORE_LOCKED, changes nothing, and succeeds once the first process was killed',
  inTemp(async (dir) => {
    const child = await holder(dir);
    try {
      for (let twice = 0; twice < 2; twice++) {
        await refused(open(dir), 'LANESTORE_LOCKED', /another process/);
        assert.is(await elsewhere(dir), 'LANESTORE_LOCKED');
      }
      assert.equal(readdirSync(dir).sort(), ['level', 'witness']);
    } finally {
      await kill(child);
    }
    await (await open(dir)).close();
  }),
);

others(
  'gets LANESTORE_LOCKED for a damaged store too, and changes nothing; after close() the damage is reported',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    {
      await using store = await open(location);
      for (let number = 0; number < 50; number++) await store.persist({ blocks: [plainBlock('0a', number)] });
    }
    const child = await holder(location);
    const level = join(location, 'level');
    let before: Map<string, string>;
    try {
      const table = readdirSync(level).find((name) => name.endsWith('.ldb'))!;
      flipInFile(join(level, table), 800);
      before = tree(join(location, 'level'));
      for (let twice = 0; twice < 2; twice++) {
        await refused(open(location), 'LANESTORE_LOCKED', /another process/);
        assert.is(await elsewhere(location), 'LANESTORE_LOCKED');
      }
      assert.equal(tree(level), before);
    } finally {
      await kill(child);
    }
    await refused(open(location), 'LANESTORE_CORRUPT');
    assert.is(await elsewhere(location), 'LANESTORE_CORRUPT');
    assert.equal(tree(level), before);
  }),
);

others(
  'is refused by probing the lock; the probe makes and changes no file, and leaves the lock as it was',
  inTemp(async (dir) => {
    const [location, level] = [join(dir, 'store'), join(dir, 'store', 'level')];
    await (await open(location)).close();
    const before = tree(location);
    await refuseIfOpenElsewhere(level);
    assert.equal(tree(location), before);
    rmSync(join(level, 'LOCK'));
    await refuseIfOpenElsewhere(level);
    await refuseIfOpenElsewhere(join(dir, 'absent'));
    assert.not.ok(existsSync(join(level, 'LOCK')) || existsSync(join(dir, 'absent')));
    const child = await holder(location);
    try {
      const [held, scratch] = [tree(location), join(dir, 'tmp')];
      mkdirSync(scratch);
      await withTmpdir(scratch, () => refused(refuseIfOpenElsewhere(level), 'LANESTORE_LOCKED'));
      assert.equal([tree(location), readdirSync(scratch)], [held, []]);
      // Next to the store if the system's directory for temporary files cannot be used.
      const names = readdirSync(dir);
      await withTmpdir(join(dir, 'absent'), () => refused(refuseIfOpenElsewhere(level), 'LANESTORE_LOCKED'));
      assert.equal([tree(location), readdirSync(dir)], [held, names]);
      assert.is(await elsewhere(location), 'LANESTORE_LOCKED');
    } finally {
      await kill(child);
    }
  }),
);

others(
  'started by this process while the store was open succeeds after close(), whatever descriptors it inherited',
  inTemp(async (dir) => {
    const [location, go] = [join(dir, 'store'), join(dir, 'go')];
    const store = await open(location);
    const child = spawnWorker(OPEN_WORKER, ['--after', go, location]);
    assert.is(await child.line(() => true), 'up');
    assert.is(await elsewhere(location), 'LANESTORE_LOCKED');
    await store.close();
    writeFileSync(go, '');
    await child.ended;
    assert.match(child.lines.at(-1) ?? '', /^end 0 .*content/);
  }),
);

others(
  'a creation whose files another creation removes opens the store of the other one',
  inTemp(async (dir) => {
    const [paths, rival] = [storePaths(join(dir, 'store')), storePaths(join(dir, 'other'))];
    for (const { location } of [paths, rival]) mkdirSync(location);
    await createLevel(rival, plain.name, {}, diskFiles);
    const creating = createLevel(paths, plain.name, {}, diskFiles);
    while (readdirSync(paths.location).length === 0) await new Promise((resolve) => setImmediate(resolve));
    renameSync(rival.level, paths.level);
    await removeLeftovers(paths, diskFiles);
    await creating;
    assert.equal(readdirSync(paths.location), ['level']);
    await using store = await open(paths.location);
    assert.is(store.seq, 0n);
  }),
);

databases('holds one store at a time', async () => {
  const db = memory();
  const store = await openOn(db);
  await refused(openOn(db), 'LANESTORE_LOCKED');
  await store.persist({ blocks: plainBlocks('0a', 0, 2) });
  await store.close();
  await using again = await openOn(db);
  assert.equal(again.takeRecovered().blocks.get('0a'), plainBlocks('0a', 0, 2));
});

databases('stays open, and usable, when the store is closed', async () => {
  const db = memory();
  await (await openOn(db)).close();
  assert.is(db.status, 'open');
  assert.ok((await db.get('meta/tip')) !== undefined);
  await db.close();
});

databases('has a store for each sublevel, and only one for each prefix', async () => {
  const db = memory();
  const a = await openOn(db.sublevel('a'));
  const b = await openOn(db.sublevel('b'));
  await refused(openOn(db.sublevel('a')), 'LANESTORE_LOCKED');
  const deep = await openOn(db.sublevel(['c', 'x']));
  await refused(openOn(db.sublevel('c').sublevel('x')), 'LANESTORE_LOCKED');
  await a.persist({ blocks: plainBlocks('0a', 0, 2) });
  await b.persist({ blocks: plainBlocks('0b', 0, 3) });
  await deep.persist({ blocks: plainBlocks('0c', 0, 1) });
  await a.close();
  await using again = await openOn(db.sublevel('a'));
  assert.equal([...again.takeRecovered().blocks], [['0a', plainBlocks('0a', 0, 2)]]);
  await refused(openOn(db.sublevel('b')), 'LANESTORE_LOCKED');
  await b.close();
  await deep.close();
  await using second = await openOn(db.sublevel('b'));
  assert.equal([...second.takeRecovered().blocks], [['0b', plainBlocks('0b', 0, 3)]]);
});

databases('a store inside or around an open one is refused: their keys would overlap', async () => {
  const db = memory();
  const outer = await openOn(db.sublevel('a'));
  await refused(openOn(db.sublevel('a').sublevel('b')), 'LANESTORE_LOCKED');
  await refused(openOn(db), 'LANESTORE_LOCKED');
  await outer.persist({ blocks: plainBlocks('0a', 0, 2) });
  await outer.close();
  await using again = await openOn(db.sublevel('a'));
  assert.equal(again.takeRecovered().blocks.get('0a'), plainBlocks('0a', 0, 2));
});

databases('shared with other data through a sublevel keeps both', async () => {
  const db = memory();
  const text = new TextEncoder().encode('world');
  await db.put('hello', text);
  {
    await using store = await openOn(db.sublevel('lanes'));
    await store.persist({ blocks: plainBlocks('0a', 0, 5) });
  }
  await db.put('zz', text);
  await using store = await openOn(db.sublevel('lanes'));
  assert.is(store.takeRecovered().blocks.get('0a')?.length, 5);
  assert.equal([...(await db.get('hello'))!], [...text]);
});

databases('with other data is LANESTORE_NOT_A_STORE, and nothing is written', async () => {
  const db = memory();
  await db.put('hello', new Uint8Array([1]));
  for (let twice = 0; twice < 2; twice++) await refused(openOn(db), 'LANESTORE_NOT_A_STORE', /hello/);
  assert.equal(await db.keys().all(), ['hello']);
  await db.del('hello');
  await (await openOn(db)).close();
});

databases('with our tip but no schema is damaged, not foreign', async () => {
  const db = memory();
  await (await openOn(db)).close();
  await db.del('meta/schema');
  await refused(openOn(db), 'LANESTORE_CORRUPT', /meta\/schema/);
});

databases('with other encodings than ours works', async () => {
  const db = new MemoryLevel<object, object>({ keyEncoding: 'json', valueEncoding: 'json' });
  {
    await using store = await openOn(db);
    await store.persist({ blocks: plainBlocks('0a', 0, 5) });
  }
  await using store = await openOn(db);
  assert.equal(store.takeRecovered().blocks.get('0a'), plainBlocks('0a', 0, 5));
});

databases(
  'that is a real LevelDB, opened by the caller, works; a sublevel of it too',
  inTemp(async (dir) => {
    for (let again = 0; again < 2; again++) {
      const db = new ClassicLevel<string, string>(dir);
      for (const [i, view] of [db.sublevel('s'), db.sublevel('t')].entries()) {
        await using store = await openOn(view);
        const next = store.cursors.lanes.get('0a')?.next ?? 0n;
        assert.is(next, BigInt(again));
        await store.persist({ blocks: [plainBlock('0a', next, `${i}`)] });
      }
      await db.close();
    }
  }),
);

databases('that was not opened yet is opened', async () => {
  const db = memory();
  assert.is(db.status, 'opening');
  await using store = await openOn(db);
  await store.persist({ blocks: plainBlocks('0a', 0, 1) });
});

databases('that is closed is refused with a code', async () => {
  const db = memory();
  const store = await openOn(db);
  await db.close();
  const error = await refused(store.persist({ blocks: plainBlocks('0a', 0, 1) }), 'LANESTORE_FAILED');
  assert.ok(error.cause !== undefined);
  await refused(store.persist({}), 'LANESTORE_FAILED');
  await store.close();
});

databases('without snapshots is LANESTORE_INVALID', async () => {
  const db = memory();
  Object.defineProperty(db, 'supports', { value: { ...db.supports, implicitSnapshots: false } });
  await refused(openOn(db), 'LANESTORE_INVALID', /snapshots/);
  assert.equal(await rejection(db.get('meta/tip').then((value) => Promise.reject(value))), undefined);
});

here.run();
others.run();
databases.run();
