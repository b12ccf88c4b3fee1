/**
 * Random histories of a state: pushes in and out of order, own blocks, prunes, votes, aborts, slow,
 * held and failing stores, crashes at any moment. In every history:
 *
 * - everything that the state let the node vote for, enter, announce or treat as pruned exists
 *   after a crash;
 * - cursors only go forward;
 * - no lane has more than 30 blocks beyond the durable anchor;
 * - no turn runs without work;
 * - an aborted call settles at once, and every waiting call settles at the end;
 * - entries pushed before a close are durable after it.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { openWal } from '../../src/adapter/wal/index.js';
import { type AvailState, type NodeStore, openAvail } from '../../src/avail/index.js';
import { isLanestoreError } from '../../src/errors.js';
import { laneIdOf } from '../../src/keys/index.js';
import {
  autobahn,
  type BlockHeader,
  type CommitQC,
  type Committee,
  headerHash,
  type PruneAnchor,
  publicKeyOf,
  type SignedBlock,
} from '../../src/model/autobahn/index.js';
import { WatchedFiles } from '../adapter/wal/watched-files.js';
import { bounded, settles } from '../support/hang.js';
import { HeldLevel, turns } from '../support/held-level.js';
import { trafficOf, trustingNetwork, voteFor } from './support.js';

const { net, committee: others } = trustingNetwork({ validators: 4 });
const ROADS = 30;
const traffic = trafficOf(net, ROADS, 2);
const LANES = net.laneIds.length;
/** The node itself is a fifth validator. No CommitQC of the traffic names its lane. */
const secret = new Uint8Array(32).fill(5);
const own = laneIdOf(publicKeyOf(secret));
const Trusting = others.constructor as new (keys: readonly Uint8Array[]) => Committee;
const committee = new Trusting([...others.keys, publicKeyOf(secret)]);

type Op =
  | { readonly kind: 'blocks' | 'skip'; readonly lane: number; readonly count: number }
  | {
      readonly kind: 'produce' | 'qcs' | 'anchor' | 'votes' | 'appVotes' | 'inner' | 'wait' | 'slow' | 'run' | 'fail';
      readonly n: number;
    }
  | { readonly kind: 'abort' | 'hold' | 'release' | 'crash' };

const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('blocks' as const),
      lane: fc.nat(LANES - 1),
      count: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('skip' as const),
      lane: fc.nat(LANES - 1),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('qcs' as const), n: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('produce' as const), n: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('anchor' as const, 'appVotes' as const), n: fc.nat(4) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('votes' as const, 'inner' as const, 'wait' as const), n: fc.nat(9) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('run' as const), n: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slow' as const), n: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), n: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('abort' as const, 'hold' as const, 'release' as const, 'crash' as const),
    }),
  },
);

/** The store of a state, and the faults that a test injects. */
interface Place {
  open(): Promise<NodeStore>;
  /** The location as a process that dies now leaves it. */
  crashed(): Promise<Place>;
  slow(turnsPerWrite: number): void;
  hold(): void;
  release(): void;
  failAfter(writes: number): void;
  /** Lets the store work for `n` steps; `isBusy` says whether something is not durable yet. */
  run(n: number, isBusy: () => boolean): Promise<void>;
  /** Writes that the store has begun. */
  readonly writes: number;
  destroy(): void;
}

class LevelPlace implements Place {
  constructor(readonly db = new HeldLevel()) {}
  open = () => openLevel({ db: this.db, model: autobahn, maxQueuedBytes: 20_000 });
  run = (n: number) => turns(n);
  crashed = async () => new LevelPlace(await this.db.crashed());
  slow = (count: number) => this.db.delay(count);
  hold = () => this.db.hold();
  release = () => this.db.release();
  failAfter = (writes: number) => this.db.failAfter(writes, new Error('EIO'));
  get writes() {
    return this.db.batches.length;
  }
  destroy = () => assert.equal(this.db.violations, []);
}

/** File operations of a step, and how long it waits for them at most: a failed store makes none. */
const STEP_OPERATIONS = 4;
const STEP_MS_MAX = 50;

class WalPlace implements Place {
  readonly #files = new WatchedFiles();
  #delay = 0;
  #held: Promise<void> | undefined;
  #letGo = () => {};
  #failAfter = Number.POSITIVE_INFINITY;

  constructor(readonly dir = mkdtempSync(join(tmpdir(), 'lanestore-avail-'))) {
    this.#files.before = async () => {
      if (this.#failAfter-- <= 0) throw Object.assign(new Error('EIO'), { code: 'EIO' });
      if (this.#delay > 0) await turns(this.#delay);
      await this.#held;
    };
  }
  open = () => openWal(this.dir, { model: autobahn, files: this.#files, maxQueuedBytes: 20_000 });
  // Counted in operations, because how many turns one takes depends on the disk.
  run = async (n: number, isBusy: () => boolean) => {
    const [until, deadline] = [this.writes + n * STEP_OPERATIONS, performance.now() + n * STEP_MS_MAX];
    await turns(n);
    while (this.#held === undefined && isBusy() && this.writes < until && performance.now() < deadline) await turns(1);
  };
  crashed = async () => {
    const copy = mkdtempSync(join(tmpdir(), 'lanestore-avail-'));
    cpSync(this.dir, copy, { recursive: true, filter: (path) => !path.endsWith('LOCK') });
    return new WalPlace(copy);
  };
  slow = (count: number) => {
    this.#delay = count;
  };
  hold = () => {
    this.#held ??= new Promise((resolve) => {
      this.#letGo = resolve;
    });
  };
  release = () => {
    this.#letGo();
    this.#held = undefined;
  };
  failAfter = (writes: number) => {
    this.#failAfter = writes;
  };
  get writes() {
    return this.#files.done.length;
  }
  destroy = () => rmSync(this.dir, { recursive: true, force: true });
}

/** Everything that the state let the node do. After any crash it must be stored or pruned. */
interface Promised {
  readonly headers: BlockHeader[];
  /** Own blocks that may have been sent, by number, with the hash of their header. */
  readonly announced: Map<bigint, string>;
  lastQC: CommitQC | undefined;
  /** The road index of the durable anchor. */
  anchor: bigint;
  /** The latest own state that was reported as durable. */
  inner: number;
}

const EXPECTED = ['LANESTORE_FAILED', 'LANESTORE_CLOSED'] as const;

/** One life of a state, from open to crash. */
class Life {
  readonly #waiting = new Map<Promise<unknown>, string>();
  readonly #aborts: { readonly abort: AbortController; readonly done: Promise<unknown> }[] = [];
  readonly #pushed: number[];
  #qcs: number;
  #inners: number;
  #wrong: string[] = [];
  #cursors: bigint[] = [];
  #pushes = 0;
  #settled = 0;
  #hasStopped = false;

  constructor(
    readonly state: AvailState,
    readonly place: Place,
    readonly promised: Promised,
  ) {
    this.#pushed = net.laneIds.map((lane) => Number(state.nextBlock(lane)));
    this.#qcs = Number(state.nextCommitQC);
    this.#inners = promised.inner;
    void state.stopped.then(() => {
      this.#hasStopped = true;
    });
    this.#watch('headers to vote for', this.#listen());
    this.#watch('own blocks to send', this.#announce());
  }

  /** Takes headers as a voting node does, until the state ends. */
  async #listen(): Promise<void> {
    const headers = this.state.headers();
    for (;;) this.promised.headers.push(...(await headers.receiveBatch()));
  }

  /** Takes own blocks as a sending node does, until the state ends. */
  async #announce(): Promise<void> {
    const blocks = this.state.blocks(own);
    for (;;) this.#sent(await blocks.receive());
  }

  #sent({ block: { header } }: SignedBlock): void {
    const { announced } = this.promised;
    const hash = laneIdOf(headerHash(header));
    const before = announced.get(header.blockNumber) ?? hash;
    if (before !== hash) this.#wrong.push(`equivocation: two own blocks ${header.blockNumber}`);
    announced.set(header.blockNumber, hash);
  }

  #watch(what: string, promise: Promise<unknown>): Promise<unknown> {
    const done = promise
      .catch((error: unknown) => {
        const expected = error === 'aborted' || EXPECTED.some((code) => isLanestoreError(error, code));
        if (!expected) this.#wrong.push(String(error));
      })
      .finally(() => {
        this.#settled++;
        this.#waiting.delete(done);
      });
    this.#waiting.set(done, what);
    return done;
  }

  /** Resolves like `promise`, which may take long, but must settle. */
  ends<T>(what: string, promise: Promise<T>): Promise<T> {
    const unsettled = () => [...new Set(this.#waiting.values())].join(', ');
    return settles(
      () => `${what}; waiting: ${unsettled()}`,
      promise,
      () => this.#settled + this.place.writes,
    );
  }

  /** True while something that was pushed is not durable, and may become so. */
  readonly isBusy = (): boolean => {
    const { state } = this;
    if (this.#hasStopped) return false;
    const isPending = (lane: string) => {
      const { next, durable } = state.range(lane);
      return durable < next;
    };
    return [...net.laneIds, own].some(isPending);
  };

  async do(op: Op): Promise<void> {
    const { state } = this;
    switch (op.kind) {
      case 'blocks':
      case 'skip': {
        const lane = traffic.blocks[op.lane]!;
        const from = this.#pushed[op.lane]! + (op.kind === 'skip' ? 3 : 0);
        for (const block of lane.slice(from, from + op.count))
          this.#push('pushBlock', (signal) => state.pushBlock(block, signal));
        if (op.kind === 'blocks') this.#pushed[op.lane] = from + op.count;
        return;
      }
      case 'produce':
        for (let i = 0; i < op.n; i++) this.#push('produceBlock', (signal) => this.#produce(signal));
        return;
      case 'qcs':
        for (const qc of traffic.qcs.slice(this.#qcs, this.#qcs + op.n))
          this.#push('pushCommitQC', (signal) => state.pushCommitQC(qc, signal));
        this.#qcs += op.n;
        return;
      case 'anchor': {
        const anchor = this.#anchor(op.n);
        this.#push('pushAppQC', () => state.pushAppQC(anchor.appQC, anchor.commitQC));
        return;
      }
      case 'appVotes': {
        const { vote } = this.#anchor(op.n).appQC;
        for (const place of net.laneIds.keys())
          this.#push('pushAppVote', (signal) =>
            state.pushAppVote(net.signedBy(place, { kind: 'appVote', value: vote }), signal),
          );
        return;
      }
      case 'votes': {
        const block = traffic.blocks[op.n % LANES]![Number(state.range(net.laneIds[op.n % LANES]!).first) + op.n];
        if (block !== undefined)
          this.#push('pushVote', (signal) => state.pushVote(voteFor(net, op.n % 3, block), signal));
        return;
      }
      case 'inner': {
        const number = ++this.#inners;
        const stored = state.persistInner(Buffer.from(`${number}`)).then(() => {
          this.promised.inner = Math.max(this.promised.inner, number);
        });
        this.#pushes++;
        this.#watch('persistInner', stored);
        return;
      }
      case 'wait':
        this.#push('a read', (signal) => this.#wait(op.n, signal));
        return;
      case 'abort': {
        const aborted = this.#aborts.splice(0, 5);
        for (const { abort } of aborted) abort.abort('aborted');
        await this.ends('aborted calls', Promise.all(aborted.map(({ done }) => done)));
        return;
      }
      default:
        return;
    }
  }

  #anchor(ahead: number): PruneAnchor {
    return traffic.anchors[Math.min(ROADS - 1, Number(this.state.firstCommitQC) + ahead)]!;
  }

  async #produce(signal: AbortSignal): Promise<void> {
    const { payload } = traffic.blocks[0]![this.#pushes % 2]!.block;
    this.#sent(await this.state.produceBlock(payload, signal));
  }

  #wait(n: number, signal: AbortSignal): Promise<unknown> {
    const { state } = this;
    const lane = net.laneIds[n % LANES]!;
    const kinds = [
      () => state.block(lane, state.nextBlock(lane) + 1n, signal),
      () => state.waitForCapacity(lane, signal),
      () => state.commitQC(state.nextCommitQC, signal),
      () => state.fullCommitQC(state.firstCommitQC, signal),
      () => state.waitForAppQC(state.firstCommitQC, signal),
      () => state.waitForLaneQCs(state.lastCommitQC, signal),
    ];
    return kinds[n % kinds.length]!();
  }

  #push(what: string, call: (signal: AbortSignal) => Promise<unknown>): void {
    const abort = new AbortController();
    this.#pushes++;
    this.#aborts.push({ abort, done: this.#watch(what, call(abort.signal)) });
  }

  /** Checks everything that must hold at any time. */
  check(): void {
    const { state, promised, place } = this;
    assert.equal(this.#wrong, [], 'only aborts and the end of the store reject');
    const cursors = [state.firstCommitQC, state.nextCommitQC, (state.lastCommitQC?.vote.view.index ?? -1n) + 1n];
    for (const lane of [...net.laneIds, own]) cursors.push(...Object.values(state.range(lane)));
    for (const [i, cursor] of this.#cursors.entries())
      assert.ok(cursors[i]! >= cursor, `cursor ${i} went from ${cursor} to ${cursors[i]}`);
    this.#cursors = cursors;
    this.#checkRoom();
    if (state.lastCommitQC !== undefined) promised.lastQC = state.lastCommitQC;
    const { durableAnchor } = state;
    if (durableAnchor !== undefined) promised.anchor = durableAnchor.commitQC.vote.view.index;
    const allowed = 10 + 4 * this.#pushes + 4 * place.writes;
    assert.ok(state.turns <= allowed, `${state.turns} turns for ${this.#pushes} pushes and ${place.writes} writes`);
  }

  /**
   * Room is counted from the lane's start in the durable anchor; a lane that was pruned past its
   * end has no blocks.
   */
  #checkRoom(): void {
    const { durableAnchor } = this.state;
    const starts = durableAnchor === undefined ? [] : autobahn.commitQC.laneStarts(durableAnchor.commitQC);
    const limits = new Map([...starts].map(([lane, start]) => [lane, start + 30n]));
    for (const lane of [...net.laneIds, own]) {
      const { first, next } = this.state.range(lane);
      const limit = limits.get(lane) ?? 30n;
      assert.ok(next <= limit || next === first, `lane ${lane} has [${first}, ${next}) with room up to ${limit}`);
      if (next === limit) reached.full++;
    }
  }

  /**
   * The process dies or stops: every call settles, and nothing was dropped unless the store had
   * failed.
   */
  async end(): Promise<void> {
    const { state } = this;
    await this.ends('close', state.close());
    await this.ends('waiting calls', Promise.all(this.#waiting.keys()));
    if (!isLanestoreError(await state.stopped, 'LANESTORE_CLOSED')) return;
    for (const lane of [...net.laneIds, own]) {
      const { next, durable } = state.range(lane);
      assert.is(durable, next, `lane ${lane} after close`);
    }
    assert.is((state.lastCommitQC?.vote.view.index ?? -1n) + 1n, state.nextCommitQC, 'CommitQCs after close');
  }
}

/** How often histories reached the interesting states. */
const reached = { crashes: 0, full: 0, announced: 0 };

/**
 * After a crash: everything promised is stored or lies below the anchor, and the node holds no more
 * than it may.
 */
function checkSurvived(state: AvailState, { headers, lastQC, anchor, inner, announced }: Promised): void {
  for (const header of headers) {
    const { next } = state.range(laneIdOf(header.lane));
    const what = `block ${header.blockNumber} of lane ${laneIdOf(header.lane)}`;
    assert.ok(header.blockNumber < next, `${what} was voted for; now it ends at ${next}`);
  }
  for (const lane of state.lanes) {
    const { first, next } = state.range(lane);
    assert.ok(next - first <= 30n, 'at most 30 are recovered');
  }
  for (const number of announced.keys())
    assert.ok(number < state.nextBlock(own), `own block ${number} was sent, and is lost`);
  if (lastQC !== undefined)
    assert.ok(state.nextCommitQC > lastQC.vote.view.index, 'the CommitQC that led to the next road is stored');
  assert.ok((state.loaded.anchor ?? -1n) >= anchor, 'the anchor that room was counted from is stored');
  const stored = state.recoveredInner === undefined ? 0 : Number(Buffer.from(state.recoveredInner));
  assert.ok(stored >= inner, `own state ${inner} was durable, now it is ${stored}`);
}

async function live(start: Place, ops: readonly Op[]): Promise<void> {
  let place = start;
  let store = await place.open();
  let life = new Life(await openAvail({ store, committee, secret }), place, {
    headers: [],
    announced: new Map(),
    lastQC: undefined,
    anchor: -1n,
    inner: 0,
  });
  const end = async () => {
    place.release();
    await life.end();
    await life.ends('the store', store.close());
    place.destroy();
  };
  try {
    for (const op of ops) {
      if (op.kind === 'run') await place.run(op.n, life.isBusy);
      else if (op.kind === 'slow') place.slow(op.n);
      else if (op.kind === 'hold') place.hold();
      else if (op.kind === 'release') place.release();
      else if (op.kind === 'fail') place.failAfter(op.n);
      else if (op.kind === 'crash') {
        life.check();
        const { headers, announced, ...rest } = life.promised;
        const seen = { ...rest, headers: [...headers], announced: new Map(announced) };
        const next = await place.crashed();
        await end();
        place = next;
        store = await place.open();
        life = new Life(await openAvail({ store, committee, secret }), place, seen);
        checkSurvived(life.state, seen);
        reached.crashes++;
        reached.announced += seen.announced.size;
      } else await life.do(op);
      life.check();
    }
    await turns(3);
    life.check();
    await end();
  } catch (error) {
    // A failed history must not keep the process alive.
    place.release();
    void life.state.close().then(
      () => store.close(),
      () => undefined,
    );
    throw error;
  }
}

/** Stops the shrinking of a history that hangs: a large multiple of the normal duration. */
const INTERRUPT_MS = 60_000;

const test = bounded(suite('avail: random histories'), 5 * INTERRUPT_MS);

for (const [name, make, runs] of [
  ['level', () => new LevelPlace(), 150],
  ['wal', () => new WalPlace(), 50],
] as const) {
  test(`on ${name}`, async () => {
    Object.assign(reached, { crashes: 0, full: 0, announced: 0 });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 15, maxLength: 60, size: 'max' }), (ops) => live(make(), ops)),
      {
        numRuns: runs,
        includeErrorInReport: true,
        seed: Number(process.env.LANESTORE_TEST_SEED ?? 20260324),
        interruptAfterTimeLimit: INTERRUPT_MS,
        markInterruptAsFailure: true,
      },
    );
    const { crashes, full, announced } = reached;
    assert.ok(crashes >= runs / 3 && full >= runs / 3 && announced > 0, JSON.stringify(reached));
  });
}

test.run();
