/** Every error code of a store, each with one cause that produces it: an index of the causes. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../../src/adapter/level/index.js';
import { ERROR_CODES, isLanestoreError, LanestoreError, type LanestoreErrorCode } from '../../../src/errors.js';
import { rawBatch, rejection } from '../../support/faults.js';
import { plain, plainBlock } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';

const open = (location: string, name = plain.name) => openLevel(location, { model: { ...plain, name } });

/** Runs `call` on a new store. */
async function onStore(
  dir: string,
  call: (store: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
): Promise<unknown> {
  await using store = await open(dir);
  await store.persist({ blocks: [plainBlock('0a', 0)] });
  return await call(store);
}

/** Given by models, imports, backends that keep votes, and sinks. */
type GivenElsewhere =
  | 'LANESTORE_VERIFY'
  | 'LANESTORE_IMPORT'
  | 'LANESTORE_CONFLICT'
  | 'LANESTORE_QUARANTINED'
  | 'LANESTORE_FENCED';

const CAUSES: Record<Exclude<LanestoreErrorCode, GivenElsewhere>, (dir: string) => Promise<unknown>> = {
  LANESTORE_OUT_OF_SEQUENCE: (dir) => onStore(dir, (store) => store.persist({ blocks: [plainBlock('0a', 2)] })),
  LANESTORE_WRONG_LANE: (dir) =>
    onStore(dir, (store) => store.blocks.maybePruneAndPersistLane('0b', undefined, [plainBlock('0a', 1)])),
  LANESTORE_INVALID: (dir) => onStore(dir, (store) => store.persist({ blocks: [plainBlock('no hex', 0)] })),
  LANESTORE_CAPACITY: async (dir) => {
    await using store = await openLevel(dir, { model: plain, maxQueuedBytes: 1 });
    await Promise.all([store.persist({ inner: new Uint8Array(9) }), store.persist({ inner: new Uint8Array(9) })]);
  },
  LANESTORE_FAILED: async () => {
    const db = new MemoryLevel();
    await using store = await openLevel({ db, model: plain });
    await db.close();
    await store.persist({ inner: new Uint8Array(9) });
  },
  LANESTORE_CLOSED: (dir) =>
    onStore(dir, async (store) => {
      await store.close();
      await store.persist({});
    }),
  LANESTORE_LOCKED: (dir) => onStore(dir, () => open(dir)),
  LANESTORE_NOT_A_STORE: async (dir) => {
    writeFileSync(join(dir, 'other'), '');
    await open(dir);
  },
  LANESTORE_SCHEMA: async (dir) => {
    await onStore(dir, async () => undefined);
    await open(dir, 'other/1');
  },
  LANESTORE_IO: async (dir) => {
    await open(join(dir, 'n'.repeat(300)));
  },
  LANESTORE_CORRUPT: async (dir) => {
    await onStore(dir, async () => undefined);
    await rawBatch(dir, [{ type: 'put', key: 'stray', value: new Uint8Array() }]);
    await open(dir);
  },
  LANESTORE_ROLLED_BACK: async (dir) => {
    await onStore(dir, async () => undefined);
    rmSync(join(dir, 'level'), { recursive: true });
    await open(dir);
  },
};

const codes = suite('error codes');

for (const [code, provoke] of Object.entries(CAUSES) as [LanestoreErrorCode, (dir: string) => Promise<unknown>][]) {
  codes(
    `${code} is given, as an error with a message, and with findings where its row promises them`,
    inTemp(async (dir) => {
      const error = await rejection(() => provoke(dir));
      assert.ok(isLanestoreError(error, code), String(error));
      assert.instance(error, LanestoreError);
      assert.is((error as Error).name, 'LanestoreError');
      assert.ok((error as Error).message.length > 10);
      const promised = code === 'LANESTORE_CORRUPT' || code === 'LANESTORE_ROLLED_BACK';
      assert.is(((error as LanestoreError).findings?.length ?? 0) > 0, promised);
      if (code === 'LANESTORE_IO' || code === 'LANESTORE_FAILED')
        assert.ok((error as LanestoreError).cause !== undefined);
    }),
  );
}

codes('every code of the table has a cause here, except those reserved for later', () => {
  const later: readonly string[] = [
    'LANESTORE_VERIFY',
    'LANESTORE_IMPORT',
    'LANESTORE_CONFLICT',
    'LANESTORE_QUARANTINED',
    'LANESTORE_FENCED',
  ];
  assert.equal([...Object.keys(CAUSES), ...later].sort(), Object.keys(ERROR_CODES).sort());
});

codes.run();
