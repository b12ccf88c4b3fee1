/**
 * The same history on LevelDB and on segment files: results, hooks and content are equal, also
 * after reopening.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  advance,
  type Cursors,
  type DurableHooks,
  emptyState,
  type Persistence,
  type PlanState,
  type Round,
} from '../../src/adapter/index.js';
import { openLevel } from '../../src/adapter/level/index.js';
import { openWal } from '../../src/adapter/wal/index.js';
import { isLanestoreError } from '../../src/errors.js';
import { LANES, type PlainAnchor, type PlainBlock, type PlainQC, plain, plainBlock } from '../support/plain-model.js';
import { planCommitQCs, planLane, planRound } from '../support/plan.js';

const test = suite('conformance: level and wal, side by side');

type Store = Persistence<PlainBlock, PlainQC, PlainAnchor>;
type Hooks = DurableHooks<PlainBlock, PlainQC, PlainAnchor>;
type PlainRound = Round<PlainBlock, PlainQC, PlainAnchor>;
type Call = (store: Store, hooks: Hooks) => Promise<void>;

const lanes = LANES.slice(0, 3);
/** Offset of a run of blocks or CommitQCs from its expected start; mostly 0. */
const offset = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: -3, max: 3 }) },
);
const run = fc.record({ lane: fc.nat(2), offset, count: fc.integer({ min: 1, max: 4 }) });
/** Offset of each lane's start in a CommitQC from the lane's oldest block; undefined: omitted. */
const starts = fc.tuple(...lanes.map(() => fc.option(fc.integer({ min: -1, max: 9 }), { nil: undefined })));
const qcStep = fc.record({ offset, starts });
const qcRun = fc.record({ offset, count: fc.integer({ min: 0, max: 3 }) });
/** Present one time in two. */
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('round' as const),
      anchor: optional(fc.record({ ahead: fc.integer({ min: -2, max: 3 }), starts })),
      inner: optional(fc.uint8Array({ maxLength: 40 })),
      commitQCs: optional(qcRun),
      blocks: fc.array(run, { maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('lane' as const), qc: optional(qcStep), blocks: run }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('qcs' as const), qc: optional(qcStep), commitQCs: qcRun }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), lane: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Starts = readonly (number | undefined)[];

const atLeast0 = (number: bigint) => (number < 0n ? 0n : number);

/**
 * Turns relative steps into calls. It plans each call itself, so it has the expected state of the
 * stores.
 */
class Resolver {
  state: PlanState = emptyState();
  /** Makes the contents of entries with the same number differ. */
  #serial = 0;

  call(step: Exclude<Step, { kind: 'wait' | 'reopen' }>): Call {
    switch (step.kind) {
      case 'round': {
        const anchor = step.anchor && this.#anchor(step.anchor.ahead, step.anchor.starts);
        // The cursors after that anchor, if it is accepted.
        const ahead = this.#behind(anchor);
        const round: PlainRound = {
          anchor,
          inner: step.inner,
          commitQCs: step.commitQCs && this.#qcs(step.commitQCs, ahead),
          blocks: this.#blocks(step.blocks, ahead),
        };
        this.#plan(() => planRound(plain, this.state, round));
        return (store, hooks) => store.persist(round, hooks);
      }
      case 'lane': {
        const lane = lanes[step.blocks.lane]!;
        const qc = step.qc && this.#qc(step.qc.offset, step.qc.starts);
        const blocks = this.#blocks([step.blocks], this.#behind(qc && { index: 1n << 62n, qc }));
        this.#plan(() => planLane(plain, this.state, lane, qc, blocks));
        return (store, { block }) => store.blocks.maybePruneAndPersistLane(lane, qc, blocks, block ?? undefined);
      }
      case 'qcs': {
        const qc = step.qc && this.#qc(step.qc.offset, step.qc.starts);
        const qcs = this.#qcs(step.commitQCs, this.state);
        this.#plan(() => planCommitQCs(plain, this.state, qc, qcs));
        return (store, { commitQC }) => store.commitQCs.maybePruneAndPersist(qc, qcs, commitQC ?? undefined);
      }
      case 'drop': {
        const lane = lanes[step.lane]!;
        this.state.lanes.delete(lane);
        return (store) => store.dropLanes([lane]);
      }
    }
  }

  #plan(plan: () => Parameters<typeof advance>[1]): void {
    try {
      advance(this.state, plan());
    } catch (error) {
      if (!isLanestoreError(error)) throw error;
    }
  }

  #behind(anchor: PlainAnchor | undefined): PlanState {
    const state = { ...this.state, lanes: new Map(this.state.lanes) };
    try {
      if (anchor !== undefined) advance(state, planRound(plain, state, { anchor }));
    } catch {
      // The anchor is refused, so it changes nothing.
    }
    return state;
  }

  #starts(offsets: Starts): (readonly [string, bigint])[] {
    return lanes.flatMap((lane, i) => {
      const by = offsets[i];
      if (by === undefined) return [];
      return [[lane, atLeast0((this.state.lanes.get(lane)?.first ?? 0n) + BigInt(by))] as const];
    });
  }

  #anchor(ahead: number, offsets: Starts): PlainAnchor {
    const { first, next } = this.state.commitQCs;
    const index = atLeast0((ahead > 0 ? next : first) + BigInt(ahead));
    return { index, qc: { index, starts: this.#starts(offsets) } };
  }

  #qc(by: number, offsets: Starts): PlainQC {
    return { index: atLeast0(this.state.commitQCs.next + BigInt(by)), starts: this.#starts(offsets) };
  }

  #qcs({ offset, count }: { offset: number; count: number }, { commitQCs }: PlanState): PlainQC[] {
    const from = atLeast0(commitQCs.next + BigInt(offset));
    return Array.from({ length: count }, (_, i) => ({
      index: from + BigInt(i),
      starts: [['0a', BigInt(this.#serial++)]],
    }));
  }

  #blocks(runs: readonly { lane: number; offset: number; count: number }[], { lanes: cursors, anchor }: PlanState) {
    const nexts = new Map<string, bigint>();
    return runs.flatMap(({ lane: place, offset, count }) => {
      const lane = lanes[place]!;
      const next = nexts.get(lane) ?? cursors.get(lane)?.next ?? anchor?.laneStarts.get(lane) ?? 0n;
      const from = atLeast0(next + BigInt(offset));
      nexts.set(lane, from + BigInt(count));
      return Array.from({ length: count }, (_, i) => plainBlock(lane, from + BigInt(i), `${this.#serial++}`));
    });
  }
}

/** The outcome of a call: how it settled, and which hooks fired for each log. */
async function outcome(call: Call, store: Store): Promise<string> {
  const logs = { anchor: [] as string[], qc: [] as string[] } as Record<string, string[]>;
  const note = (log: string, number: bigint) => {
    logs[log] ??= [];
    logs[log].push(`${number}`);
  };
  const hooks: Hooks = {
    anchor: ({ index }) => note('anchor', index),
    commitQC: ({ index }) => note('qc', index),
    block: ({ lane, number }) => note(lane, number),
  };
  const result = await call(store, hooks).then(
    () => 'ok',
    (error: unknown) => (isLanestoreError(error) ? `${error.code}: ${error.message}` : String(error)),
  );
  const fired = Object.entries(logs).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${result} ${fired.map(([log, numbers]) => `${log} ${numbers}`).join('; ')}`;
}

function cursorText({ lanes: all, commitQCs }: Cursors): string {
  const known = [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([lane, { first, next }]) => `${lane} [${first},${next})`);
  return [`qc [${commitQCs.first},${commitQCs.next})`, ...known].join('; ');
}

/** Both stores; they can be closed and reopened. */
class Pair {
  readonly #db = new MemoryLevel<string, Uint8Array>();
  readonly #dir: string;
  level!: Store;
  wal!: Store;
  #pending: Promise<readonly [string, string]>[] = [];

  constructor(dir: string) {
    this.#dir = dir;
  }

  async open(): Promise<void> {
    this.level = await openLevel({ db: this.#db, model: plain });
    this.wal = await openWal(this.#dir, { model: plain, directorySync: false });
  }

  /** Makes the call on both, without waiting. */
  call(call: Call): void {
    this.#pending.push(Promise.all([outcome(call, this.level), outcome(call, this.wal)]));
  }

  /** Waits for all calls and compares their outcomes. */
  async settle(): Promise<void> {
    for (const [level, wal] of await Promise.all(this.#pending.splice(0)))
      assert.is(wal, level, 'the result of a call');
    assert.is(cursorText(this.wal.cursors), cursorText(this.level.cursors), 'cursors');
  }

  async close(): Promise<void> {
    await Promise.all([this.level?.close(), this.wal?.close()]);
  }

  /**
   * Reopens both, compares what they recover, and returns the lanes whose cursor the layout of
   * segment files cannot store.
   */
  async reopen(state: PlanState): Promise<string[]> {
    await this.settle();
    await this.close();
    await this.open();
    assert.equal(this.wal.takeRecovered(), this.level.takeRecovered(), 'what was recovered');
    const { lanes: kept, commitQCs } = this.wal.cursors;
    const before = this.level.cursors.lanes;
    assert.equal(commitQCs, this.level.cursors.commitQCs);
    const forgotten: string[] = [];
    for (const [lane, cursor] of before) {
      const start = state.anchor?.laneStarts.get(lane) ?? 0n;
      if (cursor.first < cursor.next || cursor.first === start) {
        assert.equal(kept.get(lane), cursor, `lane ${lane} after reopening`);
      } else {
        assert.equal(kept.get(lane), start > 0n ? { first: start, next: start } : undefined, `emptied lane ${lane}`);
        forgotten.push(lane);
      }
    }
    for (const lane of kept.keys()) assert.ok(before.has(lane), `lane ${lane} is known to both`);
    return forgotten;
  }
}

async function sideBySide(steps: readonly Step[]): Promise<void> {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const dir = await mkdtemp(join(parent, 'lanestore-differential-'));
  const pair = new Pair(dir);
  const resolver = new Resolver();
  try {
    await pair.open();
    for (const step of [...steps, { kind: 'reopen' } as const]) {
      if (step.kind === 'wait') await pair.settle();
      else if (step.kind !== 'reopen') pair.call(resolver.call(step));
      else {
        const forgotten = await pair.reopen(resolver.state);
        // Both stores then continue from the same state.
        for (const lane of forgotten) {
          await Promise.all([pair.level.dropLanes([lane]), pair.wal.dropLanes([lane])]);
          resolver.state.lanes.delete(lane);
        }
        const planned = { lanes: resolver.state.lanes, commitQCs: resolver.state.commitQCs };
        assert.is(cursorText(pair.level.cursors), cursorText(planned), 'cursors as planned');
      }
    }
  } finally {
    await pair.close().catch(() => undefined);
    await rm(dir, { recursive: true, force: true });
  }
}

test('random histories', async () => {
  const counts = { numRuns: Number(process.env.LANESTORE_RUNS ?? 150), interruptAfterTimeLimit: 20_000 };
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), sideBySide), counts);
});

test.run();
