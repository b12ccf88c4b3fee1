/**
 * Votes: what a key gave is kept, and judged against; the key, quarantines and floors of dropped
 * lanes as well. The rules themselves are the planner's; these cases show that a backend asks them,
 * of what is planned, and keeps what they lead to.
 */
import assert from 'node:assert/strict';
import type { VotePart } from '../index.js';
import { Cases } from './case.js';
import { Ledger, refused, rejection } from './expect.js';
import type { Stage } from './stage.js';

/** Cases of votes. */
export const voteCases = new Cases('votes');
const cases = voteCases;

const KEY = new Uint8Array(32).fill(7);
const PARTS: readonly VotePart[] = ['rounds', 'app', 'lanes', 'own'];

/** A case on a store that a key is bound to. */
function voting(name: string, body: (stage: Stage) => Promise<void>): void {
  cases.needing(['votes'], name, async (stage) => {
    await stage.votes.bind(KEY);
    await body(stage);
  });
}

/** Checks that a call is LANESTORE_CONFLICT with that finding. */
async function conflicts(call: Promise<unknown>, kind: string): Promise<void> {
  const error = (await rejection(call)) as { code?: string; findings?: readonly { kind: string }[] };
  assert.equal(error.code, 'LANESTORE_CONFLICT', String(error));
  assert.deepEqual(
    error.findings?.map((finding) => finding.kind),
    [kind],
  );
}

/** Reopens the store; all that is kept of votes is as it was. */
async function reopenedAlike(stage: Stage): Promise<void> {
  if (!stage.features.durable) return;
  const before = stage.voteText(stage.votes.durable);
  await stage.reopen();
  assert.equal(stage.voteText(stage.votes.durable), before, 'votes after reopening');
  assert.equal(stage.voteText(stage.votes.planned), before, 'planned votes after reopening');
}

cases.add('a store that keeps no votes refuses them, and stores nothing of the round', async (stage) => {
  if (stage.features.votes) return assert.ok(stage.store.votes !== undefined);
  assert.equal(stage.store.votes, undefined);
  await refused(stage.store.persist({ votes: [{}], inner: new Uint8Array(3) }), 'LANESTORE_INVALID', ['votes']);
  await stage.expectStored({});
});

voting('a vote is given once: again it is accepted, another one in its place is not', async (stage) => {
  await stage.store.persist({ votes: [stage.make.step(3n)] });
  await stage.store.persist({ votes: [stage.make.step(3n)] });
  await conflicts(stage.store.persist({ votes: [stage.make.step(3n, 1)] }), 'differs');
  await reopenedAlike(stage);
  await stage.store.persist({ votes: [stage.make.step(3n)] });
  await conflicts(stage.store.persist({ votes: [stage.make.step(3n, 1)] }), 'differs');
});

voting('what the vote hook and `newest` give belongs to the caller', async (stage) => {
  const take = (bytes: Uint8Array) => structuredClone(bytes.fill(0xee), { transfer: [bytes.buffer as ArrayBuffer] });
  const hook = (_: unknown, digest: Uint8Array) => void take(digest);
  await stage.store.persist({ votes: [stage.make.step(3n)] }, { vote: hook });
  take(stage.votes.newest.store);
  await stage.store.persist({ votes: [stage.make.step(3n)] });
  await stage.votes.quarantine(['app'], 'so that the votes are written again');
  await reopenedAlike(stage);
  await stage.store.persist({ votes: [stage.make.step(3n)] });
});

voting('votes go upward, over gaps', async (stage) => {
  for (const step of [0n, 1n, 5n]) await stage.store.persist({ votes: [stage.make.step(step)] });
  for (const step of [0n, 1n, 4n]) await conflicts(stage.store.persist({ votes: [stage.make.step(step)] }), 'passed');
  await reopenedAlike(stage);
  await conflicts(stage.store.persist({ votes: [stage.make.step(4n)] }), 'passed');
  await stage.store.persist({ votes: [stage.make.step(6n)] });
});

voting('a vote is judged against the calls before it, durable or not', async (stage) => {
  const ledger = new Ledger();
  ledger.watch('first', stage.store.persist({ votes: [stage.make.step(3n)] }));
  ledger.watch('differs', stage.store.persist({ votes: [stage.make.step(3n, 1)] }));
  ledger.watch('passed', stage.store.persist({ votes: [stage.make.step(2n)] }));
  ledger.watch('again', stage.store.persist({ votes: [stage.make.step(3n)] }));
  const lines = await ledger.settled();
  assert.deepEqual([...lines].sort(), ['again', 'differs!', 'first', 'passed!']);
  assert.ok(lines.indexOf('first') < lines.indexOf('again'), 'what is given again is durable when it resolves');
});

voting('a vote that another log rules out is refused', async (stage) => {
  await stage.store.persist({ votes: [stage.make.step(2n)] });
  await conflicts(stage.store.persist({ votes: [stage.make.before(2n)] }), 'excluded');
  await conflicts(stage.store.persist({ votes: [stage.make.before(1n)] }), 'excluded');
  await reopenedAlike(stage);
  await conflicts(stage.store.persist({ votes: [stage.make.before(2n)] }), 'excluded');
  await stage.store.persist({ votes: [stage.make.before(3n)] });
});

voting('within a round each vote is judged against those before it', async (stage) => {
  await conflicts(stage.store.persist({ votes: [stage.make.step(2n), stage.make.before(2n)] }), 'excluded');
  await stage.store.persist({ votes: [stage.make.before(2n), stage.make.step(2n), stage.make.step(2n)] });
  await conflicts(stage.store.persist({ votes: [stage.make.step(3n), stage.make.step(3n, 1)] }), 'differs');
});

voting('a vote needs its CommitQC: one that was accepted is enough', async (stage) => {
  await refused(stage.store.persist({ votes: [stage.make.needing(2n)] }), 'LANESTORE_OUT_OF_SEQUENCE', [1, 0]);
  const stored = stage.store.persist({ commitQCs: stage.qcs(0, 2) });
  assert.equal(stage.votes.nextCommitQC, 2n);
  await Promise.all([stored, stage.store.persist({ votes: [stage.make.needing(2n)] })]);
  await refused(stage.store.persist({ votes: [stage.make.needing(3n)] }), 'LANESTORE_OUT_OF_SEQUENCE', [2]);
  await stage.store.anchor.persist(stage.anchor(7));
  await stage.store.persist({ votes: [stage.make.needing(8n)] });
});

voting('a refused vote refuses its round: nothing of it is stored, and the store goes on', async (stage) => {
  const inner = new Uint8Array([1]);
  await stage.store.persist({ votes: [stage.make.step(3n)], inner });
  const before = stage.voteText(stage.votes.planned);
  await conflicts(
    stage.store.persist({ votes: [stage.make.step(4n), stage.make.step(2n)], inner: new Uint8Array([2]) }),
    'passed',
  );
  assert.equal(stage.voteText(stage.votes.planned), before, 'planned votes');
  await stage.expectStored({ inner });
  assert.equal(stage.voteText(stage.votes.durable), before, 'durable votes');
  await stage.store.persist({ votes: [stage.make.step(4n, 1)] });
});

voting('votes share a round with inner only', async (stage) => {
  const votes = [stage.make.step(1n)];
  for (const part of [{ anchor: stage.anchor(0) }, { commitQCs: stage.qcs(0, 1) }, { blocks: stage.blocks(0, 0, 1) }]) {
    await refused(stage.store.persist({ votes, ...part }), 'LANESTORE_INVALID', [Object.keys(part)[0] ?? '']);
  }
  stage.expectCursors({});
  await stage.store.persist({ votes, inner: new Uint8Array([9]) });
  await stage.expectStored({ inner: new Uint8Array([9]) });
});

voting('hooks fire for each vote in order, with its digest, when it is durable', async (stage) => {
  const votes = [stage.make.before(2n), stage.make.step(2n), stage.make.step(2n)];
  const fired: [unknown, Uint8Array][] = [];
  await stage.store.persist(
    { votes: new Set(votes) },
    {
      vote: (vote, digest) => {
        fired.push([vote, digest]);
        assert.ok(stage.voteText(stage.votes.durable).includes(Buffer.from(digest).toString('hex')), 'it is durable');
      },
    },
  );
  assert.equal(fired.length, votes.length);
  for (const [i, [vote, digest]] of fired.entries()) {
    assert.equal(vote, votes[i]);
    assert.deepEqual(digest, stage.votes.model.digest(vote));
  }
});

voting('no hook fires for a refused vote, nor for those beside it', async (stage) => {
  const hooks = { vote: () => assert.fail('a hook fired') };
  await conflicts(stage.store.persist({ votes: [stage.make.step(2n), stage.make.before(2n)] }, hooks), 'excluded');
});

cases.needing(['votes'], 'without a key all votes are closed; a key is bound once', async (stage) => {
  assert.equal(stage.votes.durable.signer, undefined);
  await refused(stage.store.persist({ votes: [stage.make.step(0n)] }), 'LANESTORE_QUARANTINED');
  const key = new Uint8Array(KEY);
  const bound = stage.votes.bind(key);
  key.fill(0);
  await bound;
  await stage.votes.bind(KEY);
  await refused(stage.votes.bind(new Uint8Array(32).fill(8)), 'LANESTORE_INVALID');
  assert.deepEqual(stage.votes.durable.signer, KEY);
  await stage.store.persist({ votes: [stage.make.step(0n)] });
  await reopenedAlike(stage);
  await refused(stage.votes.bind(new Uint8Array(32).fill(8)), 'LANESTORE_INVALID');
});

voting('a quarantine closes its parts at once, for good, and nothing else', async (stage) => {
  await stage.store.persist({ votes: [stage.make.step(1n)] });
  const closed = stage.votes.quarantine(['rounds'], 'a copy was seen');
  const { parts, why, when } = stage.votes.planned.quarantine ?? (assert.fail('it is not closed') as never);
  assert.deepEqual([parts, why], [['rounds'], 'a copy was seen']);
  assert.ok(!Number.isNaN(Date.parse(when)), `${when} is a time`);
  await refused(stage.store.persist({ votes: [stage.make.step(2n)] }), 'LANESTORE_QUARANTINED');
  await refused(stage.store.persist({ votes: [stage.make.step(1n)] }), 'LANESTORE_QUARANTINED');
  await closed;
  assert.equal(stage.voteText(stage.votes.durable), stage.voteText(stage.votes.planned));
  await stage.store.persist({ commitQCs: stage.qcs(0, 1), blocks: stage.blocks(0, 0, 1) });
  await reopenedAlike(stage);
  await refused(stage.store.persist({ votes: [stage.make.step(2n)] }), 'LANESTORE_QUARANTINED');
  await stage.votes.quarantine(PARTS, 'and another');
  assert.deepEqual([...(stage.votes.durable.quarantine?.parts ?? [])].sort(), [...PARTS].sort());
  assert.equal(stage.votes.durable.quarantine?.why, 'a copy was seen; and another');
  await reopenedAlike(stage);
});

voting('sinks are recorded, replaced and removed, without any vote', async (stage) => {
  const [first, second] = [
    { names: ['a', 'b'], quorum: 2 },
    { names: ['c'], quorum: 1 },
  ];
  for (const sinks of [first, { ...second, former: first }, second, undefined]) {
    await stage.votes.setSinks(sinks);
    assert.deepEqual(stage.votes.durable.sinks, sinks);
    await reopenedAlike(stage);
  }
});

voting('blocks are read from the durable lane, and from nowhere else', async (stage) => {
  const blockOf = async (lane: number, number: bigint) => {
    const block = await stage.votes.block(stage.lane(lane), number);
    return block === undefined ? undefined : stage.nameOfBlock(block);
  };
  await stage.store.persist({ blocks: stage.blocks(0, 3, 6) });
  assert.deepEqual(await Promise.all([2n, 3n, 5n, 6n].map((number) => blockOf(0, number))), [
    undefined,
    'lane 0 #3',
    'lane 0 #5',
    undefined,
  ]);
  assert.equal(await blockOf(1, 3n), undefined);
  await stage.store.anchor.persist(stage.anchor(0, { 0: 5 }));
  assert.deepEqual(await Promise.all([4n, 5n].map((number) => blockOf(0, number))), [undefined, 'lane 0 #5']);
  await stage.store.dropLanes([stage.lane(0)]);
  assert.equal(await blockOf(0, 5n), undefined);
});

voting('the next block of a lane counts those that were accepted', async (stage) => {
  const next = () => stage.votes.nextBlock(stage.lane(0));
  assert.equal(next(), undefined);
  const stored = stage.store.persist({ blocks: stage.blocks(0, 3, 6) });
  assert.equal(next(), 6n);
  await stored;
  await stage.store.anchor.persist(stage.anchor(0, { 0: 9 }));
  assert.equal(next(), 9n);
  await stage.store.dropLanes([stage.lane(0)]);
  assert.equal(next(), undefined);
});

voting('a lane that is dropped leaves its last number as a floor, which never falls', async (stage) => {
  await stage.store.persist({ blocks: [...stage.blocks(0, 3, 6), ...stage.blocks(1, 0, 2)] });
  await stage.store.blocks.maybePruneAndPersistLane(stage.lane(2), stage.qc(0, { 2: 0 }), stage.blocks(2, 0, 1));
  await stage.store.dropLanes([stage.lane(0), stage.lane(5)]);
  const floors = () => [0, 1, 2, 5].map((lane) => stage.votes.durable.laneFloors.get(stage.lane(lane)));
  const expected = stage.votes.model.lanesRecur ? [5n, undefined, undefined, undefined] : new Array(4).fill(undefined);
  assert.deepEqual(floors(), expected);
  await reopenedAlike(stage);
  await stage.store.persist({ blocks: stage.blocks(0, 0, 2) });
  await stage.store.dropLanes([stage.lane(0)]);
  assert.deepEqual(floors(), expected);
  await reopenedAlike(stage);
});

voting('a lane that is dropped with blocks on their way leaves the last of them as a floor', async (stage) => {
  if (!stage.votes.model.lanesRecur) return;
  const calls = [stage.store.persist({ blocks: stage.blocks(0, 0, 4) }), stage.store.dropLanes([stage.lane(0)])];
  assert.equal(stage.votes.planned.laneFloors.get(stage.lane(0)), 3n);
  await Promise.all(calls);
  assert.equal(stage.votes.durable.laneFloors.get(stage.lane(0)), 3n);
});

voting('one guard a store', async (stage) => {
  const leave = stage.votes.attach();
  await refused((async () => stage.votes.attach())(), 'LANESTORE_LOCKED');
  leave();
  leave();
  const second = stage.votes.attach();
  leave();
  await refused((async () => stage.votes.attach())(), 'LANESTORE_LOCKED');
  second();
});

voting('a closed store answers nothing of votes', async (stage) => {
  const { votes } = stage;
  await stage.store.close();
  await refused(stage.store.persist({ votes: [stage.make.step(1n)] }), 'LANESTORE_CLOSED');
  for (const call of [votes.bind(KEY), votes.quarantine(['own'], 'late'), votes.block(stage.lane(0), 0n)]) {
    await refused(call, 'LANESTORE_CLOSED');
  }
});

cases.needing(
  ['votes', 'refuseWrites', 'atomicRounds'],
  'a rejected write: no hook, not durable; nothing more is accepted, nor read',
  async (stage) => {
    await stage.votes.bind(KEY);
    await stage.store.persist({ votes: [stage.make.step(1n)] });
    const before = stage.voteText(stage.votes.durable);
    stage.place.refuseWrites?.();
    const hooks = { vote: () => assert.fail('a hook fired') };
    await refused(stage.store.persist({ votes: [stage.make.step(2n)] }, hooks), 'LANESTORE_FAILED');
    assert.equal(stage.voteText(stage.votes.durable), before);
    const { votes } = stage;
    for (const call of [votes.bind(KEY), votes.quarantine(['own'], 'late'), votes.block(stage.lane(0), 0n)]) {
      await refused(call, 'LANESTORE_FAILED');
    }
    await stage.reopen();
    assert.equal(stage.voteText(stage.votes.durable), before);
    await stage.store.persist({ votes: [stage.make.step(2n, 1)] });
  },
);
