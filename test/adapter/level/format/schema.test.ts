/** The schema record: its bytes, and which ones this code refuses to read the rest of. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeSchema, FORMAT, readSchema, type Schema } from '../../../../src/adapter/level/format/schema.js';
import { SCHEMA_KEY } from '../../../../src/keys/index.js';
import { findingLines, flipped, makeRecord, refusedSync } from '../../../support/faults.js';

const STORE = Uint8Array.from({ length: 16 }, (_, i) => i);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const EXAMPLE: Schema = { format: FORMAT, model: 'plain/1', store: STORE, createdAt: '2026-01-02T03:04:05.678Z' };

/** A whole record with another body. */
const withBody = (change: object) => makeRecord(SCHEMA_KEY, { ...EXAMPLE, ...change });

const schema = suite('schema');

schema('has exactly these bytes', () => {
  const body = [
    'a4', // a map of four
    '66666f726d6174 02', // "format": 2
    '656d6f64656c 67706c61696e2f31', // "model": "plain/1"
    `6573746f7265 50${hex(STORE)}`, // "store": 16 bytes
    '69637265617465644174 7818323032362d30312d30325430333a30343a30352e3637385a', // "createdAt": ISO 8601
  ];
  assert.is(hex(encodeSchema(EXAMPLE).bytes), `8301 ${body.join('')} 1a8c29503e`.replaceAll(' ', ''));
});

schema('comes back as it was', () => assert.equal(readSchema(encodeSchema(EXAMPLE).bytes, 'plain/1'), EXAMPLE));

schema('of another format is LANESTORE_SCHEMA, whatever else it says', () => {
  for (const format of [0, 1, 3, 99]) {
    const error = refusedSync(() => readSchema(withBody({ format }), 'plain/1'), 'LANESTORE_SCHEMA');
    assert.match(error.message, new RegExp(`format ${format}\\b.*format 2\\b`));
  }
  // A later format may have other fields: its number alone identifies it.
  const later = makeRecord(SCHEMA_KEY, { format: 3 });
  refusedSync(() => readSchema(later, 'plain/1'), 'LANESTORE_SCHEMA');
});

schema('of another model is LANESTORE_SCHEMA and names both', () => {
  const { message } = refusedSync(() => readSchema(encodeSchema(EXAMPLE).bytes, 'plain/2'), 'LANESTORE_SCHEMA');
  assert.match(message, /"plain\/1".*"plain\/2"/);
});

for (const [what, change] of [
  ['no format', { format: undefined }],
  ['a format that is text', { format: '1' }],
  ['no model', { model: undefined }],
  ['a model that is a number', { model: 5 }],
  ['no createdAt', { createdAt: undefined }],
  ['a store id of 15 bytes', { store: new Uint8Array(15) }],
  ['a store id that is text', { store: hex(STORE) }],
] as const) {
  schema(`${what} is LANESTORE_CORRUPT`, () => {
    const error = refusedSync(() => readSchema(withBody(change), 'plain/1'), 'LANESTORE_CORRUPT');
    assert.equal(findingLines(error), ['schema-body meta/schema - -']);
  });
}

schema('a body that is no map is LANESTORE_CORRUPT', () => {
  for (const body of [null, 1, 'x', [], new Uint8Array(4)]) {
    refusedSync(() => readSchema(makeRecord(SCHEMA_KEY, body), 'plain/1'), 'LANESTORE_CORRUPT');
  }
});

schema('every flipped bit is LANESTORE_CORRUPT, never another format or model', () => {
  const { bytes } = encodeSchema(EXAMPLE);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const error = refusedSync(() => readSchema(flipped(bytes, bit), 'plain/1'), 'LANESTORE_CORRUPT');
    assert.is(error.findings?.length, 1);
    assert.is(error.findings?.[0]?.key, SCHEMA_KEY);
  }
});

schema.run();
