/** CRC-32C against the values of RFC 3720 and a bit-by-bit loop, at every length and alignment. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32c } from '../../src/base/crc32c.js';
import { plainCrc32c } from '../adapter/level/preflight/files.js';

const test = suite('crc32c');

test('the vectors of RFC 3720, B.4, and the check value', () => {
  assert.is(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  assert.is(crc32c(new Uint8Array()), 0);
});

test('every length up to 100 at every alignment', () => {
  const bytes = Uint8Array.from({ length: 120 }, (_, i) => (i * 197 + 31) & 0xff);
  for (let at = 0; at < 17; at++) {
    for (let length = 0; length <= 100; length++) {
      const part = bytes.subarray(at, at + length);
      assert.is(crc32c(part), plainCrc32c(part), `${at}, ${length}`);
    }
  }
});

test('of any bytes, and of any two parts of them in turn', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(2000), (bytes, cut) => {
      const whole = crc32c(bytes);
      assert.is(whole, plainCrc32c(bytes));
      assert.is(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), whole);
    }),
    { seed: 1 },
  );
});

test.run();
