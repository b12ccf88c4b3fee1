/**
 * A record of a MANIFEST or a log may cross the border of two portions, and the reader overwrites
 * the first one while the second is processed. What a sink keeps must be a copy.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SourceFile } from '../../../../src/adapter/level/preflight/file.js';
import { logVersions } from '../../../../src/adapter/level/preflight/level-map.js';
import { readManifest } from '../../../../src/adapter/level/preflight/manifest.js';
import { Random, testSeed } from '../../../support/kill.js';
import { logBytes } from './files.js';

const test = suite('records across portions');
const random = new Random(testSeed());

/** A file whose portions are overwritten as soon as they were used. */
class Fleeting {
  readonly size: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  async portions(from: number, to: number, use: (bytes: Buffer, at: number) => void, portionBytes = 1): Promise<void> {
    for (let at = from; at < to; at += portionBytes) {
      const portion = Buffer.from(this.#bytes.subarray(at, Math.min(at + portionBytes, to)));
      use(portion, at);
      portion.fill(0xee);
    }
  }

  async read(from: number, to: number): Promise<Buffer> {
    return Buffer.from(this.#bytes.subarray(from, to));
  }
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}
const slice = (bytes: Uint8Array) => Buffer.concat([Buffer.from(varint(bytes.length)), bytes]);
const key = (text: string) => Buffer.from(text.padEnd(random.int(24, 200), '!'), 'latin1');

test('the version of a MANIFEST of many portions', async () => {
  const comparator = slice(Buffer.from('leveldb.BytewiseComparator'));
  const edits = [Buffer.concat([Buffer.from([1]), comparator, Buffer.from([2, 4, 3, 5, 4, 0])])];
  const LAST = 12_000;
  let expected: object[] = [];
  for (let number = 6; number <= LAST; number++) {
    const [smallest, largest] = [key(`a${number}`), key(`b${number}`)];
    const added = [7, 0, ...varint(number), ...varint(1000 + number)];
    const deleted = number === 6 ? [] : [6, 0, ...varint(number - 1)];
    const fields = [2, ...varint(number), 3, ...varint(number + 1), 4, ...varint(10 * number)];
    edits.push(Buffer.concat([Buffer.from([...fields, ...deleted, ...added]), slice(smallest), slice(largest)]));
    expected = [{ level: 0, number, size: 1000 + number, smallest, largest }];
  }
  const bytes = logBytes(edits);
  assert.ok(bytes.length > 8 * 262_144, `${bytes.length} bytes have borders of portions`);
  const found = await readManifest(new Fleeting(bytes) as unknown as SourceFile, 'MANIFEST');
  assert.equal(found.findings, []);
  const { tables = [], ...version } = found.version ?? {};
  assert.equal(version, { logNumber: LAST, prevLogNumber: 0, lastSequence: 10 * LAST, nextFile: LAST + 1 });
  const plain = tables.map(({ smallest, largest, ...rest }) => ({
    ...rest,
    smallest: Buffer.from(smallest),
    largest: Buffer.from(largest),
  }));
  assert.equal(plain, expected);
});

test('the versions of a key in a log of many portions', async () => {
  const name = Buffer.from('inner');
  const values = Array.from({ length: 60 }, (_, i) => Buffer.alloc(random.int(20_000, 60_000), i + 1));
  const batches = values.map((value, i) => {
    const head = Buffer.alloc(12);
    head.writeBigUInt64LE(BigInt(i), 0);
    head.writeUInt32LE(1, 8);
    return Buffer.concat([head, Buffer.from([1]), slice(name), slice(value)]);
  });
  const found: object[] = [];
  const damage = await logVersions(new Fleeting(logBytes(batches)), name, ({ sequence, value }) =>
    found.push({ sequence, value: Buffer.from(value ?? []) }),
  );
  assert.is(damage, undefined);
  assert.equal(
    found,
    values.map((value, sequence) => ({ sequence, value })),
  );
});

test.run();
