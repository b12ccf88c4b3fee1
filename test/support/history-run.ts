/** Runs a random history on any backend and compares every answer with the oracle's. */
import * as assert from 'uvu/assert';
import type { DurableHooks, Persistence } from '../../src/adapter/persistence.js';
import { LanestoreError } from '../../src/errors.js';
import { type CallSeed, maxOf, minOf, type ReadSeed, Resolver, type Step } from './history.js';
import { type Call, describe, describeCursors, Oracle, type Outcome, roundOf, showBlock, showQC } from './oracle.js';
import { LANES, type PlainAnchor, type PlainBlock, type PlainQC, plainBlock } from './plain-model.js';

/** A store under test. */
export type PlainStore = Persistence<PlainBlock, PlainQC, PlainAnchor>;

/** The read API, which only some backends have. */
interface Readable {
  block(lane: string, number: bigint): Promise<PlainBlock | undefined>;
  commitQC(index: bigint): Promise<PlainQC | undefined>;
  readBlocks(lane: string): AsyncIterable<PlainBlock>;
  readCommitQCs(): AsyncIterable<PlainQC>;
}

/** Callbacks during a history. */
export interface Observer {
  /** A call was accepted: the oracle is in the state after it. */
  accepted?(state: Oracle): void;
  /** The `n`-th accepted call (from 0) has settled. */
  settled?(n: number): void;
}

/** The subject of a history. */
export interface Subject {
  /** Opens the store, the first time and after each close. */
  open(load: boolean): Promise<PlainStore>;
  /** Checks the files or keys of the store after each close. */
  closed?(expected: Oracle): Promise<void>;
  /** Checks the files or keys of the store after each open and before the next call. */
  opened?(expected: Oracle): Promise<void>;
  /**
   * True for a store that is empty after a reopen; only its recovered entries are not compared
   * then.
   */
  readonly forgets?: boolean;
  /** Whether all calls settle in the order of acceptance, except slow drops. Default true. */
  readonly ordered?: boolean;
  readonly observer?: Observer;
}

/** Runs a history and compares every answer with the oracle's. */
export async function runHistory(steps: readonly Step[], subject: Subject): Promise<Oracle> {
  const run = new HistoryRun(subject);
  await run.open(true);
  for (const step of steps) {
    if (step.kind === 'calls') await run.calls(step);
    else await run.reopen(step.load);
  }
  await run.reopen(true);
  await run.close();
  return run.oracle;
}

interface Pending {
  readonly call: Call;
  readonly expected: Outcome;
  /** Its index among the accepted calls of the history. */
  readonly accepted: number | undefined;
  actual: string | undefined;
  readonly done: Promise<void>;
}

class HistoryRun {
  readonly oracle = new Oracle();
  readonly #subject: Subject;
  readonly #resolver = new Resolver();
  #store!: PlainStore;
  #fired: string[] = [];
  #expectedFired: string[] = [];
  #settled: number[] = [];
  #accepted = 0;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  async open(load: boolean): Promise<void> {
    this.#store = await this.#subject.open(load);
    const recovered = this.#store.takeRecovered();
    if (load && !this.#subject.forgets)
      assert.is(describe(recovered, this.#store.cursors), this.oracle.describe(), 'the recovered content');
    else assert.equal(recovered, { commitQCs: [], blocks: new Map() }, 'nothing is recovered');
    assert.equal(this.#store.takeRecovered(), { commitQCs: [], blocks: new Map() }, 'handed over once');
    this.#compareCursors();
    await this.#subject.opened?.(this.oracle);
  }

  async close(): Promise<void> {
    await this.#store.close();
    this.#compareCursors();
    await this.#subject.closed?.(this.oracle);
  }

  async reopen(load: boolean): Promise<void> {
    await this.close();
    await this.open(load);
  }

  async calls({ calls, reads, close }: Step & { kind: 'calls' }): Promise<void> {
    this.#fired = [];
    this.#expectedFired = [];
    this.#settled = [];
    const answers = reads.map((seed) => new ReadCheck(seed, this.oracle));
    const pending: Pending[] = [];
    for (const [i, seed] of calls.entries()) {
      if (seed.pause) await new Promise((resolve) => setImmediate(resolve));
      answers[i]?.start(this.#store);
      pending.push(this.#submit(seed));
      for (const answer of answers) answer.allow(this.oracle);
    }
    for (const answer of answers.slice(calls.length)) answer.start(this.#store);
    const closing = close ? this.#store.close() : undefined;
    if (close) await this.#assertClosed();
    await Promise.all([closing, ...pending.map(({ done }) => done), ...answers.map((answer) => answer.check(close))]);
    for (const [i, { call, expected, actual }] of pending.entries()) {
      assert.is(actual, expected.result, `call ${i} of the step: ${show(call)}`);
    }
    this.#compareOrder();
    this.#compareCursors();
    if (close) await this.reopen(true);
  }

  #submit(seed: CallSeed): Pending {
    const call = this.#resolver.call(seed, this.oracle);
    const expected = this.oracle.apply(call);
    const isAccepted = expected.result === 'ok' || expected.result === 'thrown';
    const accepted = isAccepted ? this.#accepted++ : undefined;
    if (isAccepted) this.#subject.observer?.accepted?.(this.oracle);
    this.#expectedFired.push(...expected.fired);
    const settle = (actual: string) => {
      pending.actual = actual;
      if (accepted === undefined) return;
      if (call.kind !== 'drop') this.#settled.push(accepted);
      this.#subject.observer?.settled?.(accepted);
    };
    const done = perform(this.#store, call, this.#fired).then(
      () => settle('ok'),
      (error: unknown) =>
        settle(error instanceof LanestoreError ? error.code : error === HOOK_FAILURE ? 'thrown' : String(error)),
    );
    const pending: Pending = { call, expected, accepted, actual: undefined, done };
    return pending;
  }

  async #assertClosed(): Promise<void> {
    const { actual } = await outcomeOf(this.#store.persist({ blocks: [plainBlock('0a', 0)] }));
    assert.is(actual, 'LANESTORE_CLOSED');
  }

  #compareOrder(): void {
    if (this.#subject.ordered ?? true) {
      assert.equal(this.#fired, this.#expectedFired, 'hooks');
      assert.equal(
        this.#settled,
        [...this.#settled].sort((a, b) => a - b),
        'order of settling',
      );
    } else {
      assert.equal([...this.#fired].sort(), [...this.#expectedFired].sort(), 'hooks');
    }
  }

  #compareCursors(): void {
    assert.is(describeCursors(this.#store.cursors), this.oracle.describeCursors(), 'cursors');
    assert.is(this.#store.commitQCs.next, this.oracle.qcs.next);
  }
}

async function outcomeOf(promise: Promise<unknown>): Promise<{ actual: string }> {
  try {
    await promise;
    return { actual: 'ok' };
  } catch (error) {
    return { actual: error instanceof LanestoreError ? error.code : String(error) };
  }
}

/** A read among concurrent calls: its answer must be that of some intermediate state, whole. */
class ReadCheck {
  readonly #answer: (state: Oracle) => string;
  readonly #ask: (store: Readable) => Promise<string>;
  readonly #allowed = new Set<string>();
  #asked: Promise<string> | undefined;

  constructor({ kind, lane: nth, offset }: ReadSeed, state: Oracle) {
    const of = LANES[nth]!;
    const number = near(state.lanes.get(of)?.first ?? 0n, offset);
    const index = near(state.qcs.first, offset);
    switch (kind) {
      case 'block':
        this.#answer = ({ lanes }) => wordOf(lanes.get(of)?.held.get(number), showBlock);
        this.#ask = async (store) => wordOf(await store.block(of, number), showBlock);
        break;
      case 'commitQC':
        this.#answer = ({ qcs }) => wordOf(qcs.held.get(index), showQC);
        this.#ask = async (store) => wordOf(await store.commitQC(index), showQC);
        break;
      case 'blocks':
        this.#answer = ({ lanes }) => [...(lanes.get(of)?.held.values() ?? [])].map(showBlock).join();
        this.#ask = async (store) => (await collect(store.readBlocks(of))).map(showBlock).join();
        break;
      case 'commitQCs':
        this.#answer = ({ qcs }) => [...qcs.held.values()].map(showQC).join();
        this.#ask = async (store) => (await collect(store.readCommitQCs())).map(showQC).join();
        break;
    }
    this.allow(state);
  }

  allow(state: Oracle): void {
    this.#allowed.add(this.#answer(state));
  }

  start(store: PlainStore): void {
    if (!('readBlocks' in store)) return;
    this.#asked = this.#ask(store as unknown as Readable).catch((error: LanestoreError) => error.code ?? String(error));
  }

  async check(closing: boolean): Promise<void> {
    const actual = await this.#asked;
    if (actual === undefined || (closing && actual === 'LANESTORE_CLOSED')) return;
    if (!this.#allowed.has(actual))
      assert.unreachable(`a read gave ${actual}, allowed are ${[...this.#allowed].join(' | ')}`);
  }
}

function near(first: bigint, offset: number): bigint {
  return minOf(maxOf(first + BigInt(offset), 0n), 2n ** 64n - 1n);
}

function wordOf<T>(entry: T | undefined, word: (entry: T) => string): string {
  return entry === undefined ? 'none' : word(entry);
}

async function collect<T>(entries: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}

/** The value that a throwing hook throws. */
const HOOK_FAILURE = new Error('a hook threw');

/** Makes a call. Each fired hook is recorded in `fired`; one of them throws if the call says so. */
export function perform(store: PlainStore, call: Call, fired: string[]): Promise<void> {
  let count = 0;
  const throwAt = 'throwAt' in call ? call.throwAt : undefined;
  const note = (line: string) => {
    fired.push(line);
    if (count++ === throwAt) throw HOOK_FAILURE;
  };
  const hooks: DurableHooks<PlainBlock, PlainQC, PlainAnchor> = {
    anchor: ({ index }) => note(`anchor ${index}`),
    commitQC: ({ index }) => note(`qc ${index}`),
    block: ({ lane: of, number }) => note(`${of}/${number}`),
  };
  switch (call.kind) {
    case 'persist':
      return store.persist(roundOf(call), hooks);
    case 'lane':
      return store.blocks.maybePruneAndPersistLane(call.lane, call.anchorQC, call.blocks, hooks.block);
    case 'commitQCs':
      return store.commitQCs.maybePruneAndPersist(call.anchorQC, call.commitQCs, hooks.commitQC);
    case 'anchor':
      return store.anchor.persist(call.anchor);
    case 'drop':
      return store.dropLanes(call.lanes);
  }
}

/** A short description of a call, for messages. */
function show(call: Call): string {
  const parts: string[] = [call.kind];
  if ('lane' in call) parts.push(call.lane);
  if ('lanes' in call) parts.push(call.lanes.join());
  if ('anchor' in call && call.anchor !== undefined)
    parts.push(`anchor ${call.anchor.index} ${showQC(call.anchor.qc)}`);
  if ('anchorQC' in call && call.anchorQC !== undefined) parts.push(`anchorQC ${showQC(call.anchorQC)}`);
  if ('commitQCs' in call) parts.push(`qcs ${call.commitQCs?.map(({ index }) => index).join()}`);
  if ('blocks' in call) parts.push(`blocks ${call.blocks?.slice(0, 20).map(showBlock).join()}`);
  return parts.join(' ');
}
