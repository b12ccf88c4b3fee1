/**
 * The rules of votes, against an oracle that sees only released votes. Honest nodes are never
 * refused, in any order of messages. Random votes with crashes never release two digests in one
 * place, and never forget a lock.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VoteState } from '../../src/adapter/persistence.js';
import { placedVote } from '../../src/adapter/round-votes.js';
import { changedVotes, judge, NO_VOTES, type PlacedVote, type VoteVerdict } from '../../src/adapter/vote-rules.js';
import { autobahn, type Msg, type Proposal } from '../../src/model/autobahn/index.js';
import { SEED } from '../support/history.js';
import { anyVote, appMsg, proposalMsg, proposalOf, timeoutMsg } from '../support/vote-messages.js';
import { ReleaseOracle } from '../support/vote-oracle.js';

const test = suite('votes: properties');

type Judge = (state: VoteState, vote: PlacedVote, nextCommitQC: bigint) => VoteVerdict;

/** What one variant of the rules does; the shipped one has none of the defects. */
interface Variant {
  readonly judge: Judge;
  /** When a signature leaves: `durable`, or already when its vote was accepted. */
  readonly releases: 'durable' | 'accepted';
}

const SHIPPED: Variant = { judge, releases: 'durable' };

const WEAKENED: Readonly<Record<string, Variant>> = {
  'differs off': { ...SHIPPED, judge: (...args) => accepting('differs', judge(...args)) },
  'passed off': { ...SHIPPED, judge: (...args) => accepting('passed', judge(...args)) },
  'before off': { ...SHIPPED, judge: (state, vote, next) => judge(state, { ...vote, before: [] }, next) },
  'release before durability': { ...SHIPPED, releases: 'accepted' },
};

function accepting(refusal: VoteVerdict, verdict: VoteVerdict): VoteVerdict {
  return verdict === refusal ? 'new' : verdict;
}

/** A call on its way to the disk: one vote, what the state is once it is durable. */
interface Pending {
  readonly msg: Msg;
  readonly digest: Uint8Array;
  readonly durable: Durable;
}

interface Durable {
  readonly votes: VoteState;
  readonly nextCommitQC: bigint;
}

const FRESH: Durable = { votes: { ...NO_VOTES, signer: new Uint8Array(32) }, nextCommitQC: 0n };

/**
 * A store of votes without a disk: calls are planned against a state that runs ahead of the durable
 * one, and become durable in order. What is released goes to the oracle.
 */
class VoteDisk {
  readonly oracle = new ReleaseOracle();
  /** What the oracle found wrong first. */
  wrong: string | undefined;
  readonly #variant: Variant;
  #durable = FRESH;
  #planned = FRESH;
  #pending: Pending[] = [];

  constructor(variant: Variant) {
    this.#variant = variant;
  }

  get nextCommitQC(): bigint {
    return this.#planned.nextCommitQC;
  }

  /** CommitQCs below `next` are stored durably: their batches are not under test here. */
  storeCommitQCs(next: bigint): void {
    this.sync(this.#pending.length);
    if (next > this.#durable.nextCommitQC) this.#durable = { ...this.#durable, nextCommitQC: next };
    this.#planned = this.#durable;
  }

  vote(msg: Msg): VoteVerdict {
    const vote = placedVote(autobahn.votes, msg);
    const { votes, nextCommitQC } = this.#planned;
    const verdict = this.#variant.judge(votes, vote, nextCommitQC);
    if (verdict !== 'new' && verdict !== 'again') return verdict;
    const { log, at, digest } = vote;
    if (verdict === 'new')
      this.#planned = { votes: changedVotes(votes, { watermarks: new Map([[log, { at, digest }]]) }), nextCommitQC };
    this.#pending.push({ msg, digest, durable: this.#planned });
    if (this.#variant.releases === 'accepted') this.#release({ msg, digest });
    return verdict;
  }

  /** The first `count` calls become durable, and are released. */
  sync(count: number): void {
    for (const { msg, digest, durable } of this.#pending.splice(0, count)) {
      this.#durable = durable;
      this.oracle.durable({ msg, digest });
      if (this.#variant.releases === 'durable') this.#release({ msg, digest });
    }
  }

  /** The first `lasting` calls are on the disk, none of them was released; the rest is gone. */
  crash(lasting: number): void {
    for (const { msg, digest, durable } of this.#pending.slice(0, lasting)) {
      this.#durable = durable;
      this.oracle.durable({ msg, digest });
    }
    this.#pending = [];
    this.#planned = this.#durable;
  }

  /** Messages that were accepted and are not durable yet. */
  get waiting(): number {
    return this.#pending.length;
  }

  #release(released: { msg: Msg; digest: Uint8Array }): void {
    this.wrong ??= this.oracle.release(released);
  }
}

// --- random votes

type Step =
  | { readonly kind: 'vote'; readonly msg: Msg }
  | { readonly kind: 'commitQC' | 'sync' | 'crash'; readonly count: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: anyVote.map((msg) => ({ kind: 'vote' as const, msg })) },
  { weight: 1, arbitrary: fc.nat(3).map((count) => ({ kind: 'commitQC' as const, count })) },
  { weight: 2, arbitrary: fc.nat(3).map((count) => ({ kind: 'sync' as const, count })) },
  { weight: 1, arbitrary: fc.nat(3).map((count) => ({ kind: 'crash' as const, count })) },
);

/** Runs the steps; what the oracle found wrong, and how many signatures it saw. */
function run(steps: readonly Step[], of: Variant): { wrong: string | undefined; released: number } {
  const disk = new VoteDisk(of);
  for (const next of steps) {
    if (next.kind === 'vote') disk.vote(next.msg);
    else if (next.kind === 'commitQC') disk.storeCommitQCs(BigInt(next.count));
    else disk[next.kind](next.count);
  }
  disk.sync(disk.waiting);
  return { wrong: disk.wrong, released: disk.oracle.count };
}

const RUNS = 3000;
const steps = fc.array(step, { maxLength: 60, size: 'max' });

test('random votes, crashes and restores: one digest a place is released, no lock is forgotten', () => {
  let released = 0;
  fc.assert(
    fc.property(steps, (list) => {
      const result = run(list, SHIPPED);
      released += result.released;
      assert.is(result.wrong, undefined);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  assert.ok(released > RUNS, `the rules let votes through: ${released}`);
});

for (const [name, weakened] of Object.entries(WEAKENED)) {
  test(`the same property finds what is wrong with ${name}`, () => {
    const { failed } = fc.check(
      fc.property(steps, (list) => run(list, weakened).wrong === undefined),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    assert.ok(failed, 'no counterexample was found');
  });
}

// --- honest nodes

/**
 * What an honest node remembers: what it stores as its inner state, with the vote that made it so.
 */
interface Memory {
  readonly road: number;
  readonly view: number;
  readonly proposed?: Proposal;
  readonly prepare?: Msg;
  readonly commit?: Msg;
  readonly timeout?: Msg;
  /** The view number of the PrepareQC that its TimeoutQC brought along. */
  readonly inherited?: number;
}

type HonestEvent =
  | { readonly kind: 'proposal' | 'lead' | 'prepareQC' | 'timeout' | 'resend'; readonly variant: number }
  | { readonly kind: 'timeoutQC'; readonly ahead: number; readonly lock: number | undefined }
  | { readonly kind: 'commitQC' | 'execute' | 'sync'; readonly count: number }
  | { readonly kind: 'restart'; readonly lasting: number };

const honestEvent: fc.Arbitrary<HonestEvent> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('proposal', 'lead', 'prepareQC', 'timeout', 'resend'),
      variant: fc.nat(2),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('timeoutQC' as const),
      ahead: fc.nat(2),
      lock: fc.option(fc.nat(5), { nil: undefined }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('commitQC', 'execute', 'sync'), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), lasting: fc.nat(4) }) },
);

/**
 * A node as the protocol has it: it votes in its current view only, prepares and commits at most
 * one proposal there and none after it gave up, names the PrepareQC of its view, or the one that it
 * inherited or not, when it gives up. QCs of others reach it in any order: a PrepareQC may come
 * before the proposal.
 */
class HonestNode {
  readonly disk = new VoteDisk(SHIPPED);
  readonly refused: string[] = [];
  #memory: Memory = { road: 0, view: 0 };
  /** The memories that the accepted calls lead to: a crash leaves one of them. */
  #waiting: Memory[] = [];
  #stored: Memory = this.#memory;
  #executed = 0;
  readonly #inheritsLock: boolean;

  constructor(inheritsLock: boolean) {
    this.#inheritsLock = inheritsLock;
  }

  take(event: HonestEvent): void {
    const { road, view: number, prepare, commit, timeout, proposed, inherited } = this.#memory;
    switch (event.kind) {
      case 'lead': {
        // A leader proposes once; what it proposed, it repeats, or it abstains.
        if (proposed !== undefined) {
          this.#give(this.#memory, { kind: 'proposal', value: proposed });
          return;
        }
        if (prepare !== undefined || timeout !== undefined) return;
        const value = proposalOf(road, number, event.variant);
        const next = { ...this.#memory, proposed: value, prepare: { kind: 'prepareVote', value } as const };
        this.#give(next, { kind: 'proposal', value }, next.prepare);
        return;
      }
      case 'proposal': {
        if (prepare !== undefined || timeout !== undefined) return;
        const vote = proposalMsg('prepareVote', road, number, event.variant);
        this.#give({ ...this.#memory, prepare: vote }, vote);
        return;
      }
      case 'prepareQC': {
        if (commit !== undefined || timeout !== undefined) return;
        const vote = proposalMsg('commitVote', road, number, event.variant);
        this.#give({ ...this.#memory, commit: vote }, vote);
        return;
      }
      case 'timeout': {
        if (timeout !== undefined) return;
        const lock = commit !== undefined ? number : this.#inheritsLock ? inherited : undefined;
        const vote = timeoutMsg(road, number, lock);
        this.#give({ ...this.#memory, timeout: vote }, vote);
        return;
      }
      case 'resend':
        this.#resend();
        return;
      case 'timeoutQC': {
        const of = number + event.ahead;
        const lock = event.lock === undefined ? undefined : Math.min(event.lock, of);
        this.#give({ road, view: of + 1, ...(lock === undefined ? {} : { inherited: lock }) });
        return;
      }
      case 'commitQC': {
        // A node enters a road when the CommitQC before it is durable; its own votes were accepted
        // before that.
        const next = road + event.count;
        if (event.count === 0) return;
        this.#sync(this.#waiting.length);
        this.disk.storeCommitQCs(BigInt(next));
        this.#give({ road: next, view: 0 });
        return;
      }
      case 'execute':
        for (let i = 0; i < event.count; i++) {
          const of = this.disk.nextCommitQC - 1n;
          if (of >= 0n) this.#give(this.#memory, appMsg(this.#executed++, of, 0));
        }
        return;
      case 'sync':
        this.#sync(event.count);
        return;
      case 'restart':
        this.#stored = this.#waiting[Math.min(event.lasting, this.#waiting.length) - 1] ?? this.#stored;
        this.disk.crash(event.lasting);
        this.#waiting = [];
        this.#memory = this.#stored;
        // Execution is deterministic, so it continues from the same state; votes below the last one
        // are not given again.
        this.#resend();
        return;
    }
  }

  #resend(): void {
    const { prepare, commit, timeout } = this.#memory;
    for (const vote of [prepare, commit, timeout]) if (vote !== undefined) this.#give(this.#memory, vote);
  }

  #give(next: Memory, ...votes: Msg[]): void {
    this.#memory = next;
    for (const vote of votes) {
      const verdict = this.disk.vote(vote);
      if (verdict !== 'new' && verdict !== 'again')
        this.refused.push(`${vote.kind} at ${next.road}/${next.view}: ${verdict}`);
    }
    for (const _ of votes) this.#waiting.push(next);
  }

  #sync(count: number): void {
    this.#stored = this.#waiting[Math.min(count, this.#waiting.length) - 1] ?? this.#stored;
    this.#waiting.splice(0, count);
    this.disk.sync(count);
  }
}

test('honest nodes are never refused: commit first, view jumps, locks kept or dropped, restarts, resent votes', () => {
  let released = 0;
  const events = fc.array(honestEvent, { maxLength: 80, size: 'max' });
  fc.assert(
    fc.property(events, fc.boolean(), (list, inheritsLock) => {
      const node = new HonestNode(inheritsLock);
      for (const event of list) node.take(event);
      assert.equal(node.refused, []);
      assert.is(node.disk.wrong, undefined, 'the oracle agrees that these orders are honest');
      released += node.disk.oracle.count;
    }),
    { numRuns: RUNS, seed: SEED },
  );
  assert.ok(released > 5 * RUNS, `honest nodes vote: ${released}`);
});

test.run();
