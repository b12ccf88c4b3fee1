/** Hashes of messages of any size, one after another: they share the memory of one writer. */
import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as schema from '../../src/model/autobahn/11419398f/schema.js';
import { encode } from '../../src/model/autobahn/codec.js';
import { codecs, messageHash, payloadHash, type SignedBlock } from '../../src/model/autobahn/index.js';
import { loadRounds, TRAFFIC } from '../support/fixtures.js';
import { refuses } from './refuses.js';

const test = suite('hashes');

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());

function anyBlock(): SignedBlock['block'] {
  const [wire] = loadRounds(TRAFFIC[0]).flatMap(({ blocks }) => blocks);
  return codecs.signedBlock.fromWire(wire as Uint8Array).block;
}

/** A message whose encoding has about `bytes` bytes, in transactions of at most 5000. */
function proposalOf(bytes: number) {
  const block = anyBlock();
  const txs: Uint8Array[] = [];
  for (let rest = bytes; rest > 0; rest -= 5000) txs.push(new Uint8Array(Math.min(rest, 5000)).fill(rest % 251));
  return { kind: 'laneProposal', value: { ...block, payload: { ...block.payload, txs } } } as const;
}

test('of messages around and beyond the size of the kept buffer, and of small ones after them', () => {
  const sizes = [0, 1, 127, 128, 16_000, 16_383, 16_384, 16_385, 17_000, 40_000, 3, 700_000, 5, 33_000, 0];
  for (const size of sizes) {
    const msg = proposalOf(size);
    assert.equal(messageHash(msg), sha256(encode(schema.msg, msg)), `${size} bytes`);
    assert.equal(payloadHash(msg.value.payload), sha256(encode(schema.payload, msg.value.payload)), `${size} bytes`);
  }
});

test('of a message with a getter that hashes another one', () => {
  const msg = proposalOf(3000);
  const expected = messageHash(msg);
  let inner: Uint8Array | undefined;
  const value = {
    header: msg.value.header,
    get payload() {
      inner = messageHash(proposalOf(20_000));
      return msg.value.payload;
    },
  };
  assert.equal(messageHash({ kind: 'laneProposal', value }), expected);
  assert.equal(inner, sha256(encode(schema.msg, proposalOf(20_000))));
});

/** A message whose payload is what `read` returns; `read` gets the number of the read. */
function changing(read: (times: number) => unknown) {
  const { header } = proposalOf(100).value;
  let times = 0;
  const value = {
    header,
    get payload() {
      return read(++times) as never;
    },
  };
  return { kind: 'laneProposal', value } as const;
}

test('after a message that could not be written', () => {
  const msg = proposalOf(100);
  const failing = changing(() => {
    throw new Error('gone');
  });
  assert.throws(() => messageHash(failing), /gone/);
  assert.throws(() => messageHash(changing(() => undefined)), /msg\.laneProposal\.payload is absent/);
  assert.equal(messageHash(msg), sha256(encode(schema.msg, msg)));
});

test('none of a message that changes while it is read', () => {
  const { payload } = proposalOf(100).value;
  const changed = 'a value changed while it was read';
  refuses('LANESTORE_INVALID', changed, () => messageHash(changing((times) => (times === 1 ? undefined : payload))));
  // Read to check it, for its size, and to write it.
  const late = changing((times) => (times < 3 ? payload : { ...payload, totalGas: -1n })).value;
  refuses('LANESTORE_INVALID', changed, () => codecs.block.toWire(late));
  const longer = changing((times) => (times < 3 ? payload : { ...payload, txs: [new Uint8Array(5000)] })).value;
  refuses('LANESTORE_INVALID', changed, () => codecs.block.toWire(longer));
});

test.run();
