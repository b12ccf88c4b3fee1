/**
 * Space for value files: prepared ahead, refused before a round is accepted, and the effect of a
 * failed write.
 */

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isReference } from '../../../../src/adapter/level/format/value-ref.js';
import { openLevel } from '../../../../src/adapter/level/index.js';
import { findValues } from '../../../../src/adapter/level/values/names.js';
import { valueSettings } from '../../../../src/adapter/level/values/options.js';
import { ValueStore } from '../../../../src/adapter/level/values/value-store.js';
import { blockKey } from '../../../../src/keys/index.js';
import { rawGet, refused } from '../../../support/faults.js';
import { settles } from '../../../support/hang.js';
import { plain } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { type Operation, WatchedFiles } from '../../wal/watched-files.js';
import { encodedRound } from './encoded.js';
import { big, onValues, openSmall, run, SMALL_FILES } from './support.js';

const test = suite('separated values: space');

/** Keeps the event loop alive: waiting for space is unreferenced and would not. */
let alive: NodeJS.Timeout;
test.before(() => {
  alive = setInterval(() => undefined, 1000);
});
test.after(() => clearInterval(alive));

const noSpace = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
/** Waits until the background task has finished. */
const until = async (reached: () => boolean) => {
  for (let tries = 0; !reached(); tries++) {
    if (tries === 500) throw new Error('it did not happen within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const isPreparing = ({ kind, path }: Operation) => kind === 'open' && path.endsWith('.preparing');

test(
  'a full disk: a large round is LANESTORE_CAPACITY, small rounds are accepted, ready() waits for space',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    await using store = await openSmall(dir, { files });
    await run(store, '0a', 0, 3, 100);
    let full = true;
    files.before = (operation) => {
      if (full && isPreparing(operation)) throw noSpace();
    };
    let n = 3;
    const accepted = async (): Promise<boolean> => {
      try {
        await store.persist({ blocks: [big('0a', n)] });
        n++;
        return true;
      } catch (error) {
        assert.is((error as { code?: string }).code, 'LANESTORE_CAPACITY');
        return false;
      }
    };
    while (await accepted());
    assert.ok(n > 6, `prepared space is used up first (${n})`);
    await store.persist({ blocks: [big('0a', n, 500)] });
    n++;
    let isReady = false;
    const ready = store.ready().then(() => {
      isReady = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.not.ok(isReady);
    const abort = new AbortController();
    const aborted = store.ready(abort.signal).catch((error: Error) => error.message);
    abort.abort(new Error('enough'));
    assert.is(await aborted, 'enough');
    full = false;
    await ready;
    assert.ok(await accepted(), 'space came back');
    for (let i = 0; i < n; i++)
      assert.equal(await store.block('0a', BigInt(i)), big('0a', i, i === n - 2 ? 500 : 5000));
  }),
);

test(
  'a round that was refused for want of prepared space, and given up, keeps no call of ready() waiting',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    await using store = await openSmall(dir, { files });
    let tries = 0;
    files.before = (operation) => {
      if (!isPreparing(operation)) return;
      tries++;
      throw noSpace();
    };
    await store.persist({ blocks: [big('0a', 0)] });
    await until(() => tries > 0);
    await refused(store.persist({ blocks: [big('0a', 1)] }), 'LANESTORE_CAPACITY');
    await store.persist({ blocks: [big('0a', 1, 500)] });
    await settles(
      () => `ready(), though small rounds are accepted; ${tries} preparations have failed`,
      store.ready(),
      () => 0,
    );
    assert.ok(tries > 1, 'others were tried before');
    await store.persist({ blocks: [big('0a', 2, 500)] });
  }),
);

test(
  'no file is prepared that would leave less free space than rounds need',
  inTemp(async (dir) => {
    let free = 1_020_000;
    const freeSpace = { read: async () => free, readNow: () => free };
    const options = { model: plain, values: SMALL_FILES, freeSpace, minFreeBytes: 1_000_000 };
    await using store = await openLevel(dir, options);
    await store.persist({ blocks: [big('0a', 0)] });
    await refused(store.persist({ blocks: [big('0a', 1)] }), 'LANESTORE_CAPACITY');
    await store.persist({ blocks: [big('0a', 1, 500)] });
    free = 10_000_000;
    await store.ready();
    await store.persist({ blocks: [big('0a', 2)] });
    assert.equal(await store.block('0a', 2n), big('0a', 2));
  }),
);

test(
  'without a watermark no more is reserved than stays free: otherwise our own zeros would fill the disk',
  inTemp(async (dir) => {
    let free = 2 * SMALL_FILES.fileBytes - 1;
    let valueFileBytes = () => 0;
    const left = () => free - valueFileBytes();
    const freeSpace = { read: async () => left(), readNow: left };
    await using store = await openLevel(dir, { model: plain, values: SMALL_FILES, freeSpace, minFreeBytes: 0 });
    // The bytes of a file are no longer free: otherwise a second file could follow at any
    // moment.
    valueFileBytes = () => store.valueUsage.fileBytes;
    await store.persist({ blocks: [big('0a', 0)] });
    await refused(store.persist({ blocks: [big('0a', 1)] }), 'LANESTORE_CAPACITY');
    assert.is(valueFileBytes(), 0);
    free++;
    await store.ready();
    await store.persist({ blocks: [big('0a', 1)] });
    assert.is(store.valueUsage.fileBytes, SMALL_FILES.fileBytes);
  }),
);

test(
  'closing after a failure waits for a write of values in progress',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const order: string[] = [];
    const open = files.open.bind(files);
    files.open = async (path, mode, how) => {
      const file = await open(path, mode, how);
      return { ...file, close: () => file.close().then(() => void order.push('closed')) };
    };
    const values = join(dir, 'values');
    const settings = valueSettings({ ...SMALL_FILES, files });
    const store = new ValueStore({ dir: values, settings, store: '', found: findValues(values), references: [] });
    let letGo = () => {};
    const held = new Promise<void>((reached) => {
      onValues(files, ({ kind }) => {
        if (kind !== 'sync') return undefined;
        reached();
        return new Promise<void>((go) => {
          letGo = () => {
            order.push('synced');
            go();
          };
        });
      });
    });
    const round = encodedRound(big('0a', 0));
    const writing = store.place([round]);
    await held;
    // As after a batch that LevelDB rejected while the values of the next batch were written.
    const closed = store.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    letGo();
    await closed;
    await (await writing)?.durable;
    assert.ok(round.lanes.get('0a')?.append[0]?.reference !== undefined, 'the put writes a reference');
    assert.equal(order.slice(order.indexOf('synced')), ['synced', 'closed']);
  }),
);

test(
  'closing rejects calls that wait for space',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const store = await openSmall(dir, { files });
    files.before = (operation) => {
      if (isPreparing(operation)) throw noSpace();
    };
    await store.persist({ blocks: [big('0a', 0)] });
    await refused(store.persist({ blocks: [big('0a', 1)] }), 'LANESTORE_CAPACITY');
    const ready = refused(store.ready(), 'LANESTORE_CLOSED');
    await store.close();
    await ready;
  }),
);

for (const kind of ['write', 'sync'] as const) {
  test(
    `a ${kind} of values that fails makes the store fail, and nothing of the round is stored`,
    inTemp(async (dir) => {
      const files = new WatchedFiles();
      const store = await openSmall(dir, { files });
      await run(store, '0a', 0, 2, 100);
      onValues(files, (operation) => {
        if (operation.kind === kind) throw new Error('EIO: i/o error');
      });
      const order: string[] = [];
      const note = (name: string, promise: Promise<void>) =>
        promise.then(
          () => void order.push(`${name} ok`),
          (error: { code: string }) => void order.push(`${name} ${error.code}`),
        );
      await Promise.all([
        note('large', store.persist({ blocks: [big('0a', 2)] })),
        note('small', store.persist({ blocks: [big('0b', 0, 10)] })),
      ]);
      assert.equal(order, ['large LANESTORE_FAILED', 'small LANESTORE_FAILED']);
      await refused(store.persist({ blocks: [big('0b', 0, 10)] }), 'LANESTORE_FAILED');
      await refused(store.ready(), 'LANESTORE_FAILED');
      await store.close();
      await using again = await openSmall(dir);
      assert.equal(
        [...again.takeRecovered().blocks].map(([lane, { length }]) => [lane, length]),
        [['0a', 2]],
      );
    }),
  );
}

test(
  'a value without prepared space is stored inline, unless it is large enough to wait for space',
  inTemp(async (dir) => {
    {
      await using store = await openLevel(dir, { model: plain, values: { ...SMALL_FILES, waitBytesMin: 20_000 } });
      await store.persist({ blocks: [big('0a', 0)] });
      await store.persist({ blocks: [big('0b', 0, 25_000)] });
      await store.persist({ blocks: [big('0c', 0, 3 * SMALL_FILES.fileBytes)] });
    }
    assert.not.ok(isReference(await rawGet(dir, blockKey('0a', 0n))));
    assert.ok(isReference(await rawGet(dir, blockKey('0b', 0n))));
    assert.ok(isReference(await rawGet(dir, blockKey('0c', 0n))), 'a record larger than a file gets its own file');
    await using store = await openSmall(dir);
    assert.equal(store.takeRecovered().blocks.get('0c'), [big('0c', 0, 3 * SMALL_FILES.fileBytes)]);
  }),
);

for (const [name, waitBytesMin] of [
  ['space is prepared for them', 1024 * 1024],
  ['together they are large enough to wait', 20_000],
] as const) {
  test(
    `small calls are separated as the batch that they are merged into: ${name}`,
    inTemp(async (dir) => {
      const lanes = ['0a', '0b', '0c', '0d', '0e', '0f'];
      {
        await using store = await openSmall(dir, { batchBytesMin: 12_000, fileBytes: 256 * 1024, waitBytesMin });
        const round = (n: number) => Promise.all(lanes.map((lane) => store.persist({ blocks: [big(lane, n)] })));
        await round(0);
        await until(() => store.valueUsage.fileBytes > 0);
        const seq = store.seq;
        await round(1);
        assert.equal(store.seq - seq, 1n, 'one batch for all');
      }
      for (const lane of lanes) assert.ok(isReference(await rawGet(dir, blockKey(lane, 1n))), lane);
      if (waitBytesMin < lanes.length * 5000) assert.ok(isReference(await rawGet(dir, blockKey('0a', 0n))));
    }),
  );
}

test(
  'while LevelDB writes one batch, the values of the next one are written; everything settles in order',
  inTemp(async (dir) => {
    await using store = await openSmall(dir, { fileBytes: 256 * 1024 });
    await run(store, '0a', 0, 3, 100);
    const settled: number[] = [];
    const seq = store.seq;
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        await store.persist({ blocks: [big('0b', i, i % 3 === 0 ? 50 : 5000)] });
        settled.push(i);
        if (i % 7 === 0) await store.persist({ blocks: [big('0c', i / 7, 4000)] });
      }),
    );
    assert.equal(
      settled,
      Array.from({ length: 60 }, (_, i) => i),
    );
    assert.ok(store.seq - seq < 40n, 'rounds of one tick are one batch');
    for (let i = 0; i < 60; i++)
      assert.equal(await store.block('0b', BigInt(i)), big('0b', i, i % 3 === 0 ? 50 : 5000));
  }),
);

test(
  'invalid options are refused',
  inTemp(async (dir) => {
    const open = (values: unknown) => openLevel(dir, { model: plain, values: values as object });
    await refused(open({ fileBytes: 5000 }), 'LANESTORE_INVALID', /multiple of 4096/);
    await refused(open({ fileBytes: 2 ** 33 }), 'LANESTORE_INVALID');
    await refused(open({ valueBytesMin: 0 }), 'LANESTORE_INVALID');
    for (const values of [3, null, { batchBytesMin: 'much' }]) {
      const error = await open(values).catch((thrown: unknown) => thrown);
      assert.instance(error, TypeError);
    }
  }),
);

test.run();
