/**
 * What a version that knows format 1 only makes of a store of format 2: LANESTORE_SCHEMA, and no
 * damage. It reads, in this order, the first bytes of each batch in the log, and `format` of the
 * schema. Both rules stand here as that version (1580faa) has them; its own build was run by hand
 * on stores of format 2, closed and killed: openLevel, openView, verify, snapshot and migrate all
 * ended with LANESTORE_SCHEMA.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeRecord, isFault } from '../../../../src/adapter/level/format/record.js';
import { openLevel } from '../../../../src/index.js';
import { SCHEMA_KEY, TIP_KEY } from '../../../../src/keys/index.js';
import { rawGet } from '../../../support/faults.js';
import { plain, plainBlocks } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

const test = suite('format 2, read by a version of format 1');

const BEFORE_STORE = Buffer.from('\x83\x01\xa6\x65store\x50', 'latin1');
const BEFORE_SEQ = Buffer.from('\x63seq\x1b', 'latin1');
const STORE_ID_BYTES = 16;

/**
 * The seq in the head of a tip, by the rule of format 1; undefined: the batch counts as damaged.
 */
function tipSeq(value: Uint8Array): bigint | undefined {
  const bytes = Buffer.from(value);
  const seqAt = BEFORE_STORE.length + STORE_ID_BYTES;
  if (!bytes.subarray(0, BEFORE_STORE.length).equals(BEFORE_STORE)) return undefined;
  if (!bytes.subarray(seqAt, seqAt + BEFORE_SEQ.length).equals(BEFORE_SEQ)) return undefined;
  return bytes.readBigUInt64BE(seqAt + BEFORE_SEQ.length);
}

test(
  'its batches are known for batches of a store, and the schema for one of a newer format',
  inTemp(async (dir) => {
    const store = await openLevel(dir, { model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 3) });
    await store.persist({ inner: new Uint8Array([1]) });
    await store.close();
    assert.is(tipSeq(await rawGet(dir, TIP_KEY)), 2n);
    const record = decodeRecord(SCHEMA_KEY, await rawGet(dir, SCHEMA_KEY));
    if (isFault(record)) throw new Error(record.detail);
    const { format } = record.body as { format: unknown };
    assert.type(format, 'number');
    assert.is.not(format, 1);
  }),
);

test.run();
