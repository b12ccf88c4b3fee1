/** Invalid entries are refused, and the message names the reason and the place. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type BlockHeader,
  type CommitQC,
  Committee,
  headerHash,
  type LaneRange,
  type Msg,
  type PruneAnchor,
  payloadHash,
  type Signature,
  type SignedBlock,
  sign,
  signBlock,
  verifyAnchor,
  verifyAppQC,
  verifyChain,
  verifyCommitQC,
  verifyFullCommitQC,
  verifyLaneQC,
  verifyOrdered,
  verifyPrepareQC,
  verifySignature,
  verifySignedBlock,
} from '../../src/model/autobahn/index.js';
import { makeNetwork } from '../support/network.js';
import { refuses } from './refuses.js';

const test = suite('verification');

const network = makeNetwork({ validators: 4 });
const { committee } = network;
const stranger = makeNetwork({ validators: 4, seed: 2 });
const blocks = [0, 0, 0, 1, 1, 2].map((lane) => network.block(lane, { payloadBytes: 100 }));
const [first, second, third] = blocks as [SignedBlock, SignedBlock, SignedBlock];
const qc = network.commitQC();
const anchor = network.anchor(qc);
const emptyQC = network.commitQC();
const lane0 = network.laneIds[0] as string;

const flip = (bytes: Uint8Array, at = 0): Uint8Array =>
  Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 1 : byte));
const header = (signed: SignedBlock, change: Partial<BlockHeader>): SignedBlock => ({
  ...signed,
  block: { ...signed.block, header: { ...signed.block.header, ...change } },
});
const resign = (sigs: readonly Signature[], at: number, change: Partial<Signature>): Signature[] =>
  sigs.map((sig, i) => (i === at ? { ...sig, ...change } : sig));

/** `qc` with other lane ranges and no valid signature: the ranges are checked first. */
const ranges = (change: (range: LaneRange) => Partial<LaneRange>): CommitQC => ({
  ...qc,
  vote: {
    ...qc.vote,
    laneRanges: qc.vote.laneRanges.map((range, i) => (i === 0 ? { ...range, ...change(range) } : range)),
  },
});

test('everything that an honest network makes is valid', () => {
  for (const block of blocks) verifySignedBlock(block, committee);
  verifyChain(blocks.slice(0, 3));
  verifyChain(blocks.slice(1, 3), first.block.header);
  verifyChain([]);
  verifyCommitQC(qc, committee);
  verifyCommitQC(emptyQC, committee);
  verifyAnchor(anchor, committee);
  verifyCommitQC({ ...qc, sigs: [...qc.sigs].reverse().slice(0, 3) }, committee);
});

test('a signed block', () => {
  const at = `lane ${lane0}, block 0: `;
  const verify = (block: SignedBlock) => () => verifySignedBlock(block, committee);
  refuses('LANESTORE_VERIFY', `${at}its lane is not one of the committee`, () => {
    verifySignedBlock(first, stranger.committee);
  });
  refuses('LANESTORE_VERIFY', /: its lane is not one/, verify(header(first, { lane: flip(first.block.header.lane) })));
  refuses('LANESTORE_VERIFY', `${at}payload hash is `, verify(header(first, { payloadHash: new Uint8Array(32) })));
  refuses('LANESTORE_VERIFY', `${at}payload hash is `, () => {
    const payload = { ...first.block.payload, basefee: -1n };
    verifySignedBlock({ ...first, block: { ...first.block, payload } }, committee);
  });
  refuses(
    'LANESTORE_VERIFY',
    `${at}the signature of `,
    verify(header(first, { parentHash: flip(new Uint8Array(32)) })),
  );
  for (const i of [0, 33, 63]) {
    const sig = { ...first.sig, sig: flip(first.sig.sig, i) };
    refuses('LANESTORE_VERIFY', `${at}the signature of ${lane0}`, verify({ ...first, sig }));
  }
  const otherSig = blocks[3]?.sig as Signature;
  refuses('LANESTORE_VERIFY', `${at}signed by ${network.laneIds[1]}, not by`, verify({ ...first, sig: otherSig }));
});

test('a chain', () => {
  const at = (number: number): string => `lane ${lane0}, block ${number}: `;
  refuses('LANESTORE_VERIFY', `${at(2)}does not follow block 0`, () => verifyChain([first, third]));
  refuses('LANESTORE_VERIFY', `${at(0)}does not follow block 0`, () => verifyChain([first, first]));
  refuses('LANESTORE_VERIFY', `${at(1)}parent hash is `, () => {
    verifyChain([first, header(second, { parentHash: new Uint8Array(32) })]);
  });
  refuses('LANESTORE_VERIFY', `${at(1)}parent hash is `, () => {
    verifyChain([second], { ...first.block.header, payloadHash: new Uint8Array(32) });
  });
  refuses('LANESTORE_VERIFY', /its parent is of lane/, () =>
    verifyChain([blocks[2] as SignedBlock, blocks[3] as SignedBlock]),
  );
});

test('the signatures of a QC', () => {
  const verify = (sigs: Signature[]) => () => verifyCommitQC({ ...qc, sigs }, committee);
  const [a, b, c] = qc.sigs as [Signature, Signature, Signature];
  refuses('LANESTORE_VERIFY', 'commitQC 0: has 2 signatures, needs 3', verify([a, b]));
  refuses('LANESTORE_VERIFY', 'commitQC 0: has 0 signatures', verify([]));
  refuses('LANESTORE_VERIFY', `commitQC 0: sigs[2]: ${lane0} signed twice`, verify([a, b, a]));
  refuses('LANESTORE_VERIFY', 'commitQC 0: sigs[1]: the signature of', verify(resign(qc.sigs, 1, { sig: a.sig })));
  refuses(
    'LANESTORE_VERIFY',
    /^commitQC 0: sigs\[3\]: \w+ is not a validator/,
    verify([a, b, c, stranger.commitQC().sigs[0] as Signature]),
  );
  refuses(
    'LANESTORE_VERIFY',
    'commitQC 0: sigs[3]: the signature of',
    verify(resign(qc.sigs, 3, { sig: new Uint8Array(64) })),
  );
  refuses('LANESTORE_VERIFY', 'commitQC 0: sigs[0]: the signature of', () => {
    verifyCommitQC({ ...qc, vote: { ...qc.vote, view: { index: 0n, number: 1n } } }, committee);
  });
});

test('the lane ranges of a CommitQC', () => {
  const at = `commitQC 0: lane ${lane0}: `;
  refuses('LANESTORE_VERIFY', `${at}range [4, 3) is inverted`, () =>
    verifyCommitQC(
      ranges(() => ({ first: 4n })),
      committee,
    ),
  );
  refuses('LANESTORE_VERIFY', `${at}range is empty, but`, () =>
    verifyCommitQC(
      ranges(() => ({ first: 3n })),
      committee,
    ),
  );
  refuses('LANESTORE_VERIFY', /: is not one of the committee/, () => {
    verifyCommitQC(
      ranges(() => ({ lane: new Uint8Array(32) })),
      committee,
    );
  });
  refuses('LANESTORE_INVALID', 'commitQC.vote.laneRanges[1].lane is not above', () => {
    verifyCommitQC(
      ranges(() => ({ lane: new Uint8Array(32).fill(255) })),
      committee,
    );
  });
});

test('an AppQC and its anchor', () => {
  const app = (change: object, sigs = anchor.appQC.sigs): PruneAnchor => ({
    ...anchor,
    appQC: { vote: { ...anchor.appQC.vote, ...change }, sigs },
  });
  const verify = (wrong: PruneAnchor) => () => verifyAnchor(wrong, committee);
  refuses('LANESTORE_VERIFY', 'appQC 1: does not belong to commitQC 0', verify(app({ roadIndex: 1n })));
  refuses('LANESTORE_VERIFY', 'appQC 0: global number 6 is not in [0, 6)', verify(app({ globalNumber: 6n })));
  refuses('LANESTORE_VERIFY', 'appQC 0: sigs[0]: the signature of', verify(app({ globalNumber: 0n })));
  refuses('LANESTORE_VERIFY', 'appQC 0: has 2 signatures, needs 3', verify(app({}, anchor.appQC.sigs.slice(2))));
  refuses('LANESTORE_VERIFY', 'commitQC 0: has 0', verify({ ...anchor, commitQC: { ...qc, sigs: [] } }));
  refuses('LANESTORE_VERIFY', /^appQC 0: does not belong to commitQC 1/, () =>
    verifyAppQC(anchor.appQC, emptyQC, committee),
  );
});

// Messages that the network does not make: signed by validators of a separate committee.
const secrets = [1, 2, 3, 4].map((byte) => new Uint8Array(32).fill(byte));
const signAll = (msg: Msg, count: number): Signature[] => secrets.slice(0, count).map((secret) => sign(secret, msg));
const own = new Committee(signAll({ kind: 'laneVote', value: first.block.header }, 4).map(({ key }) => key));
const ownLane = own.keys[0] as Uint8Array;

test('a LaneQC takes f+1 votes', () => {
  const vote = { ...first.block.header, lane: ownLane };
  const sigs = signAll({ kind: 'laneVote', value: vote }, 2);
  verifyLaneQC({ vote, sigs }, own);
  refuses('LANESTORE_VERIFY', /^laneQC of .*: has 1 signatures, needs 2/, () =>
    verifyLaneQC({ vote, sigs: sigs.slice(1) }, own),
  );
  refuses('LANESTORE_VERIFY', /its lane is not one of the committee/, () => verifyLaneQC({ vote, sigs }, committee));
});

test('a PrepareQC is no CommitQC', () => {
  const vote = { ...qc.vote, laneRanges: [] };
  const sigs = signAll({ kind: 'prepareVote', value: vote }, 3);
  verifyPrepareQC({ vote, sigs }, own);
  refuses('LANESTORE_VERIFY', 'commitQC 0: sigs[0]: the signature of', () => verifyCommitQC({ vote, sigs }, own));
});

test('a FullCommitQC has the headers that its CommitQC orders', () => {
  const headers = blocks.map(({ block }) => block.header);
  verifyFullCommitQC({ qc, headers }, committee);
  verifyFullCommitQC({ qc: emptyQC, headers: [] }, committee);
  const verify = (wrong: BlockHeader[]) => () => verifyFullCommitQC({ qc, headers: wrong }, committee);
  refuses('LANESTORE_VERIFY', 'full commitQC 0: has 5 headers, must have 6', verify(headers.slice(1)));
  refuses(
    'LANESTORE_VERIFY',
    `full commitQC 0: lane ${lane0}, block 2: the header there is of`,
    verify([...headers].reverse()),
  );
  for (const i of [0, 1, 2]) {
    const wrong = headers.map((original, j) =>
      i === j ? { ...original, payloadHash: flip(original.payloadHash) } : original,
    );
    refuses('LANESTORE_VERIFY', `full commitQC 0: lane ${lane0}, block ${i}: header hash is`, verify(wrong));
  }
});

test('a block against a CommitQC that names it', () => {
  for (const { block } of blocks) verifyOrdered(block.header, qc);
  verifyOrdered(third.block.header, emptyQC);
  const forged = { ...third.block.header, payloadHash: new Uint8Array(32) };
  refuses('LANESTORE_VERIFY', `lane ${lane0}, block 2: header hash is`, () => verifyOrdered(forged, qc));
});

test('malformed values are LANESTORE_INVALID, wrong types a TypeError', () => {
  refuses('LANESTORE_INVALID', 'signedBlock.sig.sig is 63 bytes', () => {
    verifySignedBlock({ ...first, sig: { ...first.sig, sig: new Uint8Array(63) } }, committee);
  });
  refuses('LANESTORE_INVALID', 'header.parentHash is 3 bytes', () => {
    headerHash({ ...first.block.header, parentHash: new Uint8Array(3) });
  });
  refuses('LANESTORE_INVALID', 'secret is 64 bytes', () => signBlock(new Uint8Array(64), first.block));
  refuses('LANESTORE_INVALID', 'hash is 0 bytes', () => verifySignature(first.sig, new Uint8Array(0)));
  assert.throws(
    () => payloadHash({ ...first.block.payload, totalGas: 1 as unknown as bigint }),
    (error: unknown) =>
      error instanceof TypeError && error.message === 'payload.totalGas is a number, must be a bigint',
  );
});

test('a signed block verifies', () => {
  const block = { ...first.block, header: { ...first.block.header, lane: ownLane } };
  const secret = secrets.find(
    (candidate) => Buffer.compare(signBlock(candidate, block).sig.key, ownLane) === 0,
  ) as Uint8Array;
  verifySignedBlock(signBlock(secret, block), own);
});

test.run();
