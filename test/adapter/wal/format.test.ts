/**
 * The bytes on disk: CRC-32C, lengths of entries, names of segments, the two encodings of A/B
 * files.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeAB, encodeAB } from '../../../src/adapter/wal/ab-format.js';
import { ENTRY_BYTES_MAX, encodeFrame, readFrame } from '../../../src/adapter/wal/frame.js';
import { readListing } from '../../../src/adapter/wal/names.js';
import { crc32c } from '../../../src/base/crc32c.js';
import { refusedSync } from '../../support/faults.js';

const test = suite('wal: format');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const ascii = (text: string) => new TextEncoder().encode(text);

test('CRC-32C: the vectors of RFC 3720', () => {
  assert.is(crc32c(ascii('123456789')), 0xe3069283);
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.is(crc32c(new Uint8Array()), 0);
});

test('an entry is its length as a uvarint, then its bytes', () => {
  assert.is(hex(encodeFrame(ascii('ab'))), '026162');
  for (const [length, head] of [
    [1, '01'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [16383, 'ff7f'],
    [16384, '808001'],
    [2 ** 21, '80808001'],
  ] as const) {
    const frame = encodeFrame(new Uint8Array(length).fill(7));
    assert.is(hex(frame.subarray(0, frame.length - length)), head);
    assert.equal(readFrame(frame, 0), { at: 0, start: head.length / 2, end: frame.length });
  }
});

test('an entry without bytes is refused', () => {
  refusedSync(() => encodeFrame(new Uint8Array()), 'LANESTORE_INVALID');
});

test('lengths that are cut off, and lengths that no writer produces', () => {
  const read = (text: string, at = 0) => readFrame(Buffer.from(text, 'hex'), at);
  assert.is(read(''), 'cut');
  assert.is(read('80'), 'cut');
  assert.is(read('ffffffff'), 'cut');
  assert.is(read('8080808080'), 'wild');
  assert.is(read('ffffffff08'), 'wild', 'one more than the original takes');
  assert.equal(read('ffffffff07'), { at: 0, start: 5, end: 5 + ENTRY_BYTES_MAX });
  assert.equal(read('0100', 1), { at: 1, start: 2, end: 2 });
  assert.equal(read('050102'), { at: 0, start: 1, end: 6 }, 'beyond the file: for the caller to see');
});

const s = (index: number) => String(index).padStart(20, '0');

test('names of a log: segments, and files that are not segments', () => {
  const { segments, cleanup, temps, strays } = readListing([
    s(12),
    s(1),
    s(0),
    `${s(7)}x`,
    'notes.txt',
    `${s(12)}.START.TEMP`,
    '99999999999999999999',
  ]);
  assert.equal(
    segments.map(({ index }) => index),
    [1n, 12n],
  );
  assert.equal(cleanup, []);
  assert.equal(temps, [`${s(12)}.START.TEMP`]);
  assert.equal(strays, [s(0), `${s(7)}x`, '99999999999999999999', 'notes.txt']);
});

test('START: the segments before it are removed, then it takes its final name', () => {
  const { segments, cleanup } = readListing([s(1), s(5), `${s(7)}.START`, s(9)]);
  assert.equal(segments, [
    { name: s(7), index: 7n, file: `${s(7)}.START` },
    { name: s(9), index: 9n, file: s(9) },
  ]);
  assert.equal(cleanup, [
    { kind: 'remove', name: s(1) },
    { kind: 'remove', name: s(5) },
    { kind: 'rename', from: `${s(7)}.START`, to: s(7) },
  ]);
});

test('END: the segments after it are removed, and it replaces the segment of its name', () => {
  const { segments, cleanup } = readListing([s(1), s(5), `${s(5)}.END`, s(9), s(12)]);
  assert.equal(segments, [
    { name: s(1), index: 1n, file: s(1) },
    { name: s(5), index: 5n, file: `${s(5)}.END` },
  ]);
  assert.equal(cleanup, [
    { kind: 'remove', name: s(12) },
    { kind: 'remove', name: s(9) },
    { kind: 'rename', from: `${s(5)}.END`, to: s(5) },
  ]);
});

test('START and END at the same time are invalid', () => {
  assert.match(readListing([`${s(3)}.START`, `${s(5)}.END`]).problem ?? '', /both/);
});

test('A/B file, crc: CRC-32C big-endian over seq little-endian and data', () => {
  const file = encodeAB('crc', 1n, ascii('data'));
  assert.is(hex(file.subarray(4)), `0100000000000000${hex(ascii('data'))}`);
  assert.is(Buffer.from(file).readUInt32BE(0), crc32c(file.subarray(4)));
  assert.equal(decodeAB(file), { encoding: 'crc', seq: 1n, data: Buffer.from('data') });
});

test('A/B file, wrapper: protobuf seq and data', () => {
  assert.is(hex(encodeAB('wrapper', 300n, ascii('data'))), `08ac021204${hex(ascii('data'))}`);
  assert.is(hex(encodeAB('wrapper', 1n, new Uint8Array())), '08011200');
  const large = encodeAB('wrapper', 2n ** 64n - 1n, ascii('x'));
  assert.equal(decodeAB(large), { encoding: 'wrapper', seq: 2n ** 64n - 1n, data: Buffer.from('x') });
});

test('an A/B file that is not whole is refused: every cut, every flipped bit', () => {
  const file = encodeAB('crc', 9n, ascii('some data'));
  for (let length = 0; length < file.length; length++) {
    assert.type(decodeAB(file.subarray(0, length)), 'string', `cut at ${length}`);
  }
  assert.is(decodeAB(file.subarray(0, 11)), 'truncated');
  for (let bit = 0; bit < file.length * 8; bit++) {
    const copy = Buffer.from(file);
    copy[bit >> 3]! ^= 1 << (bit & 7);
    assert.is(decodeAB(copy), 'crc32 mismatch', `bit ${bit}`);
  }
  const zero = encodeAB('crc', 0n, ascii('some data'));
  assert.is(decodeAB(zero), 'its seq is 0');
});

test('a wrapper that was cut anywhere is refused: the original takes one without data for an empty store', () => {
  const file = encodeAB('wrapper', 21n, ascii('some data'));
  for (let length = 1; length < file.length; length++) {
    assert.type(decodeAB(file.subarray(0, length)), 'string', `cut at ${length}`);
  }
  assert.type(decodeAB(Buffer.concat([file, ascii('x')])), 'string', 'longer');
  assert.type(decodeAB(new Uint8Array(file.length)), 'string', 'zeros');
});

test.run();
