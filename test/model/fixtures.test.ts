/**
 * Everything that the original stored: decoded, encoded to the same bytes, hashed alike, and
 * verified.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { laneBytes } from '../../src/keys/index.js';
import {
  autobahn,
  type CommitQC,
  Committee,
  codecs,
  globalRange,
  headerHash,
  messageHash,
  type PruneAnchor,
  payloadHash,
  type SignedBlock,
  verifyAnchor,
  verifyChain,
  verifyCommitQC,
  verifyOrdered,
  verifySignedBlock,
} from '../../src/model/autobahn/index.js';
import type { EntryCodec } from '../../src/model/model.js';
import {
  type ExpectedBlock,
  type ExpectedCommitQC,
  fixture,
  loadExpected,
  loadRounds,
  TRAFFIC,
  type WireRound,
} from '../support/fixtures.js';
import { throughCbor } from './cbor.js';

const test = suite('fixtures of the original');

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const anchorsOf = (rounds: WireRound[]): Uint8Array[] => rounds.flatMap(({ anchor }) => anchor ?? []);
const commitQCsOf = (rounds: WireRound[]): Uint8Array[] => rounds.flatMap(({ commitQCs }) => commitQCs);
const blocksOf = (rounds: WireRound[]): Uint8Array[] => rounds.flatMap(({ blocks }) => blocks);

function sameBytesBack<T>(codec: EntryCodec<T>, wire: Uint8Array): void {
  const value = codec.fromWire(wire);
  codec.check(value);
  const again = codec.fromBody(throughCbor(codec.toBody(value)));
  assert.equal(codec.toWire(again), wire);
}

for (const name of TRAFFIC) {
  test(`${name}: every record, protobuf -> model -> CBOR -> model -> protobuf`, () => {
    const rounds = loadRounds(name);
    assert.ok(blocksOf(rounds).length > 30);
    for (const wire of anchorsOf(rounds)) sameBytesBack(autobahn.anchor, wire);
    for (const wire of commitQCsOf(rounds)) sameBytesBack(autobahn.commitQC, wire);
    for (const wire of blocksOf(rounds)) sameBytesBack(autobahn.block, wire);
  });
}

const MANIFESTS = [
  ['wal', 'expected.json'],
  ['wal-quiet-lane', 'expected.json'],
  ['wal-no-anchor', 'expected.json'],
  ['wal-crash-after-anchor', 'expected.json'],
  ['wal-crash-after-anchor', 'expected-after-start.json'],
] as const;

for (const [name, file] of MANIFESTS) {
  test(`${name}/${file}: hashes, numbers and accessors`, () => {
    const rounds = loadRounds(name);
    const expected = loadExpected(name, file);
    const bySha = new Map(
      [...anchorsOf(rounds), ...commitQCsOf(rounds), ...blocksOf(rounds)].map((b) => [sha256(b), b]),
    );
    const wireOf = (sha: string): Uint8Array => bySha.get(sha) ?? anchorCommitQC(rounds, sha);
    for (const qc of expected.commitQCs)
      assert.equal(commitQCManifest(wireOf(qc.recordSha256), expected.committee), qc);
    for (const block of Object.values(expected.lanes).flat()) {
      assert.equal(blockManifest(wireOf(block.recordSha256)), block);
    }
    const { anchor } = expected;
    if (anchor === null) return;
    const { appQC, commitQC } = autobahn.anchor.fromWire(wireOf(anchor.recordSha256));
    assert.is(appQC.vote.roadIndex, BigInt(anchor.appRoadIndex));
    assert.is(appQC.vote.globalNumber, BigInt(anchor.appGlobalNumber));
    assert.is(hex(appQC.vote.appHash as Uint8Array), anchor.appHash);
    assert.is(autobahn.anchor.index({ appQC, commitQC }), BigInt(anchor.appRoadIndex));
    assert.is(autobahn.commitQC.index(commitQC), BigInt(anchor.commitRoadIndex));
  });
}

/**
 * At start the original stores the CommitQC of an anchor; in the recorded traffic it is inside of
 * the anchor.
 */
function anchorCommitQC(rounds: WireRound[], sha: string): Uint8Array {
  const inside = anchorsOf(rounds).map((wire) => codecs.commitQC.toWire(autobahn.anchor.fromWire(wire).commitQC));
  const found = inside.find((wire) => sha256(wire) === sha);
  assert.ok(found, `no record ${sha} in the traffic`);
  return found as Uint8Array;
}

function blockManifest(wire: Uint8Array): ExpectedBlock {
  const signed = autobahn.block.fromWire(wire);
  const { header, payload } = signed.block;
  const { seconds, nanos } = payload.createdAt;
  assert.equal(payloadHash(payload), header.payloadHash);
  return {
    lane: autobahn.block.lane(signed),
    number: String(autobahn.block.number(signed)),
    headerHash: hex(headerHash(header)),
    parentHash: hex(header.parentHash),
    payloadHash: hex(header.payloadHash),
    messageHash: hex(messageHash({ kind: 'laneProposal', value: signed.block })),
    signer: hex(signed.sig.key),
    txs: payload.txs.length,
    createdAt: new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/, `.${String(nanos).padStart(9, '0')}Z`),
    recordSha256: sha256(wire),
    recordBytes: wire.length,
  };
}

function commitQCManifest(wire: Uint8Array, committee: readonly string[]): ExpectedCommitQC {
  const qc = autobahn.commitQC.fromWire(wire);
  const { vote } = qc;
  const { first, next } = globalRange(vote);
  const starts = new Map(autobahn.commitQC.laneStarts(qc));
  const ranges = new Map(vote.laneRanges.map((range) => [hex(range.lane), range]));
  const zeros = '0'.repeat(64);
  return {
    roadIndex: String(autobahn.commitQC.index(qc)),
    viewNumber: String(vote.view.number),
    voteHash: hex(messageHash({ kind: 'commitVote', value: vote })),
    signatures: qc.sigs.length,
    globalRange: [String(first), String(next)],
    laneRanges: committee.map((lane) => ({
      lane,
      first: String(starts.get(lane) ?? 0n),
      next: String(ranges.get(lane)?.next ?? 0n),
      lastHash: hex(ranges.get(lane)?.lastHash ?? Buffer.from(zeros, 'hex')),
    })),
    app:
      vote.app === undefined
        ? null
        : {
            appHash: hex(vote.app.appHash as Uint8Array),
            globalNumber: String(vote.app.globalNumber),
            roadIndex: String(vote.app.roadIndex),
          },
    recordSha256: sha256(wire),
    recordBytes: wire.length,
  };
}

interface Decoded {
  readonly committee: Committee;
  readonly anchors: PruneAnchor[];
  readonly commitQCs: CommitQC[];
  readonly blocks: SignedBlock[];
}

function decode(name: string): Decoded {
  const rounds = loadRounds(name);
  return {
    committee: new Committee(loadExpected(name).committee.map(laneBytes)),
    anchors: anchorsOf(rounds).map(autobahn.anchor.fromWire),
    commitQCs: commitQCsOf(rounds).map(autobahn.commitQC.fromWire),
    blocks: blocksOf(rounds).map(autobahn.block.fromWire),
  };
}

test('wal: the A/B files hold the last two anchors, the second one newer', () => {
  const read = (file: string) => codecs.persistedWrapper.fromWire(readFileSync(fixture('wal', 'state', file)));
  const wrappers = [read('avail_inner_a.pb'), read('avail_inner_b.pb')].sort((a, b) => Number(a.seq - b.seq));
  const anchors = wrappers.map(({ data }) => sha256(data));
  assert.is(anchors[1], loadExpected('wal').anchor?.recordSha256);
  assert.equal(anchors, anchorsOf(loadRounds('wal')).slice(-2).map(sha256));
});

test('wal: every signature, hash and parent is valid', () => {
  const { committee, anchors, commitQCs, blocks } = decode('wal');
  for (const anchor of anchors) verifyAnchor(anchor, committee);
  for (const qc of commitQCs) verifyCommitQC(qc, committee);
  const lanes = new Map<string, SignedBlock[]>();
  for (const block of blocks) {
    verifySignedBlock(block, committee);
    const lane = autobahn.block.lane(block);
    lanes.set(lane, [...(lanes.get(lane) ?? []), block]);
  }
  for (const lane of lanes.values()) verifyChain(lane);
  let named = 0;
  for (const qc of commitQCs) {
    for (const { block } of blocks) {
      verifyOrdered(block.header, qc);
      if (qc.vote.laneRanges.some(({ lastHash }) => Buffer.compare(lastHash, headerHash(block.header)) === 0)) named++;
    }
  }
  assert.ok(named > 100, `CommitQCs name ${named} blocks by hash`);
});

test('the other state directories: anchors and CommitQCs are valid, including lanes that a CommitQC omits', () => {
  for (const name of ['wal-quiet-lane', 'wal-crash-after-anchor'] as const) {
    const { committee, anchors, commitQCs } = decode(name);
    for (const anchor of anchors.slice(-3)) verifyAnchor(anchor, committee);
    for (const qc of commitQCs.slice(-3)) verifyCommitQC(qc, committee);
  }
});

test.run();
