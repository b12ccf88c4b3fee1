/**
 * Reads that are unfinished when a store, a view or a source is closed: they yield nothing more and
 * keep nothing open.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView } from '../../../../src/adapter/level/index.js';
import { exportState } from '../../../../src/index.js';
import { openState } from '../../../../src/migrations/index.js';
import { autobahn } from '../../../../src/model/autobahn/index.js';
import { copyState, OPTIONS } from '../../../migrations/states.js';
import { openBelow } from '../../../support/descriptors.js';
import { refused } from '../../../support/faults.js';
import { onHeld } from '../../../support/held-level.js';
import { plain, plainAnchor, plainBlocks, plainQC } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { big, openSmall, run, SMALL_FILES, valueFiles } from './support.js';

const test = suite('unfinished reads at close');

test(
  'an iterator of a store yields nothing after close, also when its files hold the values of a later store',
  inTemp(async (dir) => {
    const store = await openSmall(dir);
    await run(store, '0a', 0, 20, 100);
    const left = store.readBlocks('0a');
    assert.equal((await left.next()).value, big('0a', 0));
    const fresh = store.readBlocks('0a');
    await store.close();
    await refused(fresh.next(), 'LANESTORE_CLOSED');
    const again = await openSmall(dir);
    await again.persist({ anchor: plainAnchor(1, { '0a': 20 }) });
    await run(again, '0b', 0, 40, 4);
    await refused(left.next(), 'LANESTORE_CLOSED');
    assert.equal(await left.next(), { done: true, value: undefined });
    await again.close();
  }),
);

test(
  'an iterator that is being read at close yields the requested entries, then LANESTORE_CLOSED',
  inTemp(async (dir) => {
    const store = await openSmall(dir);
    await run(store, '0a', 0, 30, 100);
    const iterators = Array.from({ length: 20 }, () => store.readBlocks('0a'));
    for (const iterator of iterators) await iterator.next();
    let closed = false;
    const late: bigint[] = [];
    const reading = iterators.map(async (iterator) => {
      for await (const { number } of iterator) if (closed) late.push(number);
    });
    const results = Promise.allSettled(reading);
    await store.close().then(() => {
      closed = true;
    });
    for (const result of await results) {
      assert.is(result.status, 'rejected');
      assert.is((result as PromiseRejectedResult).reason.code, 'LANESTORE_CLOSED');
    }
    assert.equal(late, []);
    assert.equal(openBelow(dir), []);
  }),
);

test(
  'close frees the descriptors of unfinished iterators, and the next open finds the files free',
  inTemp(async (dir) => {
    const store = await openSmall(dir);
    await run(store, '0a', 0, 30, 100);
    for (let i = 0; i < 50; i++) assert.equal((await store.readBlocks('0a').next()).value, big('0a', 0));
    for (let i = 0; i < 50; i++) await store.readCommitQCs().next();
    assert.ok(openBelow(join(dir, 'values')).length >= 50, 'each holds a descriptor while it is open');
    await store.close();
    assert.equal(openBelow(dir), []);
    await (await openSmall(dir)).close();
  }),
);

test(
  "an iterator of a store in a caller's database ends with the store, and the database stays open",
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 10), commitQCs: [plainQC(0), plainQC(1)] });
    const [blocks, qcs] = [store.readBlocks('0a'), store.readCommitQCs()];
    await blocks.next();
    await qcs.next();
    await store.close();
    await refused(blocks.next(), 'LANESTORE_CLOSED');
    await refused(qcs.next(), 'LANESTORE_CLOSED');
    assert.is(db.status, 'open');
  }),
);

test(
  'iterators of a view end with it, and their descriptors are freed; a removed copy is not reported as damage',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const store = await openSmall(location);
    await run(store, '0a', 0, 30, 100);
    await store.close();
    const view = await openView(location, { model: plain });
    const left = [view.entries(), view.blocks('0a'), view.blocks('0a', { stale: true })];
    for (const iterator of left) await iterator.next();
    const empty = [view.blocks('0b'), view.commitQCs({ from: 99n })];
    await view.blocks('0a').next();
    await view.close();
    assert.equal(openBelow(dir), []);
    assert.equal(readdirSync(dir), ['store']);
    for (const iterator of [...left, ...empty]) await refused(iterator.next(), 'LANESTORE_CLOSED');
    await refused(view.blocks('0a').next(), 'LANESTORE_CLOSED');
    await refused(view.block('0a', 1n), 'LANESTORE_CLOSED');
  }),
);

test(
  'streams of a source of every layout end with it',
  inTemp(async (dir) => {
    const wal = copyState('wal-no-anchor', dir);
    const files = join(dir, 'files');
    await exportState(wal, files, 'file-per-entry', OPTIONS);
    const level = join(dir, 'level');
    {
      await using store = await openLevel(level, { model: autobahn });
      const source = await openState(wal, autobahn);
      for await (const { entry } of source.commitQCs()) await store.persist({ commitQCs: [entry] });
      await source.close();
    }
    for (const location of [wal, files, level]) {
      const source = await openState(location, autobahn);
      const [left, fresh] = [source.commitQCs(), source.commitQCs()];
      const iterator = left[Symbol.asyncIterator]();
      assert.is((await iterator.next()).done, false, location);
      await source.close();
      await refused(iterator.next(), 'LANESTORE_CLOSED');
      await refused(fresh[Symbol.asyncIterator]().next(), 'LANESTORE_CLOSED');
    }
  }),
);

test.run();

const checked = suite('bounds of a range');

checked(
  'a bound of the wrong type is a TypeError before any resource is taken: value files are still freed',
  inTemp(async (dir) => {
    await using store = await openSmall(dir);
    await run(store, '0a', 0, 3, 100);
    const wrong = [{ from: 1 }, { to: 2 }, { from: '1' }] as never[];
    for (const range of wrong) {
      try {
        for await (const _ of store.readBlocks('0a', range)) assert.unreachable('nothing is yielded');
        assert.unreachable('a TypeError was expected');
      } catch (error) {
        assert.instance(error, TypeError);
      }
    }
    for (let n = 3; n < 120; n++) {
      await store.persist({ blocks: [big('0a', n)], anchor: plainAnchor(n, { '0a': n - 2 }) });
    }
    for (let turn = 0; turn < 2000 && valueFiles(dir).length > 8; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.ok(valueFiles(dir).length <= 8, `${valueFiles(dir).length} files of ${SMALL_FILES.fileBytes} bytes`);
    for (let i = 0; i < 2000; i++)
      assert.throws(() => store.readBlocks('0a', { from: 1 as never }), /range.from must be a bigint/);
    assert.equal((await store.readBlocks('0a').next()).value, big('0a', 117), 'no range is registered as open');
  }),
);

checked(
  'any other invalid range is a TypeError too, of a store and of a view',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const store = await openSmall(location);
    await run(store, '0a', 0, 3, 100);
    for (const range of [5, null, 'all', { from: null }] as never[]) {
      assert.throws(() => store.readBlocks('0a', range), /range(\.from)? must be/);
    }
    await store.close();
    await using view = await openView(location, { model: plain });
    assert.throws(() => view.blocks('0a', { from: 1 as never }), /range.from must be a bigint/);
    assert.throws(() => view.commitQCs({ to: '1' as never }), /range.to must be a bigint/);
  }),
);

checked.run();
