/** Errors of a caller's database keep their meaning: a lock, a limit, a missing relation. */

import { ClassicLevel } from 'classic-level';
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../../src/adapter/level/index.js';
import { isLanestoreError, LanestoreError } from '../../../src/errors.js';
import { rejection } from '../../support/faults.js';
import { plain, plainBlock } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';

const test = suite("level: errors of a caller's database");
const LANE = '0a';

test(
  "a caller's classic-level that is open elsewhere is LANESTORE_LOCKED",
  inTemp(async (path) => {
    const open = () => openLevel({ db: new ClassicLevel<string, Uint8Array>(path), model: plain });
    const first = new ClassicLevel<string, Uint8Array>(path);
    const store = await openLevel({ db: first, model: plain });
    const error = await rejection(open);
    assert.ok(isLanestoreError(error, 'LANESTORE_LOCKED'), String(error));
    await store.close();
    await first.close();
  }),
);

test('a coded error with which a database refuses to open is passed through', async () => {
  const refusal = new LanestoreError('LANESTORE_LOCKED', 'held by another node');
  class Refusing extends MemoryLevel<string, Uint8Array> {
    // @ts-expect-error: abstract-level's types do not show what stands behind its public calls
    override async _open(): Promise<void> {
      throw refusal;
    }
  }
  assert.is(await rejection(() => openLevel({ db: new Refusing(), model: plain })), refusal);
});

/** Reads reject with `error` once it is set. */
class Failing extends MemoryLevel<string, Uint8Array> {
  error: Error | undefined;

  // @ts-expect-error: as above
  override async _get(...args: unknown[]): Promise<unknown> {
    if (this.error !== undefined) throw this.error;
    // @ts-expect-error: as above
    return super._get(...args);
  }
}

test('damage is recognized by the code, not by words that another database may use', async () => {
  const db = new Failing();
  const store = await openLevel({ db, model: plain });
  await store.persist({ blocks: [plainBlock(LANE, 0n)] });
  const read = () => rejection(() => store.block(LANE, 0n));
  db.error = new Error('relation "lanestore" does not exist');
  assert.ok(isLanestoreError(await read(), 'LANESTORE_IO'));
  db.error = Object.assign(new Error('does not exist'), { code: '42P01' });
  assert.ok(isLanestoreError(await read(), 'LANESTORE_IO'));
  db.error = Object.assign(new Error('Corruption: block checksum mismatch'), { code: 'LEVEL_CORRUPTION' });
  assert.ok(isLanestoreError(await read(), 'LANESTORE_CORRUPT'));
  db.error = new LanestoreError('LANESTORE_CAPACITY', 'no snapshot is free');
  assert.is(await read(), db.error);
  db.error = undefined;
  assert.equal(await store.block(LANE, 0n), plainBlock(LANE, 0n));
  await store.close();
  await db.close();
});

test.run();
