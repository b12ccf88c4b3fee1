/**
 * States of very many tiny entries: they move in rounds and batches within the store's limits, so
 * that no turn of the event loop is long.
 */
import { join } from 'node:path';
import { Encoder } from 'cbor-x';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exportState, importState, migrateStore, openLevel } from '../../src/index.js';
import { plain, plainAnchor, plainBlocks } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('migrations: tiny entries');
const OPTIONS = { model: plain, checks: {} };
/** More entries than three rounds can have, but far fewer bytes than one round can have. */
const BLOCKS = 30_000;

test(
  'an import writes rounds of bounded entries, and imports all of them',
  inTemp(async (dir) => {
    const [store, wal, again] = [join(dir, 'store'), join(dir, 'wal'), join(dir, 'again')];
    const source = await openLevel(store, { model: plain });
    for (let from = 0; from < BLOCKS; from += 3000) {
      await source.persist({ blocks: plainBlocks('0a', from, from + 3000) });
    }
    await source.close();
    await exportState(store, wal, 'wal', OPTIONS);
    const report = await importState(wal, again, OPTIONS);
    assert.is(report.blocks, BLOCKS);
    await using target = await openLevel(again, { model: plain, load: false });
    assert.equal(target.cursors.lanes.get('0a'), { first: 0n, next: BigInt(BLOCKS) });
    assert.ok(target.seq >= 4n, `it took ${target.seq} rounds`);
  }),
);

test(
  'a step of the format writes batches of bounded operations, those that only delete included',
  inTemp(async (dir) => {
    const cbor = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });
    const db = new ClassicLevel<string, Uint8Array>(join(dir, 'level'), { valueEncoding: 'view' });
    const put = (key: string, body: object) => ({ type: 'put' as const, key, value: cbor.encode(body) as Uint8Array });
    const anchor = plainAnchor(0, { '0a': BLOCKS - 5 });
    await db.batch([
      put('anchor', plain.anchor.toBody(anchor)),
      put('qc/0', plain.commitQC.toBody(anchor.qc)),
      ...plainBlocks('0a', 0, BLOCKS).map((block) => put(`lane/0a/${block.number}`, plain.block.toBody(block))),
    ]);
    await db.close();
    let batches = 0;
    const report = await migrateStore(dir, {
      ...OPTIONS,
      onProgress: () => {
        batches++;
      },
    });
    assert.is(report.steps[0]?.stale, BLOCKS - 5);
    assert.ok(batches >= 4, `${batches} batches`);
    await using store = await openLevel(dir, { model: plain });
    assert.equal(store.cursors.lanes.get('0a'), { first: BigInt(BLOCKS - 5), next: BigInt(BLOCKS) });
  }),
);

test.run();
