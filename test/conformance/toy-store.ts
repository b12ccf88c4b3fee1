/**
 * A small store in memory that implements the whole port, in parts that a test can break one at a
 * time.
 */
import { randomBytes } from 'node:crypto';
import type {
  AnchorPersister,
  BlockPersister,
  CommitQCPersister,
  Cursors,
  DurableHooks,
  Persistence,
  Recovered,
  Round,
} from '../../src/adapter/index.js';
import { advance, anchorPoint, emptyState, type Plan, type PlanState } from '../../src/adapter/index.js';
import type { Cursor, SeenPlace, VoteState, VoteStore } from '../../src/adapter/persistence.js';
import { changedVotes, closedVotes, NO_VOTES, withLaneFloors } from '../../src/adapter/vote-rules.js';
import type { Features, LostEntry, OpenOptions, Place, Subject } from '../../src/conformance/index.js';
import { LanestoreError } from '../../src/errors.js';
import { type LaneId, laneId } from '../../src/keys/index.js';
import type { Model, VotePart } from '../../src/model/model.js';
import { type PlainAnchor, type PlainBlock, type PlainQC, plain } from '../support/plain-model.js';
import { planCommitQCs, planLane, planRound } from '../support/plan.js';
import { plainTypes } from './subjects.js';

/** A plan of the toy store. */
export type ToyPlan = Plan<PlainBlock, PlainQC, PlainAnchor>;
/** Hooks of the toy store. */
export type ToyHooks = DurableHooks<PlainBlock, PlainQC, PlainAnchor>;
/** A round of the toy store. */
export type ToyRound = Round<PlainBlock, PlainQC, PlainAnchor>;
/** The recovered entries of the toy store. */
export type ToyRecovered = Recovered<PlainBlock, PlainQC, PlainAnchor>;

/** The data that survives closing. */
export class ToyDisk {
  state: PlanState = { ...emptyState(), votes: NO_VOTES };
  anchor: PlainAnchor | undefined;
  inner: Uint8Array | undefined;
  commitQCs: PlainQC[] = [];
  blocks = new Map<LaneId, PlainBlock[]>();
  open = false;
  failing = false;
  readonly store: Uint8Array;
  /** Batches. */
  seq = 0n;

  constructor(store: Uint8Array = randomBytes(16)) {
    this.store = store;
  }
}

/** A copy of a state, to plan against. */
export function copyOf({ lanes, commitQCs, anchor, votes }: PlanState): PlanState {
  return { lanes: new Map(lanes), commitQCs, anchor, votes };
}

/** The toy; see the top of this file. */
export class ToyStore implements Persistence<PlainBlock, PlainQC, PlainAnchor> {
  readonly blocks: BlockPersister<PlainBlock, PlainQC>;
  readonly commitQCs: CommitQCPersister<PlainQC>;
  readonly anchor: AnchorPersister<PlainAnchor>;
  readonly votes: VoteStore<PlainBlock>;
  readonly disk: ToyDisk;
  readonly options: OpenOptions;
  planned: PlanState;
  recovered: ToyRecovered | undefined;
  tail: Promise<unknown> = Promise.resolve();
  waiting = 0;
  closing: Promise<void> | undefined;
  failed: LanestoreError | undefined;
  attached: object | undefined;
  #roomWaiters: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  constructor(disk: ToyDisk, options: OpenOptions) {
    this.lock(disk);
    this.disk = disk;
    this.options = options;
    this.planned = this.stateAtOpen();
    disk.state = copyOf(this.planned);
    this.verify();
    this.recovered = this.load();
    this.blocks = {
      maybePruneAndPersistLane: (lane, qc, blocks, afterEach) =>
        this.submit({ block: afterEach }, (state) => planLane(plain, state, lane, qc, blocks, this.entriesMax)),
    };
    const store = this;
    this.commitQCs = {
      get next() {
        return store.cursors.commitQCs.next;
      },
      maybePruneAndPersist: (qc, qcs, afterEach) =>
        this.submit({ commitQC: afterEach }, (state) => planCommitQCs(plain, state, qc, qcs, this.entriesMax)),
    };
    this.anchor = {
      persist: async (anchor) => {
        if (anchor === undefined) throw new TypeError('no anchor');
        return this.persist({ anchor });
      },
    };
    this.votes = {
      get model() {
        return store.model.votes as VoteStore<PlainBlock>['model'];
      },
      get durable() {
        return store.disk.state.votes!;
      },
      get planned() {
        return store.planned.votes!;
      },
      get newest() {
        return { store: new Uint8Array(store.disk.store), seq: store.disk.seq };
      },
      get nextCommitQC() {
        return store.planned.commitQCs.next;
      },
      nextBlock: (lane) => this.planned.lanes.get(lane)?.next,
      block: async (lane, number) => {
        this.assertUsable();
        return this.durableBlock(lane, number);
      },
      inner: async () => {
        this.assertUsable();
        return this.disk.state.votes === undefined ? undefined : this.disk.inner;
      },
      bind: (signer) => {
        const own = new Uint8Array(signer);
        return this.changeVotes((votes) => this.bound(votes, own));
      },
      quarantine: (parts, why, lost, seen) =>
        this.changeVotes((votes) => this.quarantined(votes, parts, why, lost, seen)),
      answer: async (validator, answer) => {
        const key = Buffer.from(validator).toString('hex');
        await this.changeVotes((votes) => changedVotes(votes, { answer: [key, answer] }));
        return true;
      },
      setSinks: (sinks) => this.changeVotes((votes) => changedVotes(votes, { sinks: sinks ?? null })),
      attach: () => this.attach(),
    };
  }

  durableBlock(lane: LaneId, number: bigint): PlainBlock | undefined {
    return this.disk.blocks.get(lane)?.find((block) => block.number === number);
  }

  bound(votes: VoteState, signer: Uint8Array): VoteState {
    if (votes.signer !== undefined && Buffer.compare(votes.signer, signer) !== 0) {
      throw new LanestoreError('LANESTORE_INVALID', 'another key is bound');
    }
    return { ...votes, signer };
  }

  quarantined(votes: VoteState, parts: readonly VotePart[], why: string, lost = false, seen?: SeenPlace): VoteState {
    return closedVotes(votes, { parts, why, when: '2026-11-27T00:00:00.000Z', lost }, seen);
  }

  async changeVotes(change: (votes: VoteState) => VoteState): Promise<void> {
    this.assertUsable();
    this.planned.votes = change(this.planned.votes!);
    await this.enqueue(() => {
      this.guard();
      if (this.disk.failing) throw this.fail();
      this.writeVotes(change(this.disk.state.votes!));
    });
  }

  writeVotes(votes: VoteState): void {
    this.disk.seq++;
    this.disk.state.votes = votes;
  }

  attach(): () => void {
    if (this.attached !== undefined) throw new LanestoreError('LANESTORE_LOCKED', 'a guard is there');
    const token = {};
    this.attached = token;
    return () => {
      if (this.attached === token) this.attached = undefined;
    };
  }

  fail(): LanestoreError {
    this.failed ??= new LanestoreError('LANESTORE_FAILED', 'the disk is full');
    return this.failed;
  }

  get model(): Model<PlainBlock, PlainQC, PlainAnchor> {
    return plain;
  }

  get entriesMax(): number {
    return this.options.maxRoundEntries ?? 1e9;
  }

  lock(disk: ToyDisk): void {
    if (disk.open) throw new LanestoreError('LANESTORE_LOCKED', 'it is open');
    disk.open = true;
  }

  stateAtOpen(): PlanState {
    const { anchor, state } = this.disk;
    return { ...copyOf(state), anchor: anchor && anchorPoint(plain, anchor) };
  }

  /** No number may be missing. */
  verify(): void {
    const { state, blocks, commitQCs } = this.disk;
    const logs = [
      { cursor: state.commitQCs, count: commitQCs.length },
      ...[...state.lanes].map(([lane, cursor]) => ({ cursor, count: blocks.get(lane)?.length ?? 0 })),
    ];
    for (const { cursor, count } of logs) {
      if (cursor.next - cursor.first === BigInt(count)) continue;
      this.disk.open = false;
      throw new LanestoreError('LANESTORE_CORRUPT', 'entries are missing');
    }
  }

  load(): ToyRecovered | undefined {
    if (this.options.load === false) return undefined;
    const { anchor, inner, commitQCs, blocks } = this.disk;
    const held = [...blocks].filter(([, list]) => list.length > 0);
    return {
      ...(anchor === undefined ? {} : { anchor }),
      ...(inner === undefined ? {} : { inner }),
      commitQCs: [...commitQCs],
      blocks: new Map(held.map(([lane, list]) => [lane, [...list]] as const)),
    };
  }

  takeRecovered(): ToyRecovered {
    const { recovered } = this;
    this.recovered = undefined;
    return recovered ?? { commitQCs: [], blocks: new Map() };
  }

  get cursors(): Cursors {
    return copyOf(this.disk.state);
  }

  persist(round: ToyRound, hooks: ToyHooks = {}): Promise<void> {
    return this.submit(hooks, (state) => this.planRound(state, round));
  }

  planRound(state: PlanState, round: ToyRound): ToyPlan {
    const plan = planRound(this.model, state, round, this.entriesMax);
    return { ...plan, inner: plan.inner && new Uint8Array(plan.inner) };
  }

  async submit(hooks: ToyHooks, make: (state: PlanState) => ToyPlan): Promise<void> {
    this.assertUsable();
    this.checkHooks(hooks);
    const plan = make(this.planned);
    this.assertUsable();
    this.checkRecords(plan);
    this.checkInner(plan);
    this.checkLanes(plan);
    const bytes = plan.inner?.length ?? 0;
    this.enter(bytes);
    advance(this.planned, plan);
    await this.enqueue(() => {
      this.leave(bytes);
      this.guard();
      this.write(plan);
      this.fire(plan, hooks);
    });
  }

  checkHooks(hooks: ToyHooks): void {
    if (typeof hooks !== 'object' || hooks === null || Symbol.iterator in hooks || 'then' in hooks) {
      throw new TypeError('no hooks');
    }
    for (const [name, hook] of Object.entries(hooks)) {
      if (!['anchor', 'commitQC', 'block', 'vote'].includes(name)) throw new TypeError(`no hook ${name}`);
      if (hook !== undefined && typeof hook !== 'function') throw new TypeError('no function');
    }
  }

  /** Runs `step` after all earlier ones, in a separate turn, as a disk would. */
  enqueue(step: () => void): Promise<void> {
    const done = this.tail.then(() => new Promise<void>((resolve) => setImmediate(resolve))).then(step);
    this.tail = done.catch(() => undefined);
    return done;
  }

  write(plan: ToyPlan): void {
    const { disk } = this;
    if (disk.failing) throw this.fail();
    disk.seq++;
    if (plan.anchor !== undefined) disk.anchor = plan.anchor.entry;
    if (plan.inner !== undefined) disk.inner = plan.inner;
    if (plan.commitQCs !== undefined) {
      const { truncate, append } = plan.commitQCs;
      disk.commitQCs = [...disk.commitQCs.slice(Number(truncate.next - truncate.first)), ...append];
    }
    for (const [lane, { truncate, append }] of plan.lanes) {
      const held = disk.blocks.get(lane) ?? [];
      disk.blocks.set(lane, [...held.slice(Number(truncate.next - truncate.first)), ...append]);
    }
    advance(disk.state, plan);
  }

  /** The hooks to fire, in order. */
  hookCalls({ notify }: ToyPlan, { anchor, commitQC, block, vote }: ToyHooks): (() => void)[] {
    const anchors = notify.anchor === undefined ? [] : [notify.anchor];
    return [
      ...anchors.map((entry) => () => anchor?.(entry)),
      ...notify.commitQCs.map((entry) => () => commitQC?.(entry)),
      ...notify.blocks.map((entry) => () => block?.(entry)),
      ...(notify.votes ?? []).map((given) => () => vote?.(given.vote, new Uint8Array(given.digest))),
    ];
  }

  fire(plan: ToyPlan, hooks: ToyHooks): void {
    const failures: unknown[] = [];
    for (const call of this.hookCalls(plan, hooks)) {
      try {
        call();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async dropLanes(lanes: Iterable<LaneId>): Promise<void> {
    if (typeof lanes === 'string' || ArrayBuffer.isView(lanes)) throw new TypeError('no lanes');
    const list = [...lanes];
    for (const lane of list) laneId(lane);
    this.assertUsable();
    const lanesBefore = new Map(this.planned.lanes);
    this.planned.votes = this.floored(this.planned.votes!, list, lanesBefore);
    for (const lane of list) this.planned.lanes.delete(lane);
    await this.enqueue(() => {
      this.guard();
      for (const lane of list) this.forget(lane);
      this.writeVotes(this.floored(this.disk.state.votes!, list, lanesBefore));
    });
  }

  /** The votes with floors for dropped lanes. */
  floored(votes: VoteState, dropped: readonly LaneId[], lanes: ReadonlyMap<LaneId, Cursor>): VoteState {
    return withLaneFloors(votes, dropped, lanes);
  }

  forget(lane: LaneId): void {
    this.disk.state.lanes.delete(lane);
    this.disk.blocks.delete(lane);
  }

  checkRecords({ inner, anchor, commitQCs, lanes }: ToyPlan): void {
    const { maxRecordBytes = 1e9 } = this.options;
    const records = [
      ...(inner === undefined ? [] : [inner]),
      ...(anchor === undefined ? [] : [plain.anchor.toWire(anchor.entry)]),
      ...(commitQCs?.append ?? []).map(plain.commitQC.toWire),
      ...[...lanes.values()].flatMap(({ append }) => append.map(plain.block.toWire)),
    ];
    if (records.some(({ length }) => length > maxRecordBytes)) {
      throw new LanestoreError('LANESTORE_INVALID', `beyond ${maxRecordBytes}`);
    }
  }

  checkInner({ inner }: ToyPlan): void {
    const { maxInnerBytes = 1e9 } = this.options;
    if (inner === undefined || inner.length <= maxInnerBytes) return;
    throw new LanestoreError('LANESTORE_INVALID', `${inner.length} beyond ${maxInnerBytes}`);
  }

  checkLanes({ lanes }: ToyPlan): void {
    const { maxLanes = 1e9 } = this.options;
    const added = [...lanes.keys()].filter((lane) => !this.planned.lanes.has(lane));
    if (added.length === 0 || this.planned.lanes.size + added.length <= maxLanes) return;
    throw new LanestoreError('LANESTORE_INVALID', `${added} beyond ${maxLanes}`);
  }

  enter(bytes: number): void {
    const { maxRoundBytes = 1e9, maxQueuedBytes = 1e9 } = this.options;
    if (bytes > maxRoundBytes) throw new LanestoreError('LANESTORE_INVALID', 'too large');
    if (this.waiting > 0 && this.waiting + bytes > maxQueuedBytes)
      throw new LanestoreError('LANESTORE_CAPACITY', 'no room');
    this.waiting += bytes;
  }

  leave(bytes: number): void {
    this.waiting -= bytes;
    for (const { resolve } of this.#roomWaiters.splice(0)) resolve();
  }

  checkSignal(signal: unknown): void {
    if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal is no AbortSignal');
  }

  async ready(signal?: AbortSignal): Promise<void> {
    this.assertUsable();
    this.checkSignal(signal);
    signal?.throwIfAborted();
    if (this.waiting <= (this.options.maxQueuedBytes ?? 1e9) / 2) return;
    await new Promise<void>((resolve, reject) => {
      this.#roomWaiters.push({ resolve, reject });
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  }

  close(): Promise<void> {
    this.closing ??= this.shutdown();
    return this.closing;
  }

  async shutdown(): Promise<void> {
    for (const { reject } of this.#roomWaiters.splice(0)) reject(new LanestoreError('LANESTORE_CLOSED', 'closed'));
    await this.tail;
    this.disk.open = false;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  assertUsable(): void {
    if (this.closing !== undefined) throw new LanestoreError('LANESTORE_CLOSED', 'closed');
    this.guard();
  }

  guard(): void {
    if (this.failed !== undefined) throw this.failed;
  }
}

/** The constructor of a toy store, intact or broken. */
export type ToyClass = new (disk: ToyDisk, options: OpenOptions) => ToyStore;

const features: Features = {
  durable: true,
  atomicRounds: true,
  totalOrder: true,
  remembersEmptyCursors: true,
  exclusive: true,
  skipsLoading: true,
  limits: true,
  planLimits: true,
  votes: true,
  disagreeingAnchors: true,
  lose: true,
  refuseWrites: true,
};

/** A toy store, intact or with a broken part, as a subject. */
export function toySubject(Toy: ToyClass): Subject<PlainBlock, PlainQC, PlainAnchor> {
  const place = (): Place<PlainBlock, PlainQC, PlainAnchor> => {
    const disk = new ToyDisk();
    return {
      open: async (options) => {
        disk.failing = false;
        return new Toy(disk, options);
      },
      destroy: async () => undefined,
      lose: async (entry) => lose(disk, entry),
      refuseWrites: () => {
        disk.failing = true;
      },
    };
  };
  return { ...plainTypes, features, place };
}

function lose(disk: ToyDisk, { lane, number }: LostEntry): void {
  if (lane === undefined) disk.commitQCs = disk.commitQCs.filter(({ index }) => index !== number);
  else disk.blocks.set(lane, disk.blocks.get(lane)?.filter((block) => block.number !== number) ?? []);
}
