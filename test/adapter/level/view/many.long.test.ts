/**
 * Stores with more damage than a call can take arguments: all findings are counted, a bounded
 * number is kept, and the error code is the same as for one finding.
 */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView, verify } from '../../../../src/adapter/level/index.js';
import { FILES_KEPT, ValueFilePool } from '../../../../src/adapter/level/values/value-file-pool.js';
import { encodeFrame } from '../../../../src/adapter/wal/frame.js';
import { openWal, readWal } from '../../../../src/adapter/wal/index.js';
import { diskFiles } from '../../../../src/base/files.js';
import { LanestoreError } from '../../../../src/errors.js';
import { BLOCK_BYTES, batchOf, FULL, logRecord } from '../../../faults/log-format.js';
import { refused } from '../../../support/faults.js';
import { plain, plainBlock, plainBlocks } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

const MANY = 200_000;

const test = suite('more findings than a list of arguments can hold');

/** A block of a log full of records; each record is a whole batch, and none is of a store. */
function foreignBlock(): { bytes: Buffer; records: number } {
  // 31 bytes each: the space left at the end is too short for a record, as in LevelDB's logs.
  const record = logRecord(FULL, batchOf(1, [{ key: 'zz', value: new Uint8Array(7) }]));
  const records = Math.floor(BLOCK_BYTES / record.length);
  const bytes = Buffer.alloc(BLOCK_BYTES);
  for (let i = 0; i < records; i++) record.copy(bytes, i * record.length);
  assert.ok(BLOCK_BYTES - records * record.length < 7, `${record.length}`);
  return { bytes, records };
}

/** A closed store, into whose newest log another program wrote batches. */
async function withForeignBatches(location: string): Promise<number> {
  {
    await using store = await openLevel(location, { model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 10) });
  }
  await (await openLevel(location, { model: plain })).close();
  const level = join(location, 'level');
  const log = readdirSync(level)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .at(-1);
  assert.ok(log !== undefined && statSync(join(level, log)).size === 0, 'an empty log');
  const { bytes, records } = foreignBlock();
  const blocks = Math.ceil(MANY / records);
  writeFileSync(join(level, log), Buffer.concat(Array.from({ length: blocks }, () => bytes)));
  return blocks * records;
}

test(
  '200,000 foreign batches in a log: open, view and verify are LANESTORE_CORRUPT with the first findings',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const batches = await withForeignBatches(location);
    const error = await refused(openLevel(location, { model: plain }), 'LANESTORE_CORRUPT');
    assert.is(error.findings?.length, 1000);
    assert.is(error.findings?.[0]?.kind, 'log-batch');
    assert.match(error.message, new RegExp(`and ${batches - 1} more findings`));
    {
      await using view = await openView(location, { model: plain });
      assert.equal([view.findings.length, view.refusal?.code], [100_000, 'LANESTORE_CORRUPT']);
      assert.ok(view.findingsTotal >= batches, `${view.findingsTotal} of ${batches}`);
    }
    const report = await verify(location, { model: plain });
    assert.equal([report.findings.length, report.refusal?.code], [100_000, 'LANESTORE_CORRUPT']);
    assert.ok(report.findingsTotal >= batches);
  }),
);

test(
  "verify counts every entry that the caller's check refuses",
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    {
      await using store = await openLevel(location, { model: plain });
      for (const from of [0, 6000]) await store.persist({ blocks: plainBlocks('0a', from, from + 6000) });
    }
    const block = () => {
      throw new LanestoreError('LANESTORE_VERIFY', 'refused');
    };
    const report = await verify(location, { model: plain, checks: { block } });
    assert.equal([report.checked, report.findings.length, report.findingsTotal], [12_000, 10_000, 12_000]);
  }),
);

test(
  '150,000 gaps in a WAL: LANESTORE_CORRUPT with the first findings and their number',
  inTemp(async (dir) => {
    const gaps = 150_000;
    const lane = join(dir, 'blocks', '0a');
    mkdirSync(lane, { recursive: true });
    mkdirSync(join(dir, 'commitqcs'));
    const frames = Array.from({ length: gaps + 1 }, (_, i) =>
      encodeFrame(plain.block.toWire(plainBlock('0a', 2 * i, ''))),
    );
    writeFileSync(join(lane, '00000000000000000001'), Buffer.concat(frames));
    const error = await refused(openWal(dir, { model: plain }), 'LANESTORE_CORRUPT');
    assert.equal([error.findings?.length, error.findings?.[0]?.kind], [1000, 'number-gap']);
    assert.match(error.message, new RegExp(`and ${gaps - 1} more findings`));
    const content = await readWal(dir, { model: plain });
    assert.equal([content.findings.length, content.findingsTotal], [1000, gaps]);
  }),
);

test(
  '200,000 files of interrupted preparations are all queued for removal',
  inTemp(async (dir) => {
    const removed: string[] = [];
    const files = { ...diskFiles, remove: async (path: string) => void removed.push(path) };
    const space = new ValueFilePool({
      dir,
      files,
      fileBytes: 1,
      filesKept: FILES_KEPT,
      allows: async () => true,
      nextNumber: 0n,
      usage: () => ({ liveBytes: 0, heldBytes: 0 }),
    });
    space.removeLeftovers(Array.from({ length: MANY }, (_, i) => `${i}.preparing`));
    for (let turn = 0; turn < MANY && removed.length < MANY; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    await space.stop();
    assert.is(removed.length, MANY);
  }),
);

test.run();
