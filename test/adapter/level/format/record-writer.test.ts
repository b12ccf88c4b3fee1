/**
 * A model's own writer writes exactly the bytes of its `toBody`, and refuses what its `check`
 * refuses, so that all stores of a model have equal bytes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Decoder, Encoder } from 'cbor-x';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type EncodedBody, encodeBody, encodeRecord, sealRecord } from '../../../../src/adapter/level/format/record.js';
import { bytesOfKey } from '../../../../src/keys/entry-keys.js';
import { codecs } from '../../../../src/model/autobahn/index.js';
import type { EntryCodec } from '../../../../src/model/model.js';
import { arbitrary } from '../../../model/arbitrary.js';
import { loadRounds, packageRoot, TRAFFIC } from '../../../support/fixtures.js';
import { plain, plainBlock } from '../../../support/plain-model.js';

const test = suite('encoding an entry');

interface Golden {
  readonly codec: keyof typeof codecs;
  readonly wire: string;
  readonly body: string;
}

const KEY = 'lane/0a/00000000000000000001';
const CBOR_X = { useRecords: false, tagUint8Array: false, variableMapSize: true };
const cborX = new Encoder(CBOR_X);
const cborXOut = new Decoder(CBOR_X);

function same<T>(codec: EntryCodec<T>, entry: T): void {
  const own = encodeBody(codec, entry);
  const crc = sealRecord(bytesOfKey(KEY), own);
  const generic = encodeRecord(KEY, codec.toBody(entry));
  assert.is(Buffer.compare(own, generic.bytes), 0);
  assert.is(crc, generic.crc);
  const body = own.subarray(2, own.length - 5);
  assert.is(Buffer.compare(body, cborX.encode(codec.toBody(entry))), 0);
}

/** The error that `work` throws, as text; undefined if it returns. */
function refusal(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/** All but the messages of which the body is not known before: those of any kind. */
const WRITTEN = (Object.keys(codecs) as (keyof typeof codecs)[]).filter((name) => name !== 'signedMsg');
/** What a store holds. */
const STORED: readonly string[] = ['signedBlock', 'commitQC', 'pruneAnchor'];

for (const name of WRITTEN) {
  const codec = codecs[name] as EntryCodec<object>;
  const times = (runs: number) => ({ numRuns: STORED.includes(name) ? runs : runs / 10, seed: 1 });
  const any = arbitrary[name] as fc.Arbitrary<object>;

  test(`${name}: any entry, in the bytes of its table and of cbor-x`, () => {
    assert.ok(codec.writeBody, 'it has a writer of its own');
    fc.assert(
      fc.property(any, (entry) => same(codec, entry)),
      times(500),
    );
  });

  test(`${name}: anything wrong in any place is refused as check refuses it`, () => {
    let refused = 0;
    fc.assert(
      fc.property(any, fc.nat(), wrongValue, (entry, at, wrong) => {
        const spoilt = replaced(entry, at, wrong) as object;
        const expected = refusal(() => codec.check(spoilt));
        assert.is(
          refusal(() => encodeBody(codec, spoilt)),
          expected,
        );
        if (expected === undefined) same(codec, spoilt);
        else refused++;
      }),
      times(3000),
    );
    assert.ok(refused > 100, `${refused} were refused`);
  });

  test(`${name}: what is read by layout is what is decoded by table, and only the very bytes that are written`, () => {
    const { readBody } = codec;
    assert.ok(readBody);
    const byTable = (body: Uint8Array) => codec.fromBody(cborXOut.decode(new Uint8Array(body)));
    const bodyOf = (entry: object) => new Uint8Array(cborX.encode(codec.toBody(entry)));
    fc.assert(
      fc.property(any, (entry) => {
        const body = bodyOf(entry);
        const read = readBody(body);
        assert.ok(read, 'it knows what was written');
        assert.equal(read, byTable(body));
        assert.equal(keysOf(read), keysOf(byTable(body)));
      }),
      times(500),
    );
    let known = 0;
    let unknown = 0;
    fc.assert(
      fc.property(any, spoil, (entry, [at, value, more]) => {
        const body = bodyOf(entry);
        const spoilt = new Uint8Array(Math.max(1, body.length + more));
        spoilt.set(body.subarray(0, spoilt.length));
        spoilt[at % spoilt.length] = value;
        const read = readBody(spoilt);
        if (read === undefined) return void unknown++;
        known++;
        assert.equal(read, byTable(spoilt));
        assert.is(Buffer.compare(bodyOf(read), spoilt), 0);
      }),
      times(5000),
    );
    assert.ok(known > 20 && unknown > 20, `${known} were read, ${unknown} were not`);
  });
}

const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x18, 0x19, 0x1a, 0x1b, 0x3b, 0x40, 0x58, 0x59, 0x80, 0xa5, 0xa6));
const spoil = fc.tuple(fc.nat(), byte, fc.oneof(fc.constant(0), fc.integer({ min: -80, max: 3 })));

/** The keys of an object and of all in it, in their order. */
function keysOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(keysOf);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
  return Object.entries(value).map(([key, held]) => [key, keysOf(held)]);
}

const wrongValue = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, true, 'text', 1, -1, 1.5, Number.NaN, 1_000_000_000, {}, [], new Date(0)),
  fc.constantFrom<unknown>(-1n, 0n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n - 1n, 2n ** 64n),
  fc.constantFrom(0, 31, 32, 33, 63, 64, 65).map((length) => new Uint8Array(length)),
  fc.constant(Buffer.alloc(32)),
  fc.constant(Object.assign([], { key: new Uint8Array(32), sig: new Uint8Array(64) })),
  fc.constant([undefined]),
);

/**
 * A copy of `entry` in which one part is replaced by `wrong`: part number `at`, modulo the number
 * of parts. The whole entry counts as a part.
 */
function replaced(entry: unknown, at: number, wrong: unknown): unknown {
  let count = 0;
  walk(entry, () => void count++);
  const place = at % count;
  let seen = 0;
  return walk(entry, () => seen++ === place, wrong);
}

function walk(value: unknown, hit: (value: unknown) => unknown, wrong?: unknown): unknown {
  if (hit(value) === true) return wrong;
  if (Array.isArray(value)) return value.map((item) => walk(item, hit, wrong));
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, walk(held, hit, wrong)]));
}

test('autobahn: every recorded entry', () => {
  for (const name of TRAFFIC) {
    for (const { anchor, commitQCs, blocks } of loadRounds(name)) {
      if (anchor !== undefined) same(codecs.pruneAnchor, codecs.pruneAnchor.fromWire(anchor));
      for (const qc of commitQCs) same(codecs.commitQC, codecs.commitQC.fromWire(qc));
      for (const block of blocks) same(codecs.signedBlock, codecs.signedBlock.fromWire(block));
    }
  }
});

test('commitQC: lists of any length', () => {
  const { vote } = fc.sample(arbitrary.commitQC, { numRuns: 1, seed: 1 })[0]!;
  for (const length of [0, 1, 2, 31, 32, 33, 64, 65, 100, 5000]) {
    const sigs = Array.from({ length }, (_, i) => ({
      key: new Uint8Array(32).fill(i),
      sig: new Uint8Array(64).fill(~i),
    }));
    const qc = { vote, sigs };
    same(codecs.commitQC, qc);
    assert.equal(codecs.commitQC.readBody?.(new Uint8Array(cborX.encode(codecs.commitQC.toBody(qc)))), qc);
  }
});

test('autobahn: the bodies that the first release wrote', () => {
  const golden = JSON.parse(readFileSync(join(packageRoot, 'test', 'fixtures', 'bodies.json'), 'utf8')) as Golden[];
  for (const { codec: name, wire, body } of golden) {
    const codec = codecs[name] as EntryCodec<object>;
    const entry = codec.fromWire(Buffer.from(wire, 'base64'));
    const encoded = encodeBody(codec, entry);
    assert.is(Buffer.from(encoded.subarray(2, encoded.length - 5)).toString('base64'), body, name);
    const bytes = new Uint8Array(Buffer.from(body, 'base64'));
    assert.equal(codec.readBody?.(bytes), entry, name);
    assert.equal(codec.fromBody(cborXOut.decode(new Uint8Array(bytes))), entry, name);
  }
  assert.ok(golden.length > 25);
});

test("autobahn: into a writer of another kind than the store's, the same body", () => {
  const block = fc.sample(arbitrary.signedBlock, { numRuns: 1, seed: 1 })[0]!;
  const written: unknown[] = [];
  const refuse = () => assert.unreachable();
  const pieces = {
    map: refuse,
    array: refuse,
    text: refuse,
    bytes: refuse,
    bigint: refuse,
    number: refuse,
    raw: refuse,
  };
  codecs.signedBlock.writeBody!({ ...pieces, value: (value) => written.push(value) }, block);
  assert.equal(written, [codecs.signedBlock.toBody(block)]);
});

test('a model without a writer of its own', () => {
  const block = plainBlock('0a', 7);
  const record = encodeBody(plain.block, block);
  sealRecord(bytesOfKey(KEY), record);
  assert.is(Buffer.compare(record, encodeRecord(KEY, plain.block.toBody(block)).bytes), 0);
});

test('bodies keep their bytes until they are sealed, in any order, whatever is refused meanwhile', () => {
  const blocks = Array.from({ length: 500 }, (_, i) => plainBlock('0a', i, new Uint8Array(i * 11).fill(i)));
  const bodies = blocks.map((block, i): EncodedBody => {
    if (i % 7 === 3) assert.throws(() => encodeBody(plain.block, { ...block, number: 2n ** 64n }));
    return encodeBody(plain.block, block);
  });
  const records = bodies.map((_, i) => [blocks.length - 1 - i, bodies[blocks.length - 1 - i] as EncodedBody] as const);
  for (const [i, body] of records) {
    const key = `lane/0a/${String(i).padStart(20, '0')}`;
    sealRecord(bytesOfKey(key), body);
    assert.is(Buffer.compare(body, encodeRecord(key, plain.block.toBody(blocks[i] as never)).bytes), 0, `block ${i}`);
  }
});

test('the longest key fits, a longer one is a mistake', () => {
  const longest = `lane/${'ab'.repeat(64)}/${'0'.repeat(20)}`;
  const { bytes } = encodeRecord(longest, 7);
  assert.is(bytes.length, 2 + 1 + 5);
  assert.throws(() => encodeRecord(`${longest}0`, 7), /has more than/);
});

test.run();
