/** The checks of the demo find errors: a demo that cannot fail shows nothing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkAcknowledged, checkComplete, checkSignatures, impliedBy } from '../../src/cli/demo-checks.js';
import { acknowledgements } from '../../src/cli/demo-child.js';
import type { RecordedRound } from '../../src/cli/rounds-file.js';
import { autobahn, type SignedBlock } from '../../src/index.js';
import { manifestOf } from '../../src/inspector/index.js';
import { loadExpected, loadRounds } from '../support/fixtures.js';

const test = suite('demo checks');

const rounds: RecordedRound[] = loadRounds('wal').map((round) => ({
  ...(round.anchor === undefined ? {} : { anchor: autobahn.anchor.fromWire(round.anchor) }),
  commitQCs: round.commitQCs.map((qc) => autobahn.commitQC.fromWire(qc)),
  blocks: round.blocks.map((block) => autobahn.block.fromWire(block)),
}));

function mutateFirstBlock(change: (block: SignedBlock) => SignedBlock | undefined) {
  const content = impliedBy(rounds);
  const blocks = new Map(content.blocks);
  const [lane, list] = [...blocks][0] ?? ['', []];
  const [first, ...rest] = list;
  const changed = first === undefined ? undefined : change(first);
  blocks.set(lane, changed === undefined ? rest : [changed, ...rest]);
  return { ...content, blocks };
}

test('the content computed from the recording equals what the original loads', () => {
  assert.equal(manifestOf(impliedBy(rounds)), loadExpected('wal'));
});

test('equal content passes, a missing or a changed block does not', () => {
  assert.equal(checkComplete(impliedBy(rounds), impliedBy(rounds)), []);
  assert.ok(
    checkComplete(
      impliedBy(rounds),
      mutateFirstBlock(() => undefined),
    ).length > 0,
  );
  const flipped = mutateFirstBlock((block) => ({
    ...block,
    sig: { ...block.sig, sig: block.sig.sig.map((b, i) => (i === 5 ? b ^ 1 : b)) },
  }));
  assert.is(checkComplete(impliedBy(rounds), flipped).length, 1);
  assert.is(checkSignatures(flipped).problems.length, 1);
});

test('all signatures of the content are counted and verified', () => {
  const content = impliedBy(rounds);
  const { problems, signatures } = checkSignatures(content);
  assert.equal(problems, []);
  const expected = loadExpected('wal');
  const blocks = Object.values(expected.lanes).flat().length;
  const inQCs = expected.commitQCs.reduce((sum, qc) => sum + qc.signatures, 0);
  const inAnchor = (content.anchor?.appQC.sigs.length ?? 0) + (content.anchor?.commitQC.sigs.length ?? 0);
  assert.is(signatures, blocks + inQCs + inAnchor);
});

test('a missing acknowledged entry is reported; a round in flight may be stored or not, but only whole', () => {
  const acked = { ...acknowledgements(), durable: new Set([1, 2, 3]), commitQCs: new Set([0n, 1n, 2n]) };
  assert.equal(checkAcknowledged(rounds, impliedBy(rounds.slice(0, 3)), acked), { problems: [], survived: 3 });
  assert.equal(checkAcknowledged(rounds, impliedBy(rounds.slice(0, 5)), acked), { problems: [], survived: 5 });
  assert.ok(checkAcknowledged(rounds, impliedBy(rounds.slice(0, 2)), acked).problems.length >= 2);
  const half = { ...impliedBy(rounds.slice(0, 4)), commitQCs: impliedBy(rounds.slice(0, 3)).commitQCs };
  assert.is(checkAcknowledged(rounds, half, acked).problems.length, 1);
});

test('any number of rounds may be acknowledged', () => {
  const many = new Array<RecordedRound>(200_000).fill({ commitQCs: [], blocks: [] });
  const acked = { ...acknowledgements(), durable: new Set(many.keys()) };
  const found = impliedBy([]);
  assert.equal(checkAcknowledged(many, found, acked), { problems: [], survived: many.length - 1 });
});

test.run();
