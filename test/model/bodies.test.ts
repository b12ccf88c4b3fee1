/**
 * Malformed bodies and values, field by field: each is refused, and the message names the field.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, type SignedBlock } from '../../src/model/autobahn/index.js';
import { throughCbor } from './cbor.js';
import { block, ENTRIES, MAY_BE_ABSENT } from './entries.js';
import { refuses } from './refuses.js';

const test = suite('bodies and checks');

type Properties = Record<string, unknown>;

for (const { root, codec, wire } of ENTRIES) {
  test(`${root}: every key of the body that is absent, unknown or of another type`, () => {
    const body = throughCbor(codec.toBody(codec.fromWire(wire))) as Properties;
    let tried = 0;
    const attempt = (path: string, problem: string): void => {
      refuses('LANESTORE_INVALID', `${path} ${problem}`, () => codec.fromBody(body));
      tried++;
    };
    const walk = (object: Properties, path: string): void => {
      object.more = 1;
      attempt(path, 'has the unknown key "more"');
      delete object.more;
      for (const [key, held] of Object.entries(object)) {
        const at = `${path}.${key}`;
        for (const wrong of ['text', 1.5, null, true, new Date(0), new Map()]) {
          object[key] = wrong;
          refuses('LANESTORE_INVALID', at, () => codec.fromBody(body));
        }
        object[key] = undefined;
        if (MAY_BE_ABSENT.test(at)) attempt(path, `has the unknown key "${key}"`);
        else attempt(at, 'is absent');
        if (held instanceof Uint8Array && !MAY_BE_ABSENT.test(at)) {
          object[key] = held.subarray(1);
          attempt(at, `is ${held.length - 1} bytes long`);
        }
        if (typeof held === 'bigint') {
          object[key] = 2n ** 64n;
          attempt(at, `is ${2n ** 64n}, which is not`);
          object[key] = Number(held);
          attempt(at, 'is a number, must be a bigint');
        }
        object[key] = held;
        if (Array.isArray(held))
          for (const [i, item] of held.entries()) if (!(item instanceof Uint8Array)) walk(item, `${at}[${i}]`);
        if (held?.constructor === Object) walk(held as Properties, at);
      }
    };
    walk(body, root);
    assert.ok(tried > 30, `${tried} bodies`);
    codec.fromBody(body);
  });
}

test('check: absent or invalid values are LANESTORE_INVALID, another type is a TypeError', () => {
  const good = autobahn.block.fromWire(block);
  const check = (change: (signed: SignedBlock) => unknown) => () => autobahn.block.check(change(good) as SignedBlock);
  const header = (more: object) =>
    check(({ block: b, sig }) => ({ block: { ...b, header: { ...b.header, ...more } }, sig }));
  const payload = (more: object) =>
    check(({ block: b, sig }) => ({ block: { ...b, payload: { ...b.payload, ...more } }, sig }));
  const typeError = (says: string, work: () => unknown): void =>
    assert.throws(work, (error: unknown) => error instanceof TypeError && error.message.startsWith(says));

  refuses(
    'LANESTORE_INVALID',
    'signedBlock.sig is absent',
    check(({ block: b }) => ({ block: b })),
  );
  refuses('LANESTORE_INVALID', 'signedBlock.block.header.lane is 31 bytes', header({ lane: new Uint8Array(31) }));
  refuses('LANESTORE_INVALID', 'signedBlock.block.header.parentHash is absent', header({ parentHash: undefined }));
  refuses('LANESTORE_INVALID', 'signedBlock.block.header.blockNumber is -1', header({ blockNumber: -1n }));
  refuses(
    'LANESTORE_INVALID',
    'signedBlock.block.header.blockNumber is 18446744073709551616',
    header({ blockNumber: 2n ** 64n }),
  );
  refuses('LANESTORE_INVALID', 'signedBlock.block.payload.basefee is', payload({ basefee: 2n ** 63n }));
  refuses(
    'LANESTORE_INVALID',
    'signedBlock.block.payload.createdAt.nanos is 1.5',
    payload({ createdAt: { seconds: 0n, nanos: 1.5 } }),
  );
  payload({ coinbase: undefined })();
  header({ more: 'is left alone' })();
  typeError(
    'signedBlock is undefined',
    check(() => undefined),
  );
  typeError(
    'signedBlock.block is a string',
    check(({ sig }) => ({ block: 'x', sig })),
  );
  typeError('signedBlock.block.header.blockNumber is a number, must be a bigint', header({ blockNumber: 1 }));
  typeError('signedBlock.block.header.lane is a string, must be a Uint8Array', header({ lane: 'ab'.repeat(16) }));
  typeError('signedBlock.block.payload.txs is a byte string, must be an array', payload({ txs: new Uint8Array(1) }));
  typeError('signedBlock.block.payload.txs[1] is undefined', payload({ txs: [new Uint8Array(1), undefined] }));
  typeError('signedBlock.block.payload.coinbase is null', payload({ coinbase: null }));
  typeError('signedBlock must be decoded from', () => autobahn.block.fromWire('00' as unknown as Uint8Array));
});

test('a body has only the fields of its type, and no undefined', () => {
  const good = autobahn.block.fromWire(block);
  const loose = {
    ...good,
    cached: 1,
    block: { ...good.block, payload: { ...good.block.payload, coinbase: undefined } },
  };
  const body = autobahn.block.toBody(loose as unknown as SignedBlock) as { block: { payload: object } };
  assert.equal(Object.keys(body), ['block', 'sig']);
  assert.equal(Object.keys(body.block.payload), ['createdAt', 'totalGas', 'edgeCount', 'basefee', 'txs']);
});

test('decoded values have plain byte strings, and memory of their own or of the body', () => {
  const wire = Buffer.from(block);
  const fromWire = autobahn.block.fromWire(wire);
  const before = autobahn.block.toWire(fromWire);
  wire.fill(0);
  assert.equal(autobahn.block.toWire(fromWire), before);
  const fromBody = autobahn.block.fromBody(throughCbor(autobahn.block.toBody(fromWire)));
  for (const { block: decoded, sig } of [fromWire, fromBody]) {
    const strings = [decoded.header.lane, decoded.header.parentHash, ...decoded.payload.txs, sig.key, sig.sig];
    for (const bytes of strings) assert.is(bytes.constructor, Uint8Array);
  }
});

test.run();
