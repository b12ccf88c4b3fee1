/** What the page shows of hostile values: bounded, and CBOR as RFC 8949 writes it. */
import { encode } from 'cbor-x';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bounded } from '../../src/cli/serve/bounded.js';
import { diagnostic } from '../../src/cli/serve/diagnostic.js';

const test = suite('serve: shown values');
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

/** Examples of RFC 8949, appendix A. */
const EXAMPLES: readonly (readonly [hex: string, text: string])[] = [
  ['00', '0'],
  ['1903e8', '1000'],
  ['1bffffffffffffffff', '18446744073709551615'],
  ['3bffffffffffffffff', '-18446744073709551616'],
  ['20', '-1'],
  ['f4', 'false'],
  ['f6', 'null'],
  ['f7', 'undefined'],
  ['f0', 'simple(16)'],
  ['f8ff', 'simple(255)'],
  ['f93c00', '1_1'],
  ['f90001', '5.960464477539063e-8_1'],
  ['f97c00', 'Infinity_1'],
  ['fa47c35000', '100000_2'],
  ['fb3ff199999999999a', '1.1_3'],
  ['4401020304', "h'01020304'"],
  ['6449455446', '"IETF"'],
  ['62225c', String.raw`"\"\\"`],
  ['80', '[]'],
  ['8301820203820405', '[\n  1,\n  [\n    2,\n    3\n  ],\n  [\n    4,\n    5\n  ]\n]'],
  ['a16161820203', '{\n  "a": [\n    2,\n    3\n  ]\n}'],
  ['c11a514b67b0', '1(1363896240)'],
  ['9f0102ff', '[_ \n  1,\n  2]'],
  ['5f42010243030405ff', "(_ \n  h'0102',\n  h'030405')"],
];

test('diagnostic notation: the examples of RFC 8949', () => {
  for (const [hex, text] of EXAMPLES) assert.is(diagnostic(bytes(hex)), text, hex);
});

test('diagnostic notation: cut, malformed, nested and large items end with a remark', () => {
  for (const [hex, remark] of [
    ['', 'the bytes end at byte 0 of 0'],
    ['1b0000', 'the bytes end at byte 1 of 3'],
    ['5903e800', 'a string is cut off'],
    ['1c', 'malformed CBOR'],
    ['ff', 'malformed CBOR'],
    ['0000', '1 bytes follow'],
    ['81'.repeat(100), 'nested deeper'],
    ['9bffffffffffffffff00', 'the bytes end'],
  ] as const) {
    assert.match(diagnostic(bytes(hex)), new RegExp(`${remark}.* /$`), hex);
  }
  const large = diagnostic(encode(Array.from({ length: 200_000 }, (_, i) => i)));
  assert.ok(large.length < 70_000, `${large.length} characters`);
  assert.match(large, /the rest is not shown/);
  const long = Buffer.concat([bytes('5a001e8480'), Buffer.alloc(2_000_000)]);
  assert.is(diagnostic(long), `h'${'00'.repeat(48)}…' / 2000000 bytes /`);
});

test('any bytes have a diagnostic notation of bounded length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (content) => {
      const text = diagnostic(content);
      assert.ok(text.length > 0 && text.length < 70_000);
    }),
  );
});

test('any value is bounded: items, bytes, text, depth; maps and bigints are JSON', () => {
  const nested = Array.from({ length: 100 }).reduce((inner) => [inner], 1 as unknown);
  const value = {
    bytes: new Uint8Array(2_000_000),
    list: Array.from({ length: 1_000_000 }, (_, i) => i),
    text: 'x'.repeat(1_000_000),
    map: new Map([['a', 2n ** 64n]]),
    fields: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, i])),
    nested,
  };
  const shown = bounded(value) as Record<string, unknown>;
  assert.ok(JSON.stringify(shown).length < 30_000);
  assert.match(String(shown.bytes), /… \(2000000 bytes\)$/);
  assert.is((shown.list as unknown[]).at(-1), '… and 999900 more');
  assert.equal(shown.map, { a: '18446744073709551616' });
  assert.is((shown.fields as Record<string, unknown>)['…'], '… and 4900 more');
});

test.run();
