/** The rules of the protocol at 73f917bbd that differ from those of 11419398f. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CborWriter } from '../../../src/cbor/writer.js';
import {
  autobahn,
  Committee,
  closesLane,
  codecs,
  Epochs,
  entryChecks,
  globalRange,
  laneOf,
  laneParts,
  type Payload,
  publicKeyOf,
  verifyAnchor,
  verifyAppProposal,
  verifyCommitQC,
  verifyLaneQC,
  verifySignedBlock,
} from '../../../src/model/autobahn/73f917bbd/index.js';
import { makeNewerNetwork } from '../../support/newer-network.js';
import { throughCbor } from '../cbor.js';
import { refuses } from '../refuses.js';

const test = suite('model of 73f917bbd');
const key = (i: number) => publicKeyOf(new Uint8Array(32).fill(i));
const lane = (i: number, joined = 0n) => laneOf({ key: key(i), joined });

test('a lane is the key and the epoch, ordered by key and then by epoch', () => {
  const parts = { key: key(1), joined: 2n ** 64n - 1n };
  assert.equal(laneParts(laneOf(parts)), parts);
  assert.is(Buffer.from(laneOf(parts)).toString('hex'), `${Buffer.from(key(1)).toString('hex')}ffffffffffffffff`);
  assert.ok(Buffer.compare(lane(1, 255n), lane(1, 256n)) < 0);
  refuses('LANESTORE_INVALID', 'a lane is', () => laneOf({ key: key(1), joined: 2n ** 64n }));
  refuses('LANESTORE_INVALID', 'a lane is', () => laneOf({ key: new Uint8Array(31), joined: 0n }));
});

test('the parts of a lane do not depend on the class of its bytes', () => {
  class Odd extends Uint8Array {
    override subarray(): never {
      throw new Error('not to be called');
    }
  }
  const parts = { key: key(1), joined: 7n };
  assert.equal(laneParts(new Odd(laneOf(parts))), parts);
});

test('quorums are by weight; validators without weight are left out; bounds hold', () => {
  const committee = new Committee([1n, 1n, 1n, 97n, 0n].map((weight, i) => ({ lane: lane(i + 1), weight })));
  assert.equal([committee.size, committee.weight, committee.quorum, committee.laneQuorum], [4, 100n, 67n, 34n]);
  assert.equal([committee.has(key(5)), committee.weightOf(key(4)), committee.weightOf(key(5))], [false, 97n, 0n]);
  assert.equal([committee.hasLane(lane(1)), committee.hasLane(lane(1, 1n))], [true, false]);
  const of = (count: number, weight: bigint) => Array.from({ length: count }, (_, i) => ({ lane: lane(i), weight }));
  refuses('LANESTORE_INVALID', 'a committee has at most 100', () => new Committee(of(101, 1n)));
  refuses('LANESTORE_INVALID', 'committee: the weights overflow', () => new Committee(of(2, 2n ** 63n)));
  assert.is(new Committee(of(1, 2n ** 64n - 1n)).quorum, 2n ** 64n - 1n - (2n ** 64n - 2n) / 3n);
  refuses('LANESTORE_INVALID', 'a committee needs', () => new Committee(of(3, 0n)));
  const twice = [lane(1), lane(1, 1n)].map((id) => ({ lane: id, weight: 1n }));
  refuses('LANESTORE_INVALID', /occurs twice/, () => new Committee(twice));
});

test('a vote of a small weight is no quorum, however many there are', () => {
  const net = makeNewerNetwork({ weights: [1n, 1n, 1n, 97n] });
  const epoch = net.epochs.at(0n);
  verifyCommitQC(net.commitQC(0n), epoch);
  refuses('LANESTORE_VERIFY', 'commitQC 0: has votes of weight 3, needs 67', () =>
    verifyCommitQC(net.commitQC(0n, { signers: [0, 1, 2] }), epoch),
  );
  const vote = net.block(0, 0n).block.header;
  verifyLaneQC(net.laneQC(vote, [3]), epoch.committee);
  refuses('LANESTORE_VERIFY', /has votes of weight 3, needs 34/, () =>
    verifyLaneQC(net.laneQC(vote, [0, 1, 2]), epoch.committee),
  );
});

test('a CommitQC of another epoch, a lane of another epoch, an AppQC of other blocks', () => {
  const net = makeNewerNetwork({ weights: [1n, 1n, 1n, 1n] });
  const { committee } = net.epochs.at(0n);
  const other = new Epochs([{ index: 1n, from: 0n, committee }]);
  refuses('LANESTORE_VERIFY', 'commitQC 3: is of epoch 0, not of 1', () =>
    verifyCommitQC(net.commitQC(3n), other.at(3n)),
  );
  const moved = new Committee(net.lanes.map((id) => ({ lane: laneOf({ ...laneParts(id), joined: 1n }), weight: 1n })));
  refuses('LANESTORE_VERIFY', /its lane is not one of the committee/, () => verifySignedBlock(net.block(0, 0n), moved));
  verifySignedBlock(net.block(0, 0n), committee);
  const anchor = net.anchor(5n);
  verifyAnchor(anchor, net.epochs.at(5n));
  const { first, next } = globalRange(anchor.commitQC.vote);
  assert.is(next - first, 4n);
  for (const wrong of [{ roadIndex: 4n }, { epochIndex: 1n }, { globalFirst: first + 1n }, { globalNext: next + 1n }]) {
    refuses('LANESTORE_VERIFY', 'appProposal', () =>
      verifyAppProposal({ ...anchor.appQC.vote, ...wrong }, anchor.commitQC),
    );
  }
});

test('an epoch closes the lanes of validators that joined earlier and left', () => {
  const committee = new Committee([{ lane: lane(1, 2n), weight: 1n }]);
  const epoch = { index: 2n, from: 0n, committee };
  const closed = [lane(1), lane(2, 1n), lane(1, 2n), lane(2, 2n), lane(2, 3n)].map((id) => closesLane(epoch, id));
  assert.equal(closed, [true, true, false, false, false]);
  const ascending = { index: 1n, from: 5n, committee };
  refuses('LANESTORE_INVALID', 'epoch 1 is listed after epoch 2', () => new Epochs([epoch, ascending]));
  refuses('LANESTORE_VERIFY', 'no committee is given for road index 4', () => new Epochs([ascending]).at(4n));
});

test('a payload has at most 2000 transactions of 2,048,000 bytes, in every encoding', () => {
  const createdAt = { seconds: 0n, nanos: 0 };
  const of = (count: number, bytes: number): Payload => {
    const txs = Array.from({ length: count }, () => new Uint8Array(bytes));
    return { createdAt, txs, totalGasWanted: 0n, totalGasEstimated: 0n };
  };
  const net = makeNewerNetwork({ weights: [1n] });
  const { block, sig } = net.block(0, 0n);
  for (const payload of [of(2000, 1024), of(1, 2_048_000)]) {
    codecs.payload.check(payload);
    const signed = { block: { ...block, payload }, sig };
    const to = new CborWriter();
    to.begin(0);
    codecs.signedBlock.writeBody!(to, signed);
    assert.equal(codecs.signedBlock.readBody!(to.end(0, 0)), signed);
  }
  for (const payload of [of(2001, 0), of(1, 2_048_001)]) {
    refuses('LANESTORE_INVALID', /transactions/, () => codecs.payload.check(payload));
    refuses('LANESTORE_INVALID', /transactions/, () => codecs.payload.fromBody(payload));
    const to = new CborWriter();
    to.begin(0);
    refuses('LANESTORE_INVALID', /transactions/, () =>
      codecs.signedBlock.writeBody!(to, { block: { ...block, payload }, sig }),
    );
  }
});

test('lanes start after the blocks of the anchor, and a body is what the compiled codec writes', () => {
  const net = makeNewerNetwork({ weights: [1n, 1n, 1n, 1n] });
  const qc = net.commitQC(7n);
  assert.equal(
    [...autobahn.commitQC.laneStarts(qc)].map(([, start]) => start),
    [8n, 8n, 8n, 8n],
  );
  const checks = entryChecks(net.epochs);
  for (const [codec, entry] of [
    [codecs.signedBlock, net.block(1, 3n)],
    [codecs.commitQC, qc],
    [codecs.pruneAnchor, net.anchor(7n)],
  ] as const) {
    const to = new CborWriter();
    to.begin(0);
    codec.writeBody!(to, entry as never);
    const body = to.end(0, 0);
    assert.equal(codec.readBody!(body), entry);
    assert.equal(codec.fromBody(throughCbor(codec.toBody(entry as never))), entry);
    assert.equal(codec.fromWire(codec.toWire(entry as never)), entry);
  }
  checks.block!(net.block(1, 3n), net.block(1, 2n), { first: 0n, next: 1n });
  checks.commitQC!(qc);
  checks.anchor!(net.anchor(7n));
});

test('votes: places, and what the inner state and the anchor tell', () => {
  const net = makeNewerNetwork({ weights: [1n, 1n, 1n, 1n] });
  const { votes } = autobahn;
  const app = net.anchor(5n).appQC.vote;
  assert.equal(votes.place({ kind: 'appVote', value: app }), { log: 'app', at: [5n], before: [], needs: 6n });
  const own = { part: 'own', lane: Buffer.from(net.lanes[0]!).toString('hex'), number: 2n };
  assert.equal(votes.place({ kind: 'laneProposal', value: net.block(0, 2n).block }), own as never);
  assert.ok(votes.isOwnLane(own.lane, laneParts(net.lanes[0]!).key));
  assert.not.ok(votes.isOwnLane(own.lane, laneParts(net.lanes[1]!).key));
  assert.is(votes.lanesRecur, false);
  const qc = net.commitQC(6n);
  const msg = net.commitQC(7n).vote;
  const sig = net.sign(2, { kind: 'commitVote', value: msg });
  const inner = codecs.persistedInner.toWire({ commitQC: qc, commitVote: { msg, sig } });
  const { signer, logs } = votes.history!(inner, net.anchor(5n));
  assert.equal(signer, laneParts(net.lanes[2]!).key);
  assert.equal(logs.get('app')?.floor, [5n]);
  assert.equal(logs.get('commit')?.watermark?.at, [7n, 0n]);
  assert.equal(logs.get('proposal')?.floor, [7n, 0n]);
  assert.equal(logs.get('prepare'), { watermark: undefined, floor: [6n, 2n ** 64n - 1n] });
  entryChecks(net.epochs).inner!(inner);
});

test.run();
