/**
 * For any value: it round-trips, and buf's own protobuf implementation reads and writes the same
 * bytes. For any bytes: they are refused with an error code, or they equal the encoding of the
 * result.
 */
import { type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isLanestoreError } from '../../src/errors.js';
import * as pb from '../../src/model/autobahn/11419398f/autobahn_pb.js';
import { codecs } from '../../src/model/autobahn/index.js';
import type { EntryCodec } from '../../src/model/model.js';
import { arbitrary } from './arbitrary.js';
import { throughCbor } from './cbor.js';

const test = suite('properties');

/** Buf's descriptor for each codec. */
const DESCRIPTORS: Record<keyof typeof codecs, DescMessage> = {
  signedBlock: pb.SignedMsgSchema,
  commitQC: pb.CommitQCSchema,
  pruneAnchor: pb.PersistedAvailPruneAnchorSchema,
  block: pb.BlockSchema,
  blockHeader: pb.BlockHeaderSchema,
  payload: pb.PayloadSchema,
  proposal: pb.ProposalSchema,
  appProposal: pb.AppProposalSchema,
  timeoutVote: pb.TimeoutVoteSchema,
  laneQC: pb.LaneQCSchema,
  prepareQC: pb.PrepareQCSchema,
  fullCommitQC: pb.FullCommitQCSchema,
  appQC: pb.AppQCSchema,
  signedMsg: pb.SignedMsgSchema,
  persistedInner: pb.PersistedInnerSchema,
  persistedWrapper: pb.PersistedWrapperSchema,
};

const NAMES = Object.keys(codecs) as (keyof typeof codecs)[];

/**
 * True if `bytes` were accepted; then they must equal the encoding of the result, here and in buf's
 * implementation.
 */
function acceptedExactly(name: keyof typeof codecs, bytes: Uint8Array): boolean {
  const codec = codecs[name] as EntryCodec<object>;
  let value: object;
  try {
    value = codec.fromWire(bytes);
  } catch (error) {
    assert.ok(isLanestoreError(error, 'LANESTORE_INVALID'), `${error}`);
    return false;
  }
  assert.equal(codec.toWire(value), bytes);
  assert.ok(codec.isWireShaped!(bytes), 'accepted bytes have the shape of a message');
  assert.equal(toBinary(DESCRIPTORS[name], fromBinary(DESCRIPTORS[name], bytes)), bytes);
  return true;
}

for (const name of NAMES) {
  const codec = codecs[name] as EntryCodec<object>;
  const any = arbitrary[name] as fc.Arbitrary<object>;

  test(`${name}: round trip through protobuf and CBOR`, () => {
    fc.assert(
      fc.property(any, (value) => {
        codec.check(value);
        const wire = codec.toWire(value);
        assert.equal(codec.fromWire(wire), value);
        assert.equal(codec.fromBody(throughCbor(codec.toBody(value))), value);
        assert.ok(acceptedExactly(name, wire));
      }),
    );
  });

  test(`${name}: damaged bytes are refused, or are another value's`, () => {
    const damage = fc.record({ at: fc.nat(), bit: fc.integer({ min: 0, max: 7 }), cut: fc.boolean() });
    fc.assert(
      fc.property(any, damage, (value, { at, bit, cut }) => {
        const wire = codec.toWire(value);
        const place = at % (wire.length + 1);
        if (cut) acceptedExactly(name, wire.subarray(0, place));
        else
          acceptedExactly(
            name,
            wire.map((byte, i) => (i === place ? byte ^ (1 << bit) : byte)),
          );
        assert.not.ok(acceptedExactly(name, new Uint8Array([...wire, 0])));
      }),
    );
  });

  test(`${name}: any bytes and any body are refused or decode as above`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void acceptedExactly(name, bytes)));
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true }), (body) => {
        try {
          codec.fromBody(body);
        } catch (error) {
          assert.ok(isLanestoreError(error, 'LANESTORE_INVALID'), `${error}`);
        }
      }),
    );
  });
}

test('lengths up to 2^64 are refused without allocating, and nesting cannot go deep', () => {
  for (const length of ['ffffffffffffffffff01', 'ffffffff0f', 'ffffff7f']) {
    assert.not.ok(acceptedExactly('signedBlock', new Uint8Array(Buffer.from(`0a${length}0a`, 'hex'))));
  }
  // A lenient decoder that skips unknown fields would recurse into groups.
  assert.not.ok(acceptedExactly('signedBlock', new Uint8Array(1_000_000).fill(0x1b)));
  assert.not.ok(acceptedExactly('signedBlock', new Uint8Array(1_000_000).fill(0x0a)));
});

test.run();
