/** The engine's batches: reused memory, one owner at a time, nothing of an earlier batch. */
import { join } from 'node:path';
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDatabase } from '../../../src/adapter/level/database.js';
import { Engine } from '../../../src/adapter/level/engine.js';
import type { Operation } from '../../../src/adapter/level/format/operation.js';
import { inTemp } from '../../support/temp.js';

const test = suite('engine');

const put = (key: string, bytes: number, fill: number): Operation => ({
  type: 'put',
  key,
  value: new Uint8Array(bytes).fill(fill),
});
const del = (key: string): Operation => ({ type: 'del', key });

interface Batches {
  /** Number of batches that LevelDB has made. */
  made: number;
  /** Those that are attached to the database: they live until it is closed. */
  readonly attached: Set<unknown>;
  /** The next writes fail. */
  fails: boolean;
}

/** Runs `body` on the engine of a new database, and watches the batches that LevelDB makes. */
const withEngine = (body: (engine: Engine, batches: Batches, close: () => Promise<void>) => Promise<void>) =>
  inTemp(async (dir) => {
    const db = await openDatabase(join(dir, 'level'), {}, true);
    const batches: Batches = { made: 0, attached: new Set(), fails: false };
    const inner = db as unknown as Record<'_chainedBatch' | 'detachResource', (resource?: unknown) => unknown>;
    const [make, detach] = [inner._chainedBatch.bind(db), inner.detachResource.bind(db)];
    inner._chainedBatch = () => {
      batches.made++;
      const batch = make() as { _write(options: object): Promise<void> };
      const write = batch._write.bind(batch);
      batch._write = (options) => (batches.fails ? Promise.reject(new Error('EIO')) : write(options));
      batches.attached.add(batch);
      return batch;
    };
    inner.detachResource = (resource) => {
      batches.attached.delete(resource);
      return detach(resource);
    };
    await body(new Engine(db, true), batches, () => db.close());
    await db.close();
  });

const contentOf = async (engine: Engine): Promise<string[]> => {
  const content: string[] = [];
  for await (const portion of engine.portions({})) {
    for (const [key, value] of portion) content.push(`${key}:${value.length}:${value[0]}`);
  }
  return content;
};

test(
  'a batch is used again, and holds nothing of the batch before it',
  withEngine(async (engine, batches) => {
    await engine.write([put('a', 10, 1), put('b', 10, 1), put('c', 10, 1)]);
    engine.prepare();
    await engine.write([del('b'), put('c', 3, 2)]);
    // Without a call of prepare, too.
    await engine.write([del('a')]);
    await engine.write([put('a', 1, 3)]);
    assert.is(batches.made, 1);
    assert.equal(await contentOf(engine), ['a:1:3', 'c:3:2']);
  }),
);

test(
  'two batches that are filled before either is written are separate',
  withEngine(async (engine, batches) => {
    const first = engine.fill([put('a', 10, 1)]);
    engine.prepare();
    const second = engine.fill([put('b', 10, 1)]);
    const third = engine.fill([put('c', 10, 1)]);
    const writing = second.write();
    engine.prepare();
    const fourth = engine.fill([put('d', 10, 1)]);
    await Promise.all([first.write(), writing, third.write(), fourth.write()]);
    for (const written of [first, second, third, fourth]) written.recycle();
    assert.equal(await contentOf(engine), ['a:10:1', 'b:10:1', 'c:10:1', 'd:10:1']);
    const before = batches.made;
    for (let i = 0; i < 10; i++) await engine.write([put('e', 10, i)]);
    assert.is(batches.made, before);
    assert.is(batches.attached.size, 1);
  }),
);

test(
  'a discarded batch is not written, and neither is one that could not be filled',
  withEngine(async (engine) => {
    await engine.write([put('a', 10, 1)]);
    const discarded = engine.fill([put('b', 10, 1)]);
    await discarded.discard();
    const broken: Operation = {
      type: 'put',
      key: 'd',
      get value(): Uint8Array {
        throw new Error('no value');
      },
    };
    assert.throws(() => engine.fill([put('c', 10, 1), broken]), /no value/);
    await engine.write([put('e', 10, 1)]);
    assert.equal(await contentOf(engine), ['a:10:1', 'e:10:1']);
  }),
);

test(
  'the memory of a large batch is not kept',
  withEngine(async (engine, batches) => {
    await engine.write([put('a', 2 * 1024 * 1024, 1)]);
    await engine.write([put('b', 1, 1)]);
    assert.is(batches.made, 2);
    await engine.write([put('b', 1, 2)]);
    assert.is(batches.made, 2);
    assert.equal(await contentOf(engine), ['a:2097152:1', 'b:1:2']);
  }),
);

test(
  'a batch whose write failed is let go, and the next one is another',
  withEngine(async (engine, batches) => {
    await engine.write([put('a', 10, 1)]);
    batches.fails = true;
    for (let i = 0; i < 5; i++) {
      const failed = await engine.write([put('b', 10, 1)]).then(String, (error: Error) => error.message);
      assert.is(failed, 'EIO');
    }
    assert.is(batches.attached.size, 0);
    batches.fails = false;
    await engine.write([put('c', 10, 1)]);
    assert.is(batches.attached.size, 1);
    assert.equal(await contentOf(engine), ['a:10:1', 'c:10:1']);
  }),
);

test(
  'a closed database refuses to fill, and to write what was filled',
  withEngine(async (engine, _batches, close) => {
    await engine.write([put('a', 1, 1)]);
    const filled = engine.fill([put('b', 1, 1)]);
    await close();
    engine.prepare();
    assert.is(await filled.write().then(String, (error: Error) => error.message), 'the database is closed');
    assert.throws(() => engine.fill([put('c', 1, 1)]), /not open/);
  }),
);

test("a batch that a hook of the caller's database refuses is let go", async () => {
  const db = new MemoryLevel();
  await db.open();
  let attached = 0;
  const inner = db as unknown as Record<'attachResource' | 'detachResource', (resource: unknown) => unknown>;
  for (const [name, change] of [
    ['attachResource', 1],
    ['detachResource', -1],
  ] as const) {
    const real = inner[name].bind(db);
    inner[name] = (resource) => {
      attached += change;
      return real(resource);
    };
  }
  db.hooks.prewrite.add(() => {
    throw new Error('no');
  });
  const engine = new Engine(db);
  for (let i = 0; i < 5; i++) {
    const refused = await engine.write([put('a', 1, 1)]).then(String, (error: { code?: string }) => error.code);
    assert.is(refused, 'LEVEL_HOOK_ERROR');
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(attached, 0);
  await db.close();
});

test.run();
