/** The codec of each message: check, CBOR body, protobuf; and its hash. */
import { hash } from 'node:crypto';
import type { BodyWriter } from '../../cbor/body-writer.js';
import { compile, type Layout } from '../../cbor/compile.js';
import { CborWriter } from '../../cbor/writer.js';
import { LanestoreError } from '../../errors.js';
import type { EntryCodec } from '../model.js';
import { write } from './encoding.js';
import { inside, Malformed, reporting } from './malformed.js';
import type { Message } from './message.js';
import { parse } from './parse.js';
import type { Kind } from './scalars.js';
import { HASH_BYTES } from './sizes.js';
import { Writer } from './wire.js';
import { isShaped } from './wire-shape.js';

/**
 * The canonical encoding of a value, which must have passed the check of `kind`.
 * @throws LANESTORE_INVALID if the value changes meanwhile.
 */
export function encode<T>(kind: Kind<T>, value: T): Uint8Array {
  const to = new Writer(kind.size(value));
  if (!write(to, kind.encoding, value) || to.bytes === undefined) throw changedError();
  return to.bytes;
}

/** A getter, or other code that writes to this memory. */
function changedError(): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', 'a value changed while it was read');
}

/**
 * Decodes a canonical encoding. Protobuf has many encodings of one value: fields out of order,
 * repeated, or of another wire type, numbers and lengths longer than necessary. Any of these is
 * detected by encoding the result again.
 * @throws Malformed naming the field
 */
function decode<T extends object>(kind: Message<T>, read: (message: unknown) => T, bytes: Uint8Array): T {
  const value = read(parse(kind.desc, bytes));
  const canonical = encode(kind, value);
  if (Buffer.compare(canonical, bytes) === 0) return value;
  // Compared from the end, to locate the fault: extra or missing bytes also change the lengths of
  // all enclosing messages, which come first.
  let same = 0;
  while (same < bytes.length && canonical.at(-1 - same) === bytes.at(-1 - same)) same++;
  throw inside(
    kind.pathAt(value, canonical.length - 1 - same),
    new Malformed(`is not in canonical encoding or not in its place (byte ${bytes.length - 1 - same})`),
  );
}

/** Checks an argument and returns it. @throws LANESTORE_INVALID or TypeError naming the field. */
export function checked<T>(root: string, kind: Kind<T>, value: T): T {
  reporting(root, { typeErrors: true }, () => kind.check(value));
  return value;
}

/** Bytes of the writer that is kept: more than the votes of a committee of 100 have. */
const HASHED_BYTES = 16 * 1024;
/** The writer of {@link hashOf}, while no call uses it. */
let hashing: Writer | undefined;

/**
 * SHA-256 over the canonical encoding (the original's sei-tendermint/internal/hashable). The value
 * is checked while it is written, because nothing in a hash shows that it was malformed.
 * @throws LANESTORE_INVALID or TypeError naming the field.
 */
export function hashOf<T>(root: string, kind: Kind<T>, value: T): Uint8Array {
  // In one pass, without the size, because a vote waits for its digest. Taken away meanwhile: a
  // getter of `value` may call this function.
  const to = hashing ?? new Writer(HASHED_BYTES);
  hashing = undefined;
  to.reset();
  const { encoding } = kind;
  // Code is called directly, past the interpreter, which is then not in the caches.
  if (!(encoding.write === undefined ? write(to, encoding, value) : encoding.write(to, value))) {
    checked(root, kind, value);
    throw changedError();
  }
  // As text, a character for each byte: for a Buffer, Node.js allocates memory outside of the heap,
  // which takes longer than hashing (docs/benchmarks-details.md, A vote in a round).
  const digest = hash('sha256', to.bytes ?? encode(kind, value), 'binary');
  hashing = to;
  const bytes = new Uint8Array(HASH_BYTES);
  for (let i = 0; i < HASH_BYTES; i++) bytes[i] = digest.charCodeAt(i);
  return bytes;
}

/**
 * The codec of a message; `root` is its name in errors.
 *
 * `check` takes any value; it throws LANESTORE_INVALID for a field that is absent, out of range or
 * of a wrong length, and TypeError for a field of a wrong JavaScript type. `toBody` and `toWire`
 * include this check. `fromWire` and `fromBody` throw only LANESTORE_INVALID for malformed input;
 * `fromWire` throws TypeError if it is not a Uint8Array. `fromWire` accepts exactly the output of
 * `toWire`: the canonical encoding, the only one that the original writes. Its result shares no
 * memory with the input; the result of `fromBody` shares the byte strings of the body.
 */
export function codec<T extends object>(root: string, kind: Message<T>): EntryCodec<T> {
  const [ofEntry, ofBody, ofMessage] = [kind.reader('entry'), kind.reader('body'), kind.reader('message')];
  const codec: EntryCodec<T> = {
    check: (value) => void checked(root, kind, value),
    toBody: (value) => reporting(root, { typeErrors: true }, () => ofEntry(value)),
    fromBody: (body) => reporting(root, { typeErrors: false }, () => ofBody(body)),
    toWire: (value) => encode(kind, checked(root, kind, value)),
    fromWire(bytes) {
      if (!(bytes instanceof Uint8Array)) throw new TypeError(`${root} must be decoded from a Uint8Array`);
      // Copied, because the library creates views of its input: the value must not change with the
      // caller's buffer or keep a larger buffer alive.
      const own = new Uint8Array(bytes);
      return reporting(root, { typeErrors: false }, () => decode(kind, ofMessage, own));
    },
    isWireShaped: (bytes) => isShaped(kind, bytes),
  };
  return kind.shape === undefined ? codec : { ...codec, ...byShape(root, codec, compile(kind.shape)) };
}

/** The methods that a compiled layout adds to a codec. */
function byShape<T>(root: string, codec: EntryCodec<T>, { write, read }: Layout) {
  return {
    writeBody(to: BodyWriter, value: T) {
      if (!(to instanceof CborWriter)) return to.value(codec.toBody(value));
      if (write(to, value)) return;
      codec.check(value);
      // The second check found no fault: a getter, or other code that writes to this memory,
      // changed the value.
      throw new LanestoreError('LANESTORE_INVALID', `${root} changed while it was read`);
    },
    readBody: (body: Uint8Array) => read(body) as T | undefined,
  };
}
