/**
 * The persist loop: takes what is new, hands it to the store, marks each entry durable on its hook.
 *
 * It is pipelined. A round is encoded while the one before it is being synced, and a log (a lane, the CommitQCs) waits only for
 * its own rounds, never for those of a slower one. The node's own consensus state goes in a round of its own, so a vote does not wait
 * for blocks either. At most one turn a tick; none without work.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DurableHooks, Persistence } from '../adapter/index.js';
import { appendAll } from '../base/lists.js';
import { isLanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import { autobahn, type CommitQC, type PruneAnchor, type SignedBlock } from '../model/autobahn/index.js';
import type { Inner } from './inner.js';
import { type Turn, type TurnLimits, takeAnchor, takeTurn } from './turn.js';

/** What a node's store is. */
export type NodeStore = Persistence<SignedBlock, CommitQC, PruneAnchor>;

/** How a loop is driven. */
export interface LoopLimits extends TurnLimits {
  /** Rounds under way at a time, all logs together; 1 is the original's loop, which waits for each round. */
  readonly roundsMax: number;
}

/** The longest pause before a store that has no room is asked again, should its `ready` not say when. */
const PAUSE_MS_MAX = 1000;

interface InnerWrite {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** See the top of this file. */
export class PersistLoop {
  readonly #inner: Inner;
  readonly #store: NodeStore;
  readonly #limits: LoopLimits;
  readonly #fail: (error: unknown) => void;
  readonly #hooks: DurableHooks<SignedBlock, CommitQC, PruneAnchor>;
  readonly #ending = new AbortController();
  #innerWaiting: InnerWrite[] = [];
  #drops: LaneId[] = [];
  #underWay = 0;
  #turns = 0;
  #scheduled = false;
  #stopped = false;
  /** True from a refusal until the store has room again: only anchors go, for they make room. */
  #waitingForRoom = false;
  #refusals = 0;
  #idleWaiters: (() => void)[] = [];

  /** @param fail called once with what stops the loop: what the store rejected a round with */
  constructor(inner: Inner, store: NodeStore, limits: LoopLimits, fail: (error: unknown) => void) {
    this.#inner = inner;
    this.#store = store;
    this.#limits = limits;
    this.#fail = fail;
    this.#hooks = {
      anchor: (anchor) => this.#drop(inner.markAnchor(anchor)),
      commitQC: (qc) => inner.markCommitQC(qc),
      block: (block) => inner.markBlock(autobahn.block.lane(block), autobahn.block.number(block)),
    };
  }

  /** Turns taken so far, those that found nothing included. */
  get turns(): number {
    return this.#turns;
  }

  /** There is something new. Many calls in one tick make one turn. */
  kick(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    // After this tick's microtasks: all that is pushed together goes together.
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#scheduled = false;
        this.#turn();
      }),
    );
  }

  /** Stores the node's own consensus state; resolves when this, or what was handed over after it, is durable. */
  persistInner(bytes: Uint8Array): Promise<void> {
    const copy = new Uint8Array(bytes);
    return new Promise((resolve, reject) => {
      this.#innerWaiting.push({ bytes: copy, resolve, reject });
      this.kick();
    });
  }

  /** Forgets lanes in the store. */
  dropLanes(lanes: readonly LaneId[]): void {
    this.#drop(lanes);
  }

  /** Resolves when all that is there has become durable, or the loop has stopped. */
  async idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#idleWaiters.push(resolve);
      this.kick();
      if (this.#stopped) this.#tellIdle();
    });
  }

  /** Takes no more turns. What the store has accepted goes on by itself. */
  stop(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#ending.abort();
    for (const write of this.#innerWaiting.splice(0)) write.reject(error);
    this.#tellIdle();
  }

  #turn(): void {
    if (this.#stopped) return;
    this.#turns++;
    if (this.#underWay < this.#limits.roundsMax) {
      if (!this.#waitingForRoom) {
        this.#submitDrops();
        this.#submitInner();
      }
      const turn = this.#waitingForRoom
        ? takeAnchor(this.#inner, this.#limits)
        : takeTurn(this.#inner, this.#limits, this.#turns);
      if (turn !== undefined) {
        this.#submit(turn);
        if (turn.more) this.kick();
      }
    }
    if (this.#underWay === 0 && !this.#waitingForRoom && this.#innerWaiting.length === 0) this.#tellIdle();
  }

  /** The last one wins; those before it are settled by it. */
  #submitInner(): void {
    const writes = this.#innerWaiting.splice(0);
    const last = writes.at(-1);
    if (last === undefined) return;
    this.#track(
      this.#store.persist({ inner: last.bytes }),
      () => {
        for (const write of writes) write.resolve();
      },
      (error) => {
        if (isLanestoreError(error, 'LANESTORE_CAPACITY') && !this.#stopped) {
          this.#innerWaiting = [...writes, ...this.#innerWaiting];
          this.#waitForRoom();
          return;
        }
        // One that is too large is its caller's business; those before it have nothing to do with that.
        if (isLanestoreError(error, 'LANESTORE_INVALID') && !this.#stopped) {
          last.reject(error);
          this.#innerWaiting = [...writes.slice(0, -1), ...this.#innerWaiting];
          this.kick();
          return;
        }
        for (const write of writes) write.reject(error);
        this.#fail(error);
      },
    );
  }

  #submit(turn: Turn): void {
    this.#track(this.#store.persist(turn.round, this.#hooks), undefined, (error) => {
      if (!isLanestoreError(error, 'LANESTORE_CAPACITY')) return this.#fail(error);
      if (this.#stopped) return;
      // A refusal is seen before the next turn, so nothing was planned behind this one.
      turn.undo();
      const wasWaiting = this.#waitingForRoom;
      this.#waitForRoom();
      if (!wasWaiting && turn.round.anchor !== undefined && isMixed(turn)) this.kick();
    });
  }

  #track(round: Promise<void>, done: (() => void) | undefined, refused: (error: unknown) => void): void {
    this.#underWay++;
    round.then(
      () => {
        this.#underWay--;
        this.#refusals = 0;
        done?.();
        this.kick();
      },
      (error: unknown) => {
        this.#underWay--;
        refused(error);
      },
    );
  }

  #waitForRoom(): void {
    if (this.#waitingForRoom) return;
    this.#waitingForRoom = true;
    const pauseMs = this.#refusals === 0 ? 0 : Math.min(PAUSE_MS_MAX, 2 ** this.#refusals);
    this.#refusals++;
    this.#roomComes(pauseMs).then(
      () => {
        this.#waitingForRoom = false;
        this.kick();
      },
      (error: unknown) => {
        if (!this.#stopped) this.#fail(error);
      },
    );
  }

  async #roomComes(pauseMs: number): Promise<void> {
    const { signal } = this.#ending;
    // Refused again without a round having settled: `ready` knows nothing of what is full, so do not ask it all the time.
    if (pauseMs > 0) await sleep(pauseMs, undefined, { signal });
    await this.#store.ready(signal);
  }

  #drop(lanes: readonly LaneId[]): void {
    if (lanes.length === 0 || this.#stopped) return;
    appendAll(this.#drops, lanes);
    this.kick();
  }

  /** Before anything else, should one of them have joined again. */
  #submitDrops(): void {
    const lanes = this.#drops.splice(0);
    if (lanes.length === 0) return;
    this.#track(this.#store.dropLanes(lanes), undefined, (error) => {
      if (!isLanestoreError(error, 'LANESTORE_CAPACITY')) return this.#fail(error);
      this.#drops = [...lanes, ...this.#drops];
      this.#waitForRoom();
    });
  }

  #tellIdle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

function isMixed({ round }: Turn): boolean {
  return round.blocks !== undefined || round.commitQCs !== undefined;
}
