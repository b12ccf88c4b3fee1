/**
 * Random histories of a state: pushes in and out of order, prunes, votes, aborts, slow, held and failing stores, crashes at any
 * moment. Whatever the history: nothing that the state let the node vote for, enter or announce is missing after a crash; cursors
 * only go forward; at most 30 blocks a lane come back; no turn without work; and everything that waits settles.
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
import { autobahn, type BlockHeader, type CommitQC } from '../../src/model/autobahn/index.js';
import { HeldLevel, turns } from '../support/held-level.js';
import { WatchedFiles } from '../wal/watched-files.js';
import { trafficOf, trustingNetwork, voteFor } from './support.js';

const { net, committee } = trustingNetwork({ validators: 4 });
const ROADS = 30;
const traffic = trafficOf(net, ROADS, 2);
const LANES = net.laneIds.length;

type Op =
  | { readonly kind: 'blocks' | 'skip'; readonly lane: number; readonly count: number }
  | {
      readonly kind: 'qcs' | 'anchor' | 'votes' | 'appVotes' | 'inner' | 'wait' | 'slow' | 'run' | 'fail';
      readonly n: number;
    }
  | { readonly kind: 'abort' | 'hold' | 'release' | 'crash' };

const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('blocks' as const),
      lane: fc.nat(LANES - 1),
      count: fc.integer({ min: 1, max: 12 }),
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

/** Where a state's store lives, and the faults that a test makes there. */
interface Place {
  open(): Promise<NodeStore>;
  /** The place as a process that dies now leaves it. */
  crashed(): Promise<Place>;
  slow(turnsPerWrite: number): void;
  hold(): void;
  release(): void;
  failAfter(writes: number): void;
  /** Writes that the store has begun. */
  readonly writes: number;
  destroy(): void;
}

class LevelPlace implements Place {
  constructor(readonly db = new HeldLevel()) {}
  open = () => openLevel({ db: this.db, model: autobahn, maxQueuedBytes: 20_000 });
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

/** What the state let the node do: it must be there, or be pruned, after any crash. */
interface Promised {
  readonly headers: BlockHeader[];
  lastQC: CommitQC | undefined;
  inner: number;
}

/** One life of a state, from open to crash. */
class Life {
  readonly waiting: Promise<unknown>[] = [];
  readonly #aborts: AbortController[] = [];
  readonly #pushed: number[];
  #qcs: number;
  #before: string[] = [];
  #cursors: bigint[] = [];
  #pushes = 0;

  readonly promised: Promised = { headers: [], lastQC: undefined, inner: 0 };

  constructor(readonly state: AvailState) {
    this.#pushed = net.laneIds.map((lane) => Number(state.nextBlock(lane)));
    this.#qcs = Number(state.nextCommitQC);
    this.#listen();
  }

  /** Takes headers as a voter does, until the state ends. */
  #listen(): void {
    const headers = this.state.headers();
    const listen = async () => {
      for (;;) this.promised.headers.push(...(await headers.receiveBatch()));
    };
    this.#watch(listen());
  }

  #watch(promise: Promise<unknown>): void {
    this.waiting.push(
      promise.catch((error: unknown) => {
        const expected =
          error === 'aborted' ||
          isLanestoreError(error, 'LANESTORE_FAILED') ||
          isLanestoreError(error, 'LANESTORE_CLOSED');
        if (!expected) this.#before.push(String(error));
      }),
    );
  }

  do(op: Op): void {
    const { state } = this;
    switch (op.kind) {
      case 'blocks':
      case 'skip': {
        const lane = traffic.blocks[op.lane]!;
        const from = this.#pushed[op.lane]! + (op.kind === 'skip' ? 3 : 0);
        for (const block of lane.slice(from, from + op.count)) this.#push((signal) => state.pushBlock(block, signal));
        if (op.kind === 'blocks') this.#pushed[op.lane] = from + op.count;
        return;
      }
      case 'qcs':
        for (const qc of traffic.qcs.slice(this.#qcs, this.#qcs + op.n))
          this.#push((signal) => state.pushCommitQC(qc, signal));
        this.#qcs += op.n;
        return;
      case 'anchor': {
        const anchor = traffic.anchors[Math.min(ROADS - 1, Number(state.firstCommitQC) + op.n)]!;
        this.#push(() => state.pushAppQC(anchor.appQC, anchor.commitQC));
        return;
      }
      case 'appVotes': {
        const anchor = traffic.anchors[Math.min(ROADS - 1, Number(state.firstCommitQC) + op.n)]!;
        for (let place = 0; place < 3; place++)
          this.#push((signal) =>
            state.pushAppVote(net.signedBy(place, { kind: 'appVote', value: anchor.appQC.vote }), signal),
          );
        return;
      }
      case 'votes': {
        const block = traffic.blocks[op.n % LANES]![Number(state.range(net.laneIds[op.n % LANES]!).first) + op.n];
        if (block !== undefined) this.#push((signal) => state.pushVote(voteFor(net, op.n % 3, block), signal));
        return;
      }
      case 'inner': {
        const bytes = new Uint8Array([op.n, 1]);
        this.#watch(
          state.persistInner(bytes).then(() => {
            this.promised.inner++;
          }),
        );
        return;
      }
      case 'wait':
        this.#push((signal) => this.#wait(op.n, signal));
        return;
      case 'abort':
        for (const abort of this.#aborts.splice(0, 5)) abort.abort('aborted');
        return;
      default:
        return;
    }
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

  #push(call: (signal: AbortSignal) => Promise<unknown>): void {
    const abort = new AbortController();
    this.#aborts.push(abort);
    this.#pushes++;
    this.#watch(call(abort.signal));
  }

  /** Looks at what is promised and what must hold at any time. */
  check(place: Place): void {
    const { state } = this;
    assert.equal(this.#before, [], 'nothing but aborts and the end of the store goes wrong');
    const cursors = [state.firstCommitQC, state.nextCommitQC, (state.lastCommitQC?.vote.view.index ?? -1n) + 1n];
    for (const lane of net.laneIds) cursors.push(...Object.values(state.range(lane)));
    for (const [i, cursor] of this.#cursors.entries())
      assert.ok(cursors[i]! >= cursor, `cursor ${i} went from ${cursor} to ${cursors[i]}`);
    this.#cursors = cursors;
    if (state.lastCommitQC !== undefined) this.promised.lastQC = state.lastCommitQC;
    const allowed = 10 + 4 * this.#pushes + 4 * place.writes;
    assert.ok(state.turns <= allowed, `${state.turns} turns for ${this.#pushes} pushes and ${place.writes} writes`);
  }
}

/** After a crash: everything promised is there, or lies below the anchor; and not more than a node may have. */
function checkSurvived(state: AvailState, { headers, lastQC, inner }: Promised): void {
  for (const header of headers) {
    const lane = autobahn.block.lane({ block: { header } } as never);
    const { first, next } = state.range(lane);
    assert.ok(
      header.blockNumber < next,
      `block ${header.blockNumber} of lane ${lane} was voted for; now it ends at ${next}`,
    );
    assert.ok(next - first <= 30n, 'at most 30 come back');
  }
  if (lastQC !== undefined) assert.ok(state.nextCommitQC > lastQC.vote.view.index, 'the CommitQC that led on is there');
  if (inner > 0) assert.ok(state.recoveredInner !== undefined, 'the votes are there');
}

async function live(start: Place, ops: readonly Op[]): Promise<number> {
  let crashes = 0;
  let place = start;
  let store = await place.open();
  let life = new Life(await openAvail({ store, committee }));
  const end = async () => {
    place.release();
    await life.state.close();
    await Promise.all(life.waiting);
    await store.close();
    place.destroy();
  };
  for (const op of ops) {
    if (op.kind === 'run') await turns(op.n);
    else if (op.kind === 'slow') place.slow(op.n);
    else if (op.kind === 'hold') place.hold();
    else if (op.kind === 'release') place.release();
    else if (op.kind === 'fail') place.failAfter(op.n);
    else if (op.kind === 'crash') {
      life.check(place);
      const seen = { ...life.promised, headers: [...life.promised.headers] };
      const next = await place.crashed();
      await end();
      place = next;
      store = await place.open();
      life = new Life(await openAvail({ store, committee }));
      checkSurvived(life.state, seen);
      life.promised.lastQC = seen.lastQC;
      life.promised.inner = seen.inner;
      crashes++;
    } else life.do(op);
    life.check(place);
  }
  await turns(3);
  life.check(place);
  await end();
  return crashes;
}

const test = suite('avail: random histories');

for (const [name, make, runs] of [
  ['level', () => new LevelPlace(), 150],
  ['wal', () => new WalPlace(), 30],
] as const) {
  test(`on ${name}`, async () => {
    let crashes = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 15, maxLength: 60, size: 'max' }), async (ops) => {
        crashes += await live(make(), ops);
      }),
      { numRuns: runs, includeErrorInReport: true, seed: Number(process.env.LANESTORE_TEST_SEED ?? 20260324) },
    );
    assert.ok(crashes >= runs / 2, `${crashes} crashes`);
  });
}

test.run();
