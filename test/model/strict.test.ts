/** Malformed input, field by field: each is refused, and the message names the field. */
import { type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as pb from '../../src/model/autobahn/11419398f/autobahn_pb.js';
import { autobahn, codecs } from '../../src/model/autobahn/index.js';
import type { EntryCodec } from '../../src/model/model.js';
import { block, commitQC, ENTRIES, MAY_BE_ABSENT } from './entries.js';
import { refuses } from './refuses.js';

const test = suite('strict decoding');

/**
 * A path as in error messages: with the type names, and without the message around a lane proposal.
 */
const named = (path: string): string =>
  path
    .replace('.appQc', '.appQC')
    .replace('.commitQc', '.commitQC')
    .replace('.msg.laneProposal', '.block')
    .replace(/\.msg$/, '.block');

type Properties = Record<string, unknown>;

/** A message inside of an entry. A test may change its properties and must restore them. */
interface Place {
  readonly path: string;
  readonly desc: DescMessage;
  readonly message: Properties;
}

function* places(path: string, desc: DescMessage, message: Properties): Generator<Place> {
  yield { path, desc, message };
  for (const field of desc.fields) {
    const held = field.oneof === undefined ? message[field.localName] : oneofValue(message, field.localName);
    if (field.message === undefined || held === undefined) continue;
    if (!Array.isArray(held)) yield* places(`${path}.${field.localName}`, field.message, held as Properties);
    else for (const [i, item] of held.entries()) yield* places(`${path}.${field.localName}[${i}]`, field.message, item);
  }
}

function oneofValue(message: Properties, name: string): unknown {
  const { case: kind, value } = message.t as { case?: string; value?: unknown };
  return kind === name ? value : undefined;
}

/**
 * Bytes of a signature as a field: its tag and length, then the key and the 64 bytes with their
 * tags and lengths.
 */
const SIGNATURE_FIELD = 2 + 4 + 32 + 2 + 64;

function isWhole(codec: EntryCodec<object>, wire: Uint8Array): boolean {
  try {
    return Buffer.compare(codec.toWire(codec.fromWire(wire)), wire) === 0;
  } catch {
    return false;
  }
}

/** A value in protobuf encoding, without a tag. */
function written(value: unknown): { wireType: number; data: Uint8Array } {
  const to = new BinaryWriter();
  if (value instanceof Uint8Array) return { wireType: 2, data: to.bytes(value).finish() };
  return { wireType: 0, data: to.int64(BigInt.asIntN(64, BigInt(value as bigint | number))).finish() };
}

/**
 * Runs `attempt` on the entry's encoding after `change` was applied at `place`, and restores it.
 */
function changed(
  { message }: Place,
  name: string,
  to: unknown,
  encode: () => Uint8Array,
  attempt: (wire: Uint8Array) => void,
) {
  const before = message[name];
  if (to === undefined) delete message[name];
  else message[name] = to;
  attempt(encode());
  message[name] = before;
}

for (const { root, codec, desc, wire } of ENTRIES) {
  const whole = fromBinary(desc, wire) as Message & Properties;
  const encode = (): Uint8Array => toBinary(desc, whole);
  const all = [...places(root, desc, whole)];
  const decode = (bytes: Uint8Array) => () => codec.fromWire(bytes);

  test(`${root}: every missing field is refused, if it is required`, () => {
    let dropped = 0;
    for (const place of all) {
      for (const { localName, fieldKind, oneof } of place.desc.fields) {
        if (fieldKind === 'list' || oneof !== undefined || place.message[localName] === undefined) continue;
        const path = `${place.path}.${localName}`;
        changed(place, localName, undefined, encode, (bytes) => {
          if (MAY_BE_ABSENT.test(path)) codec.fromWire(bytes);
          else refuses('LANESTORE_INVALID', `${named(path)} is absent`, decode(bytes));
        });
        dropped++;
      }
    }
    assert.ok(dropped > 15, `${dropped} fields`);
  });

  test(`${root}: keys, hashes and signatures of another length`, () => {
    let tried = 0;
    for (const place of all) {
      for (const { localName } of place.desc.fields) {
        const held = place.message[localName];
        if (!(held instanceof Uint8Array) || /^(coinbase|appHash)$/.test(localName)) continue;
        for (const length of [0, held.length - 1, held.length + 1]) {
          const path = `${named(place.path)}.${localName} is ${length} bytes long, must be ${held.length}`;
          changed(place, localName, new Uint8Array(length), encode, (bytes) =>
            refuses('LANESTORE_INVALID', path, decode(bytes)),
          );
          tried++;
        }
      }
    }
    assert.ok(tried > 10, `${tried} lengths`);
  });

  test(`${root}: an unknown field, at every level`, () => {
    for (const place of all) {
      const unknown = [{ no: 15, wireType: 0, data: Uint8Array.of(1) }];
      changed(place, '$unknown', unknown, encode, (bytes) => {
        refuses('LANESTORE_INVALID', `${named(place.path)} has the unknown field 15`, decode(bytes));
      });
    }
  });

  test(`${root}: a duplicate field, at every level`, () => {
    let tried = 0;
    for (const place of all) {
      const field = place.desc.fields.find(({ localName, fieldKind, oneof }) => {
        return fieldKind === 'scalar' && oneof === undefined && place.message[localName] !== undefined;
      });
      if (field === undefined) continue;
      // Unknown fields are written after the known fields, whatever their number.
      const again = [{ no: field.number, ...written(place.message[field.localName]) }];
      changed(place, '$unknown', again, encode, (bytes) => {
        refuses('LANESTORE_INVALID', named(place.path), decode(bytes));
        refuses('LANESTORE_INVALID', /is not in canonical encoding or not in its place \(byte \d+\)$/, decode(bytes));
      });
      tried++;
    }
    assert.ok(tried > 5, `${tried} fields`);
  });

  test(`${root}: cut short anywhere, or with a byte after the end`, () => {
    for (let length = 0; length < wire.length; length++) {
      const head = wire.subarray(0, length);
      // Protobuf cannot detect a cut between two signatures at the end of a QC: that is a QC with
      // fewer of them.
      if (isWhole(codec, head))
        assert.ok(length >= wire.length - 4 * SIGNATURE_FIELD && (wire.length - length) % SIGNATURE_FIELD === 0);
      else refuses('LANESTORE_INVALID', root, decode(head));
    }
    for (const byte of [0x00, 0x08, 0x0a, 0x12, 0x78, 0x80, 0xff]) {
      refuses('LANESTORE_INVALID', root, decode(Uint8Array.of(...wire, byte)));
    }
    refuses('LANESTORE_INVALID', root, decode(Uint8Array.of(...wire, ...wire)));
  });
}

test('another kind of message is no block', () => {
  const { block: proposed, sig } = autobahn.block.fromWire(block);
  const vote = codecs.signedMsg.toWire({ msg: { kind: 'laneVote', value: proposed.header }, sig });
  refuses('LANESTORE_INVALID', 'signedBlock.block is a laneVote, must be a laneProposal', () =>
    autobahn.block.fromWire(vote),
  );
  refuses('LANESTORE_INVALID', 'signedBlock.block is empty', () => autobahn.block.fromWire(Uint8Array.of(0x0a, 0)));
});

test('zeros, which a segment file can end with, are no entry', () => {
  for (const length of [0, 1, 4096]) {
    refuses('LANESTORE_INVALID', 'signedBlock', () => autobahn.block.fromWire(new Uint8Array(length)));
    refuses('LANESTORE_INVALID', 'commitQC', () => autobahn.commitQC.fromWire(new Uint8Array(length)));
    refuses('LANESTORE_INVALID', 'anchor', () => autobahn.anchor.fromWire(new Uint8Array(length)));
  }
});

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

test('non-canonical input: overlong varints, fields twice or out of order, other wire types', () => {
  const decode = (hex: string) => () => codecs.proposal.fromWire(fromHex(hex));
  const refusesAt = (path: string, byte: number, hex: string): void =>
    refuses(
      'LANESTORE_INVALID',
      `${path} is not in canonical encoding or not in its place (byte ${byte})`,
      decode(hex),
    );
  const [view, time] = ['0a0408011000', '120408021001'];
  decode(view + time)();
  refusesAt('proposal.view.index', 4, `0a050881001000${time}`);
  refusesAt('proposal.view.index', 12, `0a0d08ffffffffffffffffff021000${time}`);
  refusesAt('proposal.view', 2, `0a840008011000${time}`);
  refusesAt('proposal.view.index', 2, `0a040a011000${time}`);
  refusesAt('proposal.view', 5, view + view + time);
  refusesAt('proposal.view.number', 11, view + time + time);
  refusesAt('proposal.createdAt.nanos', 11, time + view);
  refuses('LANESTORE_INVALID', 'proposal.view', decode(`0801${time}`));
  // The view ends inside of a field, which the library reads all the same.
  refusesAt('proposal.view', 1, `0a0308011000${time}`);
  refuses('LANESTORE_INVALID', 'proposal.createdAt.nanos is 1000000000', decode(`${view}12080801108094ebdc03`));
  refuses('LANESTORE_INVALID', 'proposal.createdAt.nanos is -1,', decode(`${view}120d080110ffffffffffffffffff01`));
});

test('input that is not protobuf: the error of the library is passed on', () => {
  const reasons = {
    '0a7f': 'premature EOF',
    ffffffffffffffffffff01: 'invalid varint',
    '00': 'illegal tag: field no 0 wire type 0',
    '7c': 'cant skip wire type 4',
    [`${'7b'.repeat(200)}`]: 'maximum recursion depth reached',
  };
  for (const [hex, reason] of Object.entries(reasons)) {
    let error: unknown;
    const decode = (): void => {
      try {
        autobahn.block.fromWire(fromHex(hex));
      } catch (thrown) {
        error = thrown;
        throw thrown;
      }
    };
    refuses('LANESTORE_INVALID', `signedBlock is not a protobuf message of type autobahn.SignedMsg: ${reason}`, decode);
    assert.instance((error as Error).cause, Error);
  }
});

test('lane ranges out of order', () => {
  const { vote } = codecs.commitQC.fromWire(commitQC);
  const wrong = { ...vote, laneRanges: [...vote.laneRanges].reverse() };
  refuses('LANESTORE_INVALID', 'proposal.laneRanges[1].lane is not above', () => codecs.proposal.check(wrong));
  const descending = fromBinary(pb.ProposalSchema, codecs.proposal.toWire(vote));
  descending.laneRanges.reverse();
  refuses('LANESTORE_INVALID', 'proposal.laneRanges[1].lane is not above', () => {
    codecs.proposal.fromWire(toBinary(pb.ProposalSchema, descending));
  });
});

test.run();
