/**
 * For any value, sound or damaged anywhere, in both versions of the protocol: it is written if, and
 * only if, the check of its kind accepts it. A message, and a choice of messages, with code of its
 * own is written as its table says.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as newerPersisted from '../../src/model/autobahn/73f917bbd/persisted.js';
import * as newer from '../../src/model/autobahn/73f917bbd/schema.js';
import * as persisted from '../../src/model/autobahn/11419398f/persisted.js';
import * as schema from '../../src/model/autobahn/11419398f/schema.js';
import { type Encoding, type FieldEncoding, write } from '../../src/model/autobahn/encoding.js';
import { Malformed } from '../../src/model/autobahn/malformed.js';
import { Message } from '../../src/model/autobahn/message.js';
import { OneOf } from '../../src/model/autobahn/one-of.js';
import type { Kind } from '../../src/model/autobahn/scalars.js';
import { Writer } from '../../src/model/autobahn/wire.js';

const test = suite('encodings');

const BUFFER_BYTES = 64 * 1024;
/** Where a number takes a byte more, and where a shift or a conversion could go wrong. */
const EDGES = [7n, 14n, 21n, 28n, 31n, 32n, 35n, 49n, 53n, 63n, 64n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits]);
EDGES.push(0n, -1n, -(2n ** 63n));

/** Any sound value, except that lists may be in any order. */
function sound(encoding: Encoding): fc.Arbitrary<unknown> {
  const { is, min, max, length, fields, cases } = encoding;
  switch (is) {
    case 'integer':
      return fc.oneof(fc.bigInt(min, max), fc.constantFrom(...EDGES.filter((n) => n >= min && n <= max)));
    case 'nanos':
      return fc.integer({ min: 0, max: 999_999_999 });
    case 'bytes':
    case 'code':
      // Beyond 127 bytes, the length takes two bytes.
      return fc.uint8Array({ minLength: length ?? 0, maxLength: length ?? 200, size: 'max' });
    case 'wrapped':
      return held(fields[0] as FieldEncoding);
    case 'message': {
      const requiredKeys = fields.filter(({ presence }) => presence !== 'optional').map(({ name }) => name);
      const values = Object.fromEntries(fields.map((field) => [field.name, held(field)]));
      return fc.record(values, { requiredKeys, noNullPrototype: true });
    }
    case 'oneOf':
      return fc.oneof(...[...cases].map(([kind, field]) => held(field).map((value) => ({ kind, value }))));
  }
}

function held({ presence, encoding }: FieldEncoding): fc.Arbitrary<unknown> {
  return presence === 'repeated' ? fc.array(sound(encoding), { maxLength: 2 }) : sound(encoding);
}

const JUNK: readonly unknown[] = [
  ...[undefined, null, true, '', 'proposal', Symbol('x'), () => 0],
  ...[0, -1, 1.5, 999_999_999, 1_000_000_000, Number.NaN, 0n, -1n, 2n ** 63n, 2n ** 64n, -(2n ** 63n) - 1n],
  ...[[], [undefined], [0n], [new Uint8Array(1)], {}, { kind: 'laneVote' }, { kind: 'x', value: {} }, new Map()],
  ...[0, 1, 31, 32, 33, 39, 40, 41, 63, 64, 65].map((length) => new Uint8Array(length)),
  ...[Buffer.alloc(32), Buffer.alloc(40), new Uint16Array(32), new ArrayBuffer(32), new DataView(new ArrayBuffer(32))],
];

/** Puts `junk` into a place below `root`, which the choices select; it may be the root itself. */
function damaged(root: unknown, choices: readonly number[], junk: unknown): unknown {
  const [choice, ...rest] = choices;
  if (choice === undefined || typeof root !== 'object' || root === null || ArrayBuffer.isView(root)) return junk;
  const keys = Object.keys(root);
  const key = keys[choice % (keys.length + 1)];
  // A property, or an item, more.
  if (key === undefined) return Array.isArray(root) ? [...root, junk] : { ...root, more: junk };
  const value = damaged((root as Record<string, unknown>)[key], rest, junk);
  return Array.isArray(root) ? root.map((item, i) => (String(i) === key ? value : item)) : { ...root, [key]: value };
}

/** What a table has in common with every kind. */
type Table = Pick<Kind<never>, 'check' | 'encoding' | 'size'>;

function isAccepted(kind: Table, value: unknown): boolean {
  try {
    kind.check(value);
    return true;
  } catch (error) {
    assert.instance(error, Malformed);
    return false;
  }
}

/** The same encoding without the code of its messages and cases. */
function interpreted(encoding: Encoding): Encoding {
  const field = (of: FieldEncoding) => ({ ...of, encoding: interpreted(of.encoding) });
  return {
    ...encoding,
    write: encoding.is === 'code' ? encoding.write : undefined,
    fields: encoding.fields.map(field),
    cases: new Map([...encoding.cases].map(([kind, of]) => [kind, field(of)])),
  };
}

function refuseOverflow(): never {
  throw new Error(`more than ${BUFFER_BYTES} bytes`);
}

/** True if it was written. */
function assertAgreed(kind: Table, tables: Encoding, value: unknown): boolean {
  const [to, byTables] = [new Writer(BUFFER_BYTES), new Writer(BUFFER_BYTES)];
  const isWritten = write(to, kind.encoding, value);
  assert.is(isWritten, isAccepted(kind, value));
  assert.is(write(byTables, tables, value), isWritten);
  if (!isWritten) return false;
  assert.is(to.length, kind.size(value as never));
  const { bytes = refuseOverflow() } = to;
  assert.equal(bytes, byTables.bytes);
  // Without room for all of it, everything is counted.
  for (const size of new Set([0, bytes.length >> 1, bytes.length - 1])) {
    if (size < 0 || size >= bytes.length) continue;
    const small = new Writer(size);
    assert.ok(write(small, kind.encoding, value));
    assert.is(small.length, bytes.length);
    assert.is(small.bytes, undefined);
  }
  return true;
}

const FILES = { schema, persisted, newer, newerPersisted };

for (const [file, kinds] of Object.entries(FILES)) {
  for (const [name, kind] of Object.entries(kinds as Record<string, unknown>)) {
    if (!(kind instanceof Message || kind instanceof OneOf)) continue;
    const any = sound(kind.encoding);
    const tables = interpreted(kind.encoding);
    const choices = fc.array(fc.nat(7), { minLength: 0, maxLength: 6 });

    test(`${file}.${name}: written if the check accepts it, and only then`, () => {
      let [written, refused] = [0, 0];
      const property = fc.property(any, choices, fc.constantFrom(...JUNK), (value, places, junk) => {
        assertAgreed(kind, tables, value);
        if (assertAgreed(kind, tables, damaged(value, places, junk))) written++;
        else refused++;
      });
      fc.assert(property, { numRuns: 300 });
      assert.ok(written > 0 && refused > 0, `${written} written, ${refused} refused`);
    });
  }
}

test.run();
