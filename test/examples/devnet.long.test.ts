/**
 * The devnet: violations that its checker detects, and whole runs with real processes that are
 * killed with SIGKILL.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Record } from '../../examples/devnet/rules.js';
import { headerHash } from '../../src/index.js';
import { codecs, type Msg } from '../../src/model/autobahn/index.js';
import { patchedBuild } from '../faults/weakened.js';
import { WEAKENED_GUARDS } from '../guard/weakened.js';
import { runWorker } from '../support/kill.js';
import { makeNetwork } from '../support/network.js';
import { playRestores, WEAK_RESTORES } from './restores.js';

const MAIN = new URL('../../examples/devnet/main.js', import.meta.url);

const rules = suite('devnet: rules');
const net = makeNetwork({ validators: 4, signed: false });
const otherNetwork = makeNetwork({ validators: 4, signed: false });
otherNetwork.block(0, { payloadBytes: 9 });
const block = net.block(0);
const next = net.block(0);
const qc = net.commitQC();
/** Another block of the same signer under the same number. */
const twin = {
  ...block,
  block: { ...block.block, header: { ...block.block.header, payloadHash: new Uint8Array(32) } },
};
const hashOf = ({ block: { header } }: typeof block) => Buffer.from(headerHash(header)).toString('hex');

const blockWire = (signed: typeof block) => ({ kind: 'block', bytes: codecs.signedBlock.toWire(signed) }) as const;
const vote = (place: number, msg: Msg) =>
  ({ kind: 'vote', bytes: codecs.signedMsg.toWire(net.signedBy(place, msg)) }) as const;
const laneVote = (place: number, { block: { header } }: typeof block) =>
  vote(place, { kind: 'laneVote', value: header });
const EMPTY = { first: 0n, hashes: [] };
const holding = (hashes: string[], first = 0n) => ({ nextQC: 1n, lanes: [{ first, hashes }, EMPTY, EMPTY, EMPTY] });

rules('honest messages, however often repeated, are no violation', () => {
  const record = new Record(net.laneIds);
  for (let i = 0; i < 2; i++) {
    record.sent(0, blockWire(block));
    record.sent(2, blockWire(block));
    record.sent(1, laneVote(1, block));
    record.sent(0, { kind: 'commitQC', bytes: codecs.commitQC.toWire(qc) });
    const later = { ...qc, vote: { ...qc.vote, view: { ...qc.vote.view, number: 2n } } };
    record.sent(0, { kind: 'commitQC', bytes: codecs.commitQC.toWire(later) });
    record.sent(0, vote(0, { kind: 'prepareVote', value: { ...qc.vote, view: { index: 1n, number: 0n } } }));
    record.sent(0, vote(0, { kind: 'prepareVote', value: { ...qc.vote, view: { index: 1n, number: 1n } } }));
  }
  record.found(0, holding([hashOf(block)]));
  record.found(1, holding([hashOf(block), hashOf(next)]));
  record.found(1, holding([], 5n));
  assert.equal(record.violations, []);
  assert.is(record.messages, 14);
});

rules('two blocks, two votes, two CommitQCs in one place', () => {
  const record = new Record(net.laneIds);
  record.sent(0, blockWire(block));
  record.sent(3, blockWire(twin));
  record.sent(1, laneVote(1, block));
  record.sent(1, laneVote(1, twin));
  for (const kind of ['prepareVote', 'commitVote'] as const)
    for (const seconds of [1n, 2n])
      record.sent(2, vote(2, { kind, value: { ...qc.vote, createdAt: { seconds, nanos: 0 } } }));
  for (const seconds of [1n, 2n])
    record.sent(2, {
      kind: 'commitQC',
      bytes: codecs.commitQC.toWire({ ...qc, vote: { ...qc.vote, createdAt: { seconds, nanos: 0 } } }),
    });
  assert.is(record.violations.length, 5);
  assert.ok(record.violations.every((what) => what.startsWith('equivocation')));
});

rules('a lock that is forgotten, whichever vote is seen first; one that is kept is no violation', () => {
  const view = { index: 0n, number: 1n };
  const commit: Msg = { kind: 'commitVote', value: { ...qc.vote, view } };
  const timeout = (names: bigint | undefined): Msg => ({
    kind: 'timeoutVote',
    value: { view, ...(names === undefined ? {} : { latestPrepareQCViewNumber: names }) },
  });
  const sent = (place: number, record: Record, msg: Msg) => {
    const { bytes } = vote(place, msg);
    record.sent(place, msg.kind === 'timeoutVote' ? { kind: 'timeout', timeout: { bytes } } : { kind: 'vote', bytes });
  };
  const kept = new Record(net.laneIds);
  for (const msg of [commit, timeout(1n), timeout(1n)]) sent(1, kept, msg);
  // Another validator, and another view.
  sent(2, kept, timeout(undefined));
  sent(1, kept, { kind: 'timeoutVote', value: { view: { index: 0n, number: 2n }, latestPrepareQCViewNumber: 1n } });
  assert.equal(kept.violations, []);
  for (const votes of [
    [commit, timeout(undefined)],
    [timeout(0n), commit],
  ]) {
    const record = new Record(net.laneIds);
    for (const msg of votes) sent(1, record, msg);
    assert.match(record.violations.join(), /^lock forgotten: \w{8} gave up road 0, view 1, which it voted to commit$/);
  }
});

rules('a block, a vote, a CommitQC that a restart lost', () => {
  const record = new Record(net.laneIds);
  record.sent(0, blockWire(block));
  record.sent(1, laneVote(1, block));
  record.sent(2, { kind: 'commitQC', bytes: codecs.commitQC.toWire(qc) });
  record.sent(3, vote(3, { kind: 'commitVote', value: { ...qc.vote, view: { index: 2n, number: 0n } } }));
  record.found(0, holding([]));
  record.found(1, holding([hashOf(twin)]));
  record.found(2, { ...holding([]), nextQC: 0n });
  record.found(3, holding([]));
  assert.equal(
    record.violations.map((what) => what.replace(/[0-9a-f]{8}/, 'LANE')),
    [
      'node 0 sent or voted for block LANE/0, and its store has lost it',
      'node 1 sent or voted for a block LANE/0 that differs from the one in its store',
      'node 2 had the CommitQC of road 0, and its store now ends before road 0',
      'node 3 had the CommitQC of road 1, and its store now ends before road 1',
    ],
  );
});

const runs = suite('devnet: runs');

/** A multiple of what a run takes on a busy machine. */
const RUN_SECONDS_MAX = 300;

/** Runs the devnet to its end. */
function play(options: string, main: URL = MAIN) {
  const args = `${options} --timeout ${RUN_SECONDS_MAX}`.split(' ');
  return runWorker(main, args, {}, 1000 * (RUN_SECONDS_MAX + 60));
}

runs('four nodes, six kills: no violation, and every store verifies with its signatures', async () => {
  const { code, lines, stderr } = await play('--rounds 8 --kill --kill-every 300 --kills 6');
  const text = lines.join('\n');
  assert.is(code, 0, `${text}\n${stderr}`);
  const [, rounds, kills] = /(\d+) rounds, (\d+) kills/.exec(text) ?? [];
  assert.ok(Number(rounds) >= 8 && Number(kills) >= 6, text);
  assert.match(text, /^0 violations$/m);
});

runs(
  'a node that votes twice in each view, and forgets its lock, is stopped by its guard, and caught without one',
  async () => {
    const guarded = await play('--wrong --rounds 4');
    const text = guarded.lines.join('\n');
    assert.is(guarded.code, 0, `${text}\n${guarded.stderr}`);
    assert.match(text, /^contradicting votes that the guard refused: [1-9]/m);
    const bare = await play('--wrong --backend wal --rounds 6');
    assert.match(bare.lines.join('\n'), /VIOLATION: equivocation: .* signed two messages: prepareVote/);
  },
);

for (const [weakness, violation] of [
  ['guard without differs', /VIOLATION: equivocation: .* signed two messages: prepareVote/],
  ['guard without before', /VIOLATION: lock forgotten: /],
] as const) {
  runs(`the same node behind a ${weakness} is caught`, async () => {
    const build = patchedBuild(WEAKENED_GUARDS.find(({ name }) => name === weakness)!);
    const main = pathToFileURL(join(build, 'examples', 'devnet', 'main.js'));
    const { code, lines } = await play('--wrong --rounds 40', main);
    const text = lines.join('\n');
    assert.is(code, 1, text);
    assert.match(text, violation);
    rmSync(build, { recursive: true });
  });
}

// `npm run devnet:restores` plays more of them, also on builds that lack a rule.
for (const [name, options, restores] of [
  ['without sinks', [], 2],
  ['with sinks', ['--sinks', 'before'], 1],
] as const) {
  runs(`${name}, stores that are replaced, copied and moved sign nothing, then again`, async () => {
    const { code, text } = await playRestores(options, { restores, kills: 2 });
    assert.is(code, 0, text);
    assert.match(text, new RegExp(`, ${restores} restores, `));
    assert.match(text, /^0 violations$/m);
  });
}

runs('a copy that is not closed is caught', async () => {
  const [patch] = WEAK_RESTORES;
  const { code, text, violation } = await playRestores(['--scenarios', 'snapshot'], {
    restores: 3,
    kills: 0,
    patch: patch!,
  });
  assert.is(code, 1, text);
  // Whether a vote that contradicts another one meets the checker depends on what the copy had not
  // seen; that the copy opened with the right to sign is found in any case.
  const opened = /^FAILED: \d+ stores opened without the right to sign$/m;
  if (violation === undefined) assert.match(text, opened, text);
  else assert.match(violation, /^(equivocation: .* signed two messages|lock forgotten: )/, text);
});

runs('a backend that forgets is detected', async () => {
  const { code, lines } = await play('--backend noop --rounds 9999 --kill --kill-every 300');
  const text = lines.join('\n');
  assert.is(code, 1, text);
  assert.match(text, /VIOLATION: (equivocation|node \d (?:sent|had))/);
  assert.not.match(text, /FAILED/);
});

runs('unknown arguments end with the usage', async () => {
  for (const args of [['--backend', 'paper'], ['--rounds', 'many'], ['--nonsense']]) {
    const { code, stderr } = await runWorker(MAIN, args);
    assert.is(code, 2);
    assert.match(stderr, /npm run devnet/);
  }
});

rules.run();
runs.run();
