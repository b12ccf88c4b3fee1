/**
 * Values and their batch: LevelDB gets a batch only once all values that it references are durable,
 * in however many portions they are written.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AdmissionGate, admissionLimits, freeOfCost } from '../../../../src/adapter/backpressure.js';
import type { Engine, FilledBatch } from '../../../../src/adapter/level/engine.js';
import { firstTip } from '../../../../src/adapter/level/format/tip.js';
import { NO_STORED_VOTES } from '../../../../src/adapter/level/format/votes.js';
import { findValues } from '../../../../src/adapter/level/values/names.js';
import { valueSettings } from '../../../../src/adapter/level/values/options.js';
import { ValueStore } from '../../../../src/adapter/level/values/value-store.js';
import { sizeOf } from '../../../../src/adapter/level/write/encode.js';
import { CommitQueue } from '../../../../src/adapter/level/write/queue.js';
import { BatchWriter } from '../../../../src/adapter/level/write/writer.js';
import { poolThreads } from '../../../../src/base/files.js';
import { LanestoreError } from '../../../../src/errors.js';
import { refused } from '../../../support/faults.js';
import { inTemp } from '../../../support/temp.js';
import { type Operation, WatchedFiles } from '../../wal/watched-files.js';
import { encodedRound } from './encoded.js';
import { big, onValues, openSmall, type PlainStore, placeOf, SMALL_FILES } from './support.js';

const test = suite('separated values: before their batch');

const KIB = 1024;
const LARGE_FILES = { fileBytes: 8 * KIB * KIB } as const;
const BLOCK_BYTES = 100_001;
const BLOCKS = 24;
const SECTOR_BYTES = 4096;

/** Number of portions of a {@link persistLarge}. */
const PORTIONS = Math.min(4, poolThreads());

/** A round of about 2.3 MiB. */
function persistLarge(store: PlainStore, from: number): Promise<void> {
  return store.persist({ blocks: Array.from({ length: BLOCKS }, (_, i) => big('0a', from + i, BLOCK_BYTES)) });
}

function logBytes(location: string): number {
  const logs = readdirSync(join(location, 'level')).filter((name) => name.endsWith('.log'));
  return logs.reduce((bytes, name) => bytes + statSync(join(location, 'level', name)).size, 0);
}

/** Long enough for an unwanted event to happen. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Polls until the condition holds. */
async function until(reached: () => boolean): Promise<void> {
  for (let tries = 0; !reached(); tries++) {
    if (tries === 1000) throw new Error('it did not happen within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test(
  'a batch waits for the last of its portions, and is written as soon as that portion is durable',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const store = await openSmall(dir, { ...LARGE_FILES, files });
    await persistLarge(store, 0);
    const held: (() => void)[] = [];
    onValues(files, ({ kind }) => (kind === 'sync' ? new Promise<void>((go) => held.push(go)) : undefined));
    const before = logBytes(dir);
    let settled = false;
    const round = persistLarge(store, BLOCKS).then(() => {
      settled = true;
    });
    await until(() => held.length === PORTIONS);
    await pause();
    assert.is(held.length, PORTIONS, 'all portions are written concurrently');
    for (const letGo of held.splice(1)) letGo();
    await pause();
    assert.is(logBytes(dir), before, 'LevelDB has got no batch');
    assert.not.ok(settled);
    held[0]?.();
    await round;
    assert.ok(logBytes(dir) > before);
    for (let i = 0; i < 2 * BLOCKS; i++) assert.equal(await store.block('0a', BigInt(i)), big('0a', i, BLOCK_BYTES));
    await store.close();
  }),
);

test(
  'portions are adjacent, in whole sectors each, and the call is filled up to a border',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const written: { readonly bytes: number; readonly path: string }[] = [];
    onValues(
      files,
      ({ kind, path, data }) => void (kind === 'write' && written.push({ bytes: data?.length ?? 0, path })),
    );
    {
      await using store = await openSmall(dir, { ...LARGE_FILES, files });
      await persistLarge(store, 0);
    }
    assert.is(written.length, PORTIONS);
    for (const { bytes } of written) assert.is(bytes % SECTOR_BYTES, 0);
    const total = written.reduce((sum, { bytes }) => sum + bytes, 0);
    const [first, last] = [await placeOf(dir, '0a', 0), await placeOf(dir, '0a', BLOCKS - 1)];
    const end = last.offset + last.length;
    assert.is(first.offset, 0);
    assert.is(total, Math.ceil(end / SECTOR_BYTES) * SECTOR_BYTES);
    const file = readFileSync(
      join(dir, 'values', written[0]!.path.split('/').at(-1)!.replace('.preparing', '.values')),
    );
    assert.ok(file.subarray(end, total).every((byte) => byte === 0));
  }),
);

for (const portion of [0, 1, 3].filter((number) => number < PORTIONS)) {
  test(
    `portion ${portion + 1} of ${PORTIONS} fails: LevelDB never gets the batch, and the store has failed`,
    inTemp(async (dir) => {
      const files = new WatchedFiles();
      const store = await openSmall(dir, { ...LARGE_FILES, files });
      await persistLarge(store, 0);
      let syncs = 0;
      onValues(files, ({ kind }: Operation) => {
        if (kind === 'sync' && syncs++ === portion) throw new Error('EIO: i/o error');
      });
      const before = logBytes(dir);
      const [large, small] = [persistLarge(store, BLOCKS), store.persist({ blocks: [big('0b', 0, 10)] })];
      await refused(large, 'LANESTORE_FAILED', /EIO/);
      await refused(small, 'LANESTORE_FAILED');
      assert.is(logBytes(dir), before);
      await refused(store.persist({ blocks: [big('0b', 0, 10)] }), 'LANESTORE_FAILED');
      await store.close();
      await using again = await openSmall(dir, LARGE_FILES);
      const { blocks } = again.takeRecovered();
      assert.equal(
        [...blocks].map(([lane, { length }]) => [lane, length]),
        [['0a', BLOCKS]],
      );
    }),
  );
}

test(
  'once the values of a batch are durable, the values of the next one are written in parallel',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    await using store = await openSmall(dir, { ...LARGE_FILES, files });
    await persistLarge(store, 0);
    const order: string[] = [];
    const held: (() => void)[] = [];
    const seq = store.seq;
    onValues(files, ({ kind }) => {
      order.push(`${kind} ${store.seq - seq}`);
      return kind === 'sync' && held.length < PORTIONS ? new Promise<void>((go) => held.push(go)) : undefined;
    });
    const rounds = [persistLarge(store, BLOCKS).then(() => void order.push('first'))];
    await until(() => held.length === PORTIONS);
    rounds.push(persistLarge(store, 2 * BLOCKS).then(() => void order.push('second')));
    await pause();
    order.length = 0;
    for (const letGo of held) letGo();
    await Promise.all(rounds);
    assert.is(order[0], 'write 0', 'while LevelDB writes the first batch');
    assert.ok(order.indexOf('first') > 0 && order.indexOf('first') < order.indexOf('second'));
    for (let i = 0; i < 3 * BLOCKS; i++) assert.equal(await store.block('0a', BigInt(i)), big('0a', i, BLOCK_BYTES));
  }),
);

test(
  'a store that fails while a batch waits for its values: LevelDB never gets the batch',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const settings = valueSettings({ ...SMALL_FILES, files });
    const values = new ValueStore({
      dir: join(dir, 'values'),
      settings,
      store: '',
      found: findValues(join(dir, 'values')),
      references: [],
    });
    const failed = new LanestoreError('LANESTORE_FAILED', 'a write elsewhere was rejected');
    let written = 0;
    let discarded = 0;
    const filled: FilledBatch = {
      write: async () => void written++,
      recycle: () => undefined,
      discard: async () => void discarded++,
    };
    const engine = { copies: false, fill: () => filled, prepare: () => undefined } as unknown as Engine;
    const writer = new BatchWriter({
      store: '',
      engine,
      tip: firstTip(new Uint8Array(16), 0),
      votes: NO_STORED_VOTES,
      batches: {},
      values,
      metered: { valueUsage: { liveBytes: 0, fileBytes: 0 }, freeBytes: undefined },
      dropSlowly: () => Promise.reject(new Error('no lane is dropped')),
    });
    const gate = new AdmissionGate(admissionLimits({}), [values]);
    const poison = () => {
      writer.fail(failed);
      return failed;
    };
    const queue = new CommitQueue({ writer, gate, mergeBytesMax: 1e6, tidyUp: () => undefined, poison });
    let letGo: (() => void) | undefined;
    onValues(files, ({ kind }) => (kind === 'sync' ? new Promise<void>((go) => (letGo = go)) : undefined));
    const round = encodedRound(big('0a', 0));
    const { bytes, entries, largeBytes } = sizeOf(round, values.separableBytesMin);
    const cost = { ...freeOfCost(), bytes, entries, largeBytes };
    gate.admit(cost);
    const settled = new Promise<LanestoreError | undefined>((settle) => {
      queue.push({ kind: 'round', plan: round, cost, settle });
    });
    await until(() => letGo !== undefined);
    queue.fail(new Error('EIO'));
    letGo?.();
    assert.is(await settled, failed);
    await queue.idle();
    assert.equal([written, discarded], [0, 1]);
    await values.close();
  }),
);

test.run();
