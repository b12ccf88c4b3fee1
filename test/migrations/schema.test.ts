/**
 * Formats: a newer one is refused, and an older one is migrated on request, in crash-safe steps.
 */
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Engine } from '../../src/adapter/level/engine.js';
import { autobahn, type LanestoreError, migrateStore, openLevel, openView } from '../../src/index.js';
import { manifestOf } from '../../src/inspector/index.js';
import { SCHEMA_KEY } from '../../src/keys/index.js';
import { makeRecord, rawBatch, withRaw } from '../support/faults.js';
import { loadExpected } from '../support/fixtures.js';
import { Random, testSeed } from '../support/kill.js';
import { inTemp } from '../support/temp.js';
import { OPTIONS, opened, removed } from './schema-support.js';
import { INNER, writePlainly } from './states.js';

const test = suite('migrations: formats');
async function rejection(promise: Promise<unknown>): Promise<LanestoreError> {
  try {
    await promise;
  } catch (error) {
    return error as LanestoreError;
  }
  throw new Error('it should have been refused');
}

function entriesOf(location: string): Promise<[string, Uint8Array][]> {
  return withRaw(location, (db) => db.iterator().all());
}

async function keysAndValues(location: string): Promise<string[]> {
  return (await entriesOf(location)).map(([key, value]) => `${key} ${Buffer.from(value).toString('hex')}`);
}

for (const [name, expected, stale] of [
  ['wal', loadExpected('wal'), false],
  ['wal-quiet-lane', loadExpected('wal-quiet-lane'), false],
  ['wal-crash-after-anchor', loadExpected('wal-crash-after-anchor', 'expected-after-start.json'), true],
] as const) {
  test(
    `${name}, written plainly: found, refused at open, migrated when asked, and then a store like any other`,
    inTemp(async (dir) => {
      await writePlainly(dir, name);
      for (const open of [openLevel, openView]) {
        const error = await rejection((open as typeof openLevel)(dir, { model: autobahn }));
        assert.is(error.code, 'LANESTORE_SCHEMA');
        assert.match(error.message, /has format 0; this version reads format 2.*lanestore migrate/);
      }
      assert.not.ok(existsSync(join(dir, 'witness')));
      const dry = await migrateStore(dir, { ...OPTIONS, dryRun: true });
      assert.is(dry.steps.length, 1);
      assert.is((await rejection(openLevel(dir, { model: autobahn }))).code, 'LANESTORE_SCHEMA');
      const report = await migrateStore(dir, OPTIONS);
      const blocks = Object.values(expected.lanes).flat().length;
      const entries = blocks + expected.commitQCs.length + 2;
      assert.equal([report.from, report.to, report.steps[0]?.entries], [0, 2, entries]);
      assert.is((report.steps[0]?.stale ?? 0) > 0, stale);
      const { recovered } = await opened(dir);
      assert.equal(manifestOf(recovered), expected);
      assert.equal(recovered.inner, INNER);
      // The second run has nothing to do, and the store stays usable.
      assert.equal((await migrateStore(dir, OPTIONS)).steps, []);
      const store = await openLevel(dir, { model: autobahn });
      await store.persist({ inner: new Uint8Array([4]) });
      await store.close();
      assert.equal((await opened(dir)).recovered.inner, new Uint8Array([4]));
      const view = await openView(dir, { model: autobahn });
      assert.equal(view.findings, []);
      assert.ok(await view.get('meta/event/00000000000000000000'));
      await view.close();
    }),
  );
}

test(
  'what is wrong with a plain store is found before anything is written',
  inTemp(async (dir) => {
    await writePlainly(dir, 'wal');
    const lane = '2bd4e778e505998cbe6a052353e359648370d4cdbf51f3c8c986e4ce9fbeb8fe';
    const cases: [what: string, harm: (db: ClassicLevel<string, Uint8Array>) => Promise<void>, text: RegExp][] = [
      ['a hole', (db) => db.del(`lane/${lane}/40`), /block 41 of lane .* follows 39/],
      ['an unknown key', (db) => db.put('lane/zz', new Uint8Array([0])), /no key of format 0 reads like this/],
      ['torn CBOR', async (db) => db.put('qc/35', (await db.get('qc/35'))!.slice(0, -3)), /qc\/35: /],
      ['another body', async (db) => db.put('qc/35', (await db.get('qc/36'))!), /content is that of another key/],
      ['an inner of text', (db) => db.put('inner', new Uint8Array([0x61, 0x61])), /inner: its value is no byte string/],
    ];
    for (const [i, [what, harm, text]] of cases.entries()) {
      const location = `${dir}-${i}`;
      cpSync(dir, location, { recursive: true });
      await withRaw(location, (db) => harm(db));
      const before = await keysAndValues(location);
      const error = await rejection(migrateStore(location, OPTIONS));
      assert.is(error.code, 'LANESTORE_IMPORT', what);
      assert.match(error.message, text);
      assert.ok((error.findings?.length ?? 0) > 0);
      assert.equal(await keysAndValues(location), before, what);
      removed(location);
    }
  }),
);

test(
  'a newer format is refused and names both; so is what is no store',
  inTemp(async (dir) => {
    const store = await openLevel(join(dir, 'store'), { model: autobahn });
    await store.close();
    const schema = { format: 7, model: autobahn.name, store: new Uint8Array(16), createdAt: 'now' };
    await rawBatch(join(dir, 'store'), [{ type: 'put', key: SCHEMA_KEY, value: makeRecord(SCHEMA_KEY, schema) }]);
    for (const attempt of [
      () => openLevel(join(dir, 'store'), { model: autobahn }),
      () => migrateStore(join(dir, 'store'), OPTIONS),
    ]) {
      const error = await rejection(attempt());
      assert.is(error.code, 'LANESTORE_SCHEMA');
      assert.match(error.message, /format 7.* format 2/);
    }
    assert.is((await rejection(migrateStore(join(dir, 'nowhere'), OPTIONS))).code, 'LANESTORE_NOT_A_STORE');
    const other = new ClassicLevel(join(dir, 'other', 'level'));
    await other.put('something', 'else');
    await other.close();
    assert.is((await rejection(migrateStore(join(dir, 'other'), OPTIONS))).code, 'LANESTORE_NOT_A_STORE');
    const held = await openLevel(join(dir, 'held'), { model: autobahn });
    assert.is((await rejection(migrateStore(join(dir, 'held'), OPTIONS))).code, 'LANESTORE_LOCKED');
    await held.close();
  }),
);

test(
  'stopped behind any of its batches, the step goes on and ends with the same store',
  inTemp(async (dir) => {
    await writePlainly(dir, 'wal');
    const write = Engine.prototype.write;
    let batches = 0;
    try {
      for (let stop = 0; ; stop++) {
        const location = `${dir}-${stop}`;
        cpSync(dir, location, { recursive: true });
        let left = stop;
        Engine.prototype.write = async function (operations) {
          if (left-- === 0) throw new Error('stopped');
          await write.call(this, operations);
        };
        const stopped = await migrateStore(location, OPTIONS).then(
          () => false,
          () => true,
        );
        Engine.prototype.write = write;
        if (stopped) {
          assert.is((await rejection(openLevel(location, { model: autobahn }))).code, 'LANESTORE_SCHEMA');
          await migrateStore(location, OPTIONS);
        }
        assert.equal(manifestOf((await opened(location)).recovered), loadExpected('wal'));
        removed(location);
        batches = stop;
        if (!stopped) break;
      }
    } finally {
      Engine.prototype.write = write;
    }
    assert.ok(batches >= 3, `${batches} batches`);
  }),
);

test(
  'half converted, old and new entries side by side, it goes on',
  inTemp(async (dir) => {
    const whole = join(dir, 'whole');
    await writePlainly(whole, 'wal');
    cpSync(whole, join(dir, 'done'), { recursive: true });
    await migrateStore(join(dir, 'done'), OPTIONS);
    const seed = testSeed();
    const random = new Random(seed);
    const converted = await entriesOf(join(dir, 'done'));
    const step = converted.find(([key]) => key.startsWith('meta/event/'))!;
    for (let run = 0; run < 5; run++) {
      const location = join(dir, `half-${run}`);
      cpSync(whole, location, { recursive: true });
      await withRaw(location, async (db) => {
        await db.put(...step);
        for (const [key, value] of converted) {
          if (key.startsWith('meta/') || key === 'votes' || random.oneIn(2)) continue;
          await db.put(key, value);
          const plain = key.replace(/\/0+(\d+)$/, '/$1');
          if (plain !== key) await db.del(plain);
        }
      });
      assert.is((await rejection(openLevel(location, { model: autobahn }))).code, 'LANESTORE_SCHEMA');
      await migrateStore(location, OPTIONS);
      const { recovered } = await opened(location);
      assert.equal(manifestOf(recovered), loadExpected('wal'), `seed ${seed}`);
    }
  }),
);

test.run();
