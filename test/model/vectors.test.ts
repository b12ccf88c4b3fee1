/** Hashes and signatures that the original computed (test/fixtures/vectors.json). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  codecs,
  headerHash,
  messageHash,
  payloadHash,
  type Signature,
  verifySignature,
} from '../../src/model/autobahn/index.js';
import type { EntryCodec } from '../../src/model/model.js';
import { loadVectors, type Vector } from '../support/fixtures.js';
import { throughCbor } from './cbor.js';

const test = suite('vectors of the original');
const vectors = loadVectors();

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function read({ type, protobuf }: Vector): { codec: EntryCodec<object>; hash: Uint8Array; sig?: Signature } {
  switch (type) {
    case 'BlockHeader':
      return { codec: codecs.blockHeader, hash: headerHash(codecs.blockHeader.fromWire(protobuf)) };
    case 'Payload':
      return { codec: codecs.payload, hash: payloadHash(codecs.payload.fromWire(protobuf)) };
    case 'SignedMsg': {
      const { msg, sig } = codecs.signedMsg.fromWire(protobuf);
      return { codec: codecs.signedMsg, hash: messageHash(msg), sig };
    }
  }
}

test('there are 26 vectors, of every kind of message', () => {
  assert.is(vectors.length, 26);
  const signed = vectors.filter(({ type }) => type === 'SignedMsg');
  assert.is(new Set(signed.map(({ protobuf }) => codecs.signedMsg.fromWire(protobuf).msg.kind)).size, 7);
});

for (const vector of vectors) {
  test(`${vector.name}: hash`, () => {
    assert.is(hex(read(vector).hash), vector.hash);
  });

  test(`${vector.name}: protobuf -> model -> CBOR -> model -> protobuf`, () => {
    const { codec } = read(vector);
    const value = codec.fromWire(vector.protobuf);
    const again = codec.fromBody(throughCbor(codec.toBody(value)));
    assert.equal(again, value);
    assert.equal(codec.toWire(again), vector.protobuf);
  });

  if (vector.signature !== undefined) {
    test(`${vector.name}: signature`, () => {
      const { sig, hash } = read(vector) as { sig: Signature; hash: Uint8Array };
      assert.is(hex(sig.key), vector.publicKey);
      assert.is(hex(sig.sig), vector.signature);
      assert.ok(verifySignature(sig, hash));
      for (const flipped of [0, 31, 32, 63]) {
        const wrong = Uint8Array.from(sig.sig, (byte, i) => (i === flipped ? byte ^ 1 : byte));
        assert.not.ok(verifySignature({ ...sig, sig: wrong }, hash), `byte ${flipped} of the signature`);
      }
      assert.not.ok(verifySignature(sig, Uint8Array.from(hash).reverse()), 'another hash');
    });
  }
}

test('a signature on one kind of message is invalid for another kind with the same content', () => {
  const vote = vectors.find(({ name }) => name === 'commit vote 0') as Vector;
  const { msg, sig } = codecs.signedMsg.fromWire(vote.protobuf);
  assert.is(msg.kind, 'commitVote');
  if (msg.kind !== 'commitVote') return;
  assert.ok(verifySignature(sig, messageHash(msg)));
  assert.not.ok(verifySignature(sig, messageHash({ kind: 'prepareVote', value: msg.value })));
  assert.not.ok(verifySignature(sig, messageHash({ kind: 'proposal', value: msg.value })));
});

test('an absent coinbase and an empty one are different, everywhere', () => {
  const vector = vectors.find(({ name }) => name === 'payload 0') as Vector;
  const { coinbase: _, ...absent } = codecs.payload.fromWire(vector.protobuf);
  const empty = { ...absent, coinbase: new Uint8Array(0) };
  assert.not.equal(payloadHash(absent), payloadHash(empty));
  for (const value of [absent, empty]) {
    assert.equal(codecs.payload.fromBody(throughCbor(codecs.payload.toBody(value))), value);
    assert.equal(codecs.payload.fromWire(codecs.payload.toWire(value)), value);
  }
  assert.not('coinbase' in codecs.payload.toBody(absent));
});

test.run();
