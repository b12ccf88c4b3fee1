/** Signing histories: the vectors that ship, the schema, and what is not exactly one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatHistory, parseHistory, type SigningHistory } from '../../src/adapter/index.js';
import { isLanestoreError } from '../../src/errors.js';
import { packageRoot } from '../support/fixtures.js';
import { misfit, type Schema } from '../support/json-schema.js';

const test = suite('docs: signing history');

const read = (name: string) => JSON.parse(readFileSync(join(packageRoot, 'docs/signing-history', name), 'utf8'));
const schema: Schema = read('schema.json');
const { accept, refuse }: Record<'accept' | 'refuse', readonly { name: string; file: object }[]> = read('vectors.json');

const misfitOf = (value: unknown) => misfit(value, schema, { root: schema });

function refusal(text: string): string | undefined {
  try {
    parseHistory(text);
    return undefined;
  } catch (error) {
    if (isLanestoreError(error, 'LANESTORE_INVALID')) return error.message;
    throw error;
  }
}

for (const { name, file } of accept) {
  test(`taken: ${name}`, () => {
    assert.is(misfitOf(file), undefined);
    const history = parseHistory(JSON.stringify(file));
    assert.equal(JSON.parse(formatHistory(history)), file);
  });
}

for (const { name, file } of refuse) {
  test(`refused: ${name}`, () => {
    assert.match(refusal(JSON.stringify(file)) ?? 'it was taken', /^the signing history: /);
  });
}

test('the schema refuses most of what the reader refuses, and what it does not is no matter of form', () => {
  const missed = refuse.filter(({ file }) => misfitOf(file) === undefined).map(({ name }) => name);
  assert.equal(missed, [
    'a changed number',
    'a number of 2^64',
    'final, without a successor',
    'live, and for a store',
    'a digest without a position',
    'a position without a digest',
    'a floor of another length',
    'a quorum that two halves have',
    'stores out of order',
  ]);
});

const record = <T>(of: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(of, { noNullPrototype: true });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const lane = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((key) => Buffer.from(key).toString('hex'));
const mapOf = <T>(key: fc.Arbitrary<string>, value: fc.Arbitrary<T>) =>
  fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 3 }).map((rows) => new Map(rows));
const anyHistory: fc.Arbitrary<SigningHistory> = record({
  model: fc.string({ minLength: 1 }),
  network: fc.stringMatching(/^[!-~]{1,20}$/),
  signer: bytes(32),
  store: bytes(16),
  seq: u64,
  time: fc.constant('2026-11-27T12:00:00.000Z'),
  logs: mapOf(
    fc.stringMatching(/^[a-z0-9-]{1,32}$/),
    fc.integer({ min: 1, max: 3 }).chain((arity) => {
      const position = fc.array(u64, { minLength: arity, maxLength: arity });
      return record({ watermark: maybe(record({ at: position, digest: bytes(32) })), floor: maybe(position) });
    }),
  ),
  lanes: mapOf(lane, record({ last: maybe(u64), floor: maybe(u64) })),
  own: maybe(record({ lane, last: u64, hash: bytes(32) })),
  quarantine: maybe(
    record({
      parts: fc.constant(['own'] as const),
      why: fc.string({ unit: 'binary' }),
      when: fc.string(),
      lost: fc.boolean(),
    }),
  ),
  inner: maybe(fc.uint8Array()),
  to: maybe(record({ store: bytes(16), seq: u64 })),
  sinks: maybe(
    record({
      names: fc.constant(['a', 'b', 'c'] as const),
      quorum: fc.integer({ min: 2, max: 3 }),
      mode: fc.constantFrom('before' as const, 'after' as const, undefined),
    }),
  ),
  heirOf: fc
    .uniqueArray(record({ store: bytes(16), seq: u64 }), {
      selector: ({ store }) => Buffer.from(store).toString('hex'),
      maxLength: 3,
    })
    .map((rows) => rows.sort((a, b) => Buffer.compare(a.store, b.store))),
}).map((history) => ({ ...history, kind: history.to === undefined ? 'live' : 'final' }));

test('comes back as it was, and fits the schema; cut or changed anywhere, it is refused', () => {
  fc.assert(
    fc.property(anyHistory, fc.nat(), fc.integer({ min: 1, max: 255 }), (history, place, flip) => {
      const text = formatHistory(history);
      const ascending = <T>(rows: ReadonlyMap<string, T>) => new Map([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
      const back = parseHistory(text);
      const expected = { ...history, logs: ascending(history.logs), lanes: ascending(history.lanes) };
      assert.equal({ ...back, logs: ascending(back.logs), lanes: ascending(back.lanes) }, expected);
      assert.is(misfitOf(JSON.parse(text)), undefined);
      const wire = Buffer.from(text);
      const at = place % (wire.length - 2);
      assert.ok(refusal(wire.subarray(0, at).toString()) !== undefined, `cut at ${at}`);
      wire[at]! ^= flip;
      const changed = wire.toString();
      if (refusal(changed) === undefined) assert.equal(parseHistory(changed), back, 'only white space may change');
    }),
    { numRuns: 400 },
  );
});

test('what is no history at all is refused', () => {
  for (const text of ['', '{', 'null', '[]', '"signing-history/1"', '{}', '\u0000', '{"format":"signing-history/1"}']) {
    assert.ok(refusal(text) !== undefined, text);
  }
});

test.run();
