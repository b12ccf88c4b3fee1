/** Hashes that the original at 73f917bbd computed (test/fixtures/head/vectors.json). */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  codecs,
  headerHash,
  laneOf,
  laneParts,
  messageHash,
  payloadHash,
  verifyPayload,
  verifySignature,
} from '../../../src/model/autobahn/73f917bbd/index.js';
import type { EntryCodec } from '../../../src/model/model.js';
import { fixture } from '../../support/fixtures.js';
import { throughCbor } from '../cbor.js';

const test = suite('vectors of the original at 73f917bbd');

interface Vector {
  readonly name: string;
  readonly type: string;
  readonly proto: string;
  readonly dir?: string;
  readonly [hash: string]: string | undefined;
}

const vectors: readonly Vector[] = JSON.parse(readFileSync(fixture('head', 'vectors.json'), 'utf8'));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The codec of each type, and the hashes that its vectors have. */
const TYPES: Readonly<Record<string, readonly [EntryCodec<never>, (wire: Uint8Array) => Record<string, Uint8Array>]>> =
  {
    SignedBlock: [
      codecs.signedBlock as never,
      (wire) => {
        const { block, sig } = codecs.signedBlock.fromWire(wire);
        verifyPayload(block);
        const message = messageHash({ kind: 'laneProposal', value: block });
        assert.ok(verifySignature(sig, message));
        assert.equal(sig.key, laneParts(block.header.lane).key);
        return {
          headerHash: headerHash(block.header),
          payloadHash: payloadHash(block.payload),
          lane: block.header.lane,
          messageHash: message,
        };
      },
    ],
    BlockHeader: [codecs.blockHeader as never, (wire) => ({ hash: headerHash(codecs.blockHeader.fromWire(wire)) })],
    Payload: [codecs.payload as never, (wire) => ({ hash: payloadHash(codecs.payload.fromWire(wire)) })],
    SignedBlockHeader: [
      codecs.signedBlockHeader as never,
      (wire) => {
        const { msg, sig } = codecs.signedBlockHeader.fromWire(wire);
        const hash = messageHash({ kind: 'laneVote', value: msg });
        assert.ok(verifySignature(sig, hash));
        return { messageHash: hash };
      },
    ],
    CommitQC: [
      codecs.commitQC as never,
      (wire) => {
        const { vote, sigs } = codecs.commitQC.fromWire(wire);
        const hash = messageHash({ kind: 'commitVote', value: vote });
        assert.ok(sigs.length > 0 && sigs.every((sig) => verifySignature(sig, hash)));
        return { voteHash: hash };
      },
    ],
    FullCommitQC: [codecs.fullCommitQC as never, () => ({})],
    AppProposal: [
      codecs.appProposal as never,
      (wire) => ({ voteHash: messageHash({ kind: 'appVote', value: codecs.appProposal.fromWire(wire) }) }),
    ],
    AppQC: [
      codecs.appQC as never,
      (wire) => {
        const { vote, sigs } = codecs.appQC.fromWire(wire);
        const hash = messageHash({ kind: 'appVote', value: vote });
        assert.ok(sigs.length > 0 && sigs.every((sig) => verifySignature(sig, hash)));
        return {};
      },
    ],
    LaneID: [codecs.lane as never, (wire) => ({ dir: laneOf(codecs.lane.fromWire(wire)) })],
  };

test('there are 37 vectors, of nine types', () => {
  assert.is(vectors.length, 37);
  assert.equal([...new Set(vectors.map(({ type }) => type))].sort(), Object.keys(TYPES).sort());
});

for (const [i, { name, type, proto, ...hashes }] of vectors.entries()) {
  test(`${i}, ${name}: protobuf -> model -> CBOR -> model -> protobuf, and its hashes`, () => {
    const wire = new Uint8Array(Buffer.from(proto, 'hex'));
    const [codec, hashesOf] = TYPES[type]!;
    const value = codec.fromWire(wire);
    const again = codec.fromBody(throughCbor(codec.toBody(value)));
    assert.equal(again, value);
    assert.equal(codec.toWire(again), wire);
    for (const [what, hash] of Object.entries(hashesOf(wire))) assert.is(hex(hash), hashes[what], what);
  });
}

test.run();
