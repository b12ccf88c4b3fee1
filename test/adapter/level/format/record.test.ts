/** Records: their bytes, compared with bytes written by hand; damage of every kind is detected. */
import { crc32 } from 'node:zlib';
import { decode } from 'cbor-x';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeRecord, encodeRecord, isFault, type RecordFault } from '../../../../src/adapter/level/format/record.js';
import { flipped } from '../../../support/faults.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const KEY = 'lane/0a/00000000000000000001';

/** CRC-32 (IEEE, reflected, polynomial edb88320) bit by bit: a second opinion on zlib's. */
function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A record put together by hand: head, body, crc over key and body. */
function byHand(key: string, body: string): string {
  const crc = slowCrc(Buffer.concat([Buffer.from(key), bytesOf(body)]));
  return hex(bytesOf(`83 01 ${body} 1a ${crc.toString(16).padStart(8, '0')}`));
}

function fault(key: string, value: Uint8Array): RecordFault {
  const result = decodeRecord(key, value);
  if (!isFault(result)) throw new Error(`decoded ${hex(value)}`);
  return result;
}

const record = suite('record');

/** Bodies, and their CBOR by RFC 8949, by hand. */
const BODIES: readonly (readonly [string, unknown, string])[] = [
  ['an empty map', {}, 'a0'],
  ['an empty byte string', new Uint8Array(), '40'],
  ['three bytes', new Uint8Array([1, 2, 255]), '43 0102ff'],
  ['24 bytes, a length of its own', new Uint8Array(24).fill(7), `58 18 ${'07'.repeat(24)}`],
  ['256 bytes, a length of two', new Uint8Array(256).fill(7), `59 0100 ${'07'.repeat(256)}`],
  ['a Buffer, which is bytes too', Buffer.from('ab'), '42 6162'],
  ['a 64-bit zero, always 9 bytes', { n: 0n }, 'a1 61 6e 1b 0000000000000000'],
  ['a 64-bit number', { n: 33n }, 'a1 61 6e 1b 0000000000000021'],
  ['the highest u64', { n: 2n ** 64n - 1n }, 'a1 61 6e 1b ffffffffffffffff'],
  ['a small number', { v: 1 }, 'a1 61 76 01'],
  ['a crc-sized number', { c: 0xdeadbeef }, 'a1 61 63 1a deadbeef'],
  ['null', { a: null }, 'a1 61 61 f6'],
  ['text', { t: 'é' }, 'a1 61 74 62 c3a9'],
  [
    'a block of the plain model',
    { lane: new Uint8Array([10]), number: 1n, data: new Uint8Array([0xca, 0xfe]) },
    'a3 64 6c616e65 41 0a 66 6e756d626572 1b 0000000000000001 64 64617461 42 cafe',
  ],
  ['nested arrays', { l: [[new Uint8Array([1]), 2n]] }, 'a1 61 6c 81 82 41 01 1b 0000000000000002'],
];

for (const [what, body, cbor] of BODIES) {
  record(`of ${what} has exactly these bytes, and comes back`, () => {
    const { bytes, crc } = encodeRecord(KEY, body);
    assert.is(hex(bytes), byHand(KEY, cbor));
    assert.is(crc, slowCrc(Buffer.concat([Buffer.from(KEY), bytesOf(cbor)])));
    const decoded = decodeRecord(KEY, bytes);
    assert.not.ok(isFault(decoded));
    assert.equal(decoded, { body: body instanceof Uint8Array ? new Uint8Array(body) : body, crc });
  });
}

record('one worked through to the last byte', () => {
  // array of 3, version 1; map of 1, "i", u64 7; uint32: CRC-32 over "anchor" and the map, computed
  // with Python's zlib.
  assert.is(hex(encodeRecord('anchor', { i: 7n }).bytes), '8301' + 'a161691b0000000000000007' + '1a2f968b5f');
});

record('any CBOR tool decodes it, as one item with nothing behind', () => {
  for (const [, body, cbor] of BODIES) {
    const value = decode(encodeRecord(KEY, body).bytes) as [number, unknown, number];
    assert.is(value.length, 3);
    assert.is(value[0], 1);
    assert.is(value[2], crc32(bytesOf(cbor), crc32(KEY)));
  }
});

record('the crc is 5 bytes even when it is small', () => {
  // So many records include a crc below 2^24, and one below 2^16, for which CBOR has a shorter
  // form.
  let small = 0;
  for (let i = 0; i < 70_000; i++) {
    const { bytes, crc } = encodeRecord('k', i);
    if (crc >= 2 ** 24) continue;
    small++;
    assert.is(bytes[bytes.length - 5], 0x1a);
    assert.is(decode(bytes)[2], crc);
    assert.not.ok(isFault(decodeRecord('k', bytes)));
  }
  assert.ok(small > 100);
});

/** Plain arrays: slicing the Buffers that encoding gives would not copy them. */
const SAMPLES = BODIES.map(([, body]) => new Uint8Array(encodeRecord(KEY, body).bytes));

record('every flipped bit is found', () => {
  for (const bytes of SAMPLES) {
    for (let bit = 0; bit < bytes.length * 8; bit++) fault(KEY, flipped(bytes, bit));
  }
});

record('every two flipped bits of a block are found', () => {
  const bytes = SAMPLES[13]!;
  for (let a = 0; a < bytes.length * 8; a++) {
    const once = flipped(bytes, a);
    for (let b = a + 1; b < bytes.length * 8; b++) fault(KEY, flipped(once, b));
  }
});

record('every other value of one byte is found', () => {
  for (const bytes of SAMPLES) {
    for (let at = 0; at < bytes.length; at++) {
      for (let xor = 1; xor < 256; xor += 1) {
        const other = bytes.slice();
        other[at] = other[at]! ^ xor;
        fault(KEY, other);
      }
    }
  }
});

record('every truncation is found, at either end', () => {
  for (const bytes of SAMPLES) {
    for (let length = 0; length < bytes.length; length++) {
      fault(KEY, bytes.subarray(0, length));
      fault(KEY, bytes.subarray(bytes.length - length));
    }
  }
});

record('bytes in front, behind or in the middle are found', () => {
  const more = fc.uint8Array({ minLength: 1, maxLength: 16 });
  fc.assert(
    fc.property(fc.constantFrom(...SAMPLES), fc.nat(400), more, (bytes, at, extra) => {
      const parts = [bytes.subarray(0, at), extra, bytes.subarray(at)];
      fault(KEY, new Uint8Array(Buffer.concat(parts)));
    }),
    { numRuns: 500 },
  );
});

record('another key is found, however little differs', () => {
  const bytes = SAMPLES[13]!;
  for (const key of ['lane/0a/00000000000000000002', 'lane/0b/00000000000000000001', 'anchor', '', `${KEY} `]) {
    assert.is(fault(key, bytes).kind, 'record-crc');
  }
});

record('arbitrary bytes never throw, and never pass', () => {
  const random = fc.uint8Array({ maxLength: 64 });
  const framed = random.map((body) => bytesOf(`8301${hex(body)}1a00000000`));
  fc.assert(
    fc.property(fc.oneof(random, framed), (bytes) => void fault(KEY, bytes)),
    { numRuns: 1000 },
  );
});

record('arbitrary bytes under a right crc never throw: they are one CBOR item, or a fault', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (body) => {
      const result = decodeRecord(KEY, bytesOf(byHand(KEY, hex(body))));
      if (isFault(result)) assert.is(result.kind, 'record-cbor');
    }),
    { numRuns: 2000 },
  );
});

record('the kind of fault says what is wrong', () => {
  const bytes = SAMPLES[13]!;
  const change = (at: number, byte: number) => {
    const copy = bytes.slice();
    copy[at] = byte;
    return copy;
  };
  assert.is(fault(KEY, new Uint8Array()).kind, 'record-shape');
  assert.is(fault(KEY, change(0, 0x84)).kind, 'record-shape');
  assert.is(fault(KEY, change(bytes.length - 5, 0x1b)).kind, 'record-shape');
  assert.is(fault(KEY, change(1, 2)).kind, 'record-version');
  assert.is(fault(KEY, change(5, 0xff)).kind, 'record-crc');
  assert.is(fault(KEY, change(bytes.length - 1, bytes.at(-1)! ^ 1)).kind, 'record-crc');
  assert.is(fault(KEY, bytesOf(byHand(KEY, 'a0 a0'))).kind, 'record-cbor');
  assert.is(fault(KEY, bytesOf(byHand(KEY, 'a1'))).kind, 'record-cbor');
});

record('a record that is a Buffer inside of a larger one is read in its place, and gives plain bytes', () => {
  const { bytes } = encodeRecord(KEY, { data: new Uint8Array([1, 2, 3]) });
  const large = Buffer.alloc(bytes.length + 20, 0xee);
  large.set(bytes, 7);
  const decoded = decodeRecord(KEY, large.subarray(7, 7 + bytes.length));
  assert.not.ok(isFault(decoded));
  const { data } = (decoded as { body: { data: Uint8Array } }).body;
  assert.is(Object.getPrototypeOf(data), Uint8Array.prototype);
  assert.equal([...data], [1, 2, 3]);
});

record('encoding copies: what the caller does to the body afterwards does not matter', () => {
  const data = new Uint8Array(1000).fill(1);
  const { bytes } = encodeRecord(KEY, { data });
  const before = hex(bytes);
  data.fill(2);
  for (let i = 0; i < 100; i++) encodeRecord(KEY, { data: new Uint8Array(1000).fill(i) });
  assert.is(hex(bytes), before);
});

record('bodies of a megabyte come back', () => {
  const data = new Uint8Array(1024 * 1024).map((_, i) => i % 251);
  const decoded = decodeRecord(KEY, encodeRecord(KEY, { data }).bytes);
  assert.not.ok(isFault(decoded));
  assert.is(Buffer.compare((decoded as { body: { data: Uint8Array } }).body.data, data), 0);
});

record.run();
