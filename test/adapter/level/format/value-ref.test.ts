/** References: 32 bytes that any CBOR tool decodes; no other bytes are accepted as a reference. */
import { decode } from 'cbor-x';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  decodeReference,
  encodeReference,
  isReference,
  OFFSET_MAX,
  REFERENCE_BYTES,
  sameReference,
  type ValueRef,
} from '../../../../src/adapter/level/format/value-ref.js';
import { blockKey, U64_MAX } from '../../../../src/keys/index.js';
import { flipped } from '../../../support/faults.js';
import { SEED } from '../../../support/history.js';

const test = suite('separated values: references');

const uint32 = fc.integer({ min: 0, max: OFFSET_MAX });
const references: fc.Arbitrary<ValueRef> = fc.record({
  file: fc.bigInt({ min: 0n, max: U64_MAX }),
  offset: uint32,
  length: uint32,
  crc: uint32,
});
const key = blockKey('0a', 7n);

test('come back as they were, and read as CBOR', () =>
  fc.assert(
    fc.property(references, (reference) => {
      const bytes = encodeReference(key, reference);
      assert.is(bytes.length, REFERENCE_BYTES);
      assert.ok(isReference(bytes));
      assert.equal(decodeReference(key, bytes), { ...reference });
      const { file, offset, length, crc } = reference;
      const [version, body] = decode(bytes) as [number, unknown[]];
      assert.is(version, 2);
      assert.equal(body.map(BigInt as (value: unknown) => bigint), [file, offset, length, crc].map(BigInt));
    }),
    { seed: SEED },
  ));

test('no flipped bit passes, nor another key, nor another length', () => {
  const bytes = encodeReference(key, { file: 3n, offset: 4096, length: 70_000, crc: 0x12345678 });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    assert.ok('kind' in decodeReference(key, flipped(bytes, bit)), `bit ${bit}`);
  }
  assert.ok('kind' in decodeReference(blockKey('0a', 8n), bytes));
  assert.ok('kind' in decodeReference(key, bytes.subarray(0, 31)));
  assert.ok('kind' in decodeReference(key, Buffer.concat([bytes, Buffer.alloc(1)])));
  assert.ok('kind' in decodeReference(key, new Uint8Array()));
});

test('are the same only if all parts are', () => {
  const one: ValueRef = { file: 1n, offset: 2, length: 3, crc: 4 };
  assert.ok(sameReference(one, { ...one }));
  for (const other of [{ file: 2n }, { offset: 3 }, { length: 4 }, { crc: 5 }])
    assert.not.ok(sameReference(one, { ...one, ...other }));
});

test.run();
