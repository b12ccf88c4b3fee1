/** The codec of each message: check, CBOR body, protobuf. */
import type { BodyWriter } from '../../cbor/body-writer.js';
import { compile, type Layout } from '../../cbor/compile.js';
import { CborWriter } from '../../cbor/writer.js';
import { LanestoreError } from '../../errors.js';
import type { EntryCodec } from '../model.js';
import { inside, Malformed, reporting } from './malformed.js';
import type { Message } from './message.js';
import { parse } from './parse.js';
import type { Kind } from './scalars.js';
import { Writer } from './wire.js';
import { isShaped } from './wire-shape.js';

/** The canonical encoding of a value that `kind` has checked. */
export function encode<T>(kind: Kind<T>, value: T): Uint8Array {
  const to = new Writer(kind.size(value));
  kind.write(to, value);
  return to.bytes;
}

/**
 * What `bytes` are the canonical encoding of. Protobuf has many encodings of one value: fields out of order, twice, or
 * of another wire type, numbers and lengths longer than they need be. Whatever is off, encoding the result shows it.
 * @throws Malformed naming the field
 */
function decode<T extends object>(kind: Message<T>, read: (message: unknown) => T, bytes: Uint8Array): T {
  const value = read(parse(kind.desc, bytes));
  const canonical = encode(kind, value);
  if (Buffer.compare(canonical, bytes) === 0) return value;
  // From the end: bytes too many or too few show at the start already, in the length of the outermost message.
  let same = 0;
  while (same < bytes.length && canonical.at(-1 - same) === bytes.at(-1 - same)) same++;
  throw inside(
    kind.pathAt(value, canonical.length - 1 - same),
    new Malformed(`is not in canonical encoding or not in its place (byte ${bytes.length - 1 - same})`),
  );
}

/** Checks a value that the caller hands in. @throws LANESTORE_INVALID or TypeError naming the field. */
export function checked<T>(root: string, kind: Kind<T>, value: T): T {
  reporting(root, { typeErrors: true }, () => kind.check(value));
  return value;
}

/**
 * The codec of a message, which errors call `root`.
 *
 * `check` takes any value; it throws LANESTORE_INVALID for a field that is absent, out of range or of a wrong length, and
 * a TypeError for one of a wrong JavaScript type. `toBody` expects what `check` accepts; `toWire` checks by itself.
 * `fromWire` and `fromBody` throw LANESTORE_INVALID and nothing else, whatever they are given. `fromWire` accepts exactly
 * what `toWire` gives: the canonical encoding, which is the only one that the original writes. What it returns shares no
 * memory with its input; what `fromBody` returns shares the byte strings of the body.
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
      // One copy: what is read must neither keep a larger buffer alive nor change with it, and the library only slices.
      const own = new Uint8Array(bytes);
      return reporting(root, { typeErrors: false }, () => decode(kind, ofMessage, own));
    },
    isWireShaped: (bytes) => isShaped(kind, bytes),
  };
  return kind.shape === undefined ? codec : { ...codec, ...byShape(root, codec, compile(kind.shape)) };
}

/** What its layout adds to the codec of a message. */
function byShape<T>(root: string, codec: EntryCodec<T>, { write, read }: Layout) {
  return {
    writeBody(to: BodyWriter, value: T) {
      if (!(to instanceof CborWriter)) return to.value(codec.toBody(value));
      if (write(to, value)) return;
      codec.check(value);
      // The table found nothing wrong on a second look: a getter, or memory that somebody else writes to.
      throw new LanestoreError('LANESTORE_INVALID', `${root} changed while it was read`);
    },
    readBody: (body: Uint8Array) => read(body) as T | undefined,
  };
}
