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
import { CountWaitList, WaitList } from '../base/waiters.js';
import { isLanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import { autobahn, type CommitQC, type PruneAnchor, type SignedBlock } from '../model/autobahn/index.js';
import type { Inner } from './inner.js';
import { InnerWrites } from './inner-writes.js';
import type { Lane } from './lane.js';
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

/**
 * What was handed to a loop so far beside the state itself: calls of `persistInner`, and lanes to
 * be dropped.
 */
export interface HandedOver {
  readonly innerCalls: bigint;
  readonly drops: bigint;
}

/** See the top of this file. */
export class PersistLoop {
  readonly #inner: Inner;
  readonly #store: NodeStore;
  readonly #limits: LoopLimits;
  readonly #fail: (error: unknown) => void;
  readonly #hooks: Pick<DurableHooks<SignedBlock, CommitQC, PruneAnchor>, 'anchor' | 'commitQC'>;
  readonly #ending = new AbortController();
  readonly #innerWrites = new InnerWrites();
  readonly #dropped = new CountWaitList('calls of flush');
  #drops: LaneId[] = [];
  /** Lanes that were to be dropped so far, and those of them that are. */
  #dropsAsked = 0n;
  #dropsDone = 0n;
  #underWay = 0;
  #turns = 0;
  #scheduled = false;
  #stopped = false;
  /** True from a refusal until the store has room again: only anchors go, for they make room. */
  #waitingForRoom = false;
  #refusals = 0;
  readonly #idle = new WaitList('calls of close');

  /** @param fail called once with what stops the loop: what the store rejected a round with */
  constructor(inner: Inner, store: NodeStore, limits: LoopLimits, fail: (error: unknown) => void) {
    this.#inner = inner;
    this.#store = store;
    this.#limits = limits;
    this.#fail = fail;
    this.#hooks = {
      anchor: (anchor) => this.#drop(inner.markAnchor(anchor)),
      commitQC: (qc) => inner.markCommitQC(qc),
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

  /**
   * Stores the node's own consensus state; resolves when this, or what was handed over after it, is
   * durable.
   * @throws as `AvailState.persistInner`.
   */
  persistInner(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const stored = this.#innerWrites.add(new Uint8Array(bytes), signal);
    this.kick();
    return stored;
  }

  /** Forgets lanes in the store. */
  dropLanes(lanes: readonly LaneId[]): void {
    this.#drop(lanes);
  }

  /** What was handed over until now; for {@link settled}. */
  get handedOver(): HandedOver {
    return { innerCalls: this.#innerWrites.calls, drops: this.#dropsAsked };
  }

  /**
   * Resolves when what was handed over until then is settled: stored, refused for its size,
   * dropped. What comes later does not count.
   * @throws the signal's reason; what {@link stop} was given.
   */
  async settled({ innerCalls, drops }: HandedOver, signal?: AbortSignal): Promise<void> {
    this.#ending.signal.throwIfAborted();
    await this.#innerWrites.settled(innerCalls, signal);
    this.#ending.signal.throwIfAborted();
    if (this.#dropsDone < drops) await this.#dropped.wait(drops, signal);
  }

  /**
   * Resolves when all that is there has become durable, or the loop has stopped.
   * @throws the signal's reason.
   */
  async idle(signal?: AbortSignal): Promise<void> {
    if (this.#stopped) return;
    this.kick();
    await this.#idle.wait(signal);
  }

  /** Takes no more turns. What the store has accepted goes on by itself. */
  stop(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#ending.abort(error);
    this.#innerWrites.refuse(error);
    this.#dropped.refuse(error);
    this.#idle.release();
  }

  #turn(): void {
    if (this.#stopped) return;
    this.#turns++;
    if (this.#underWay < this.#limits.roundsMax) {
      // A refusal is seen before the next turn: only then is it known whether a lane that has
      // joined again begins anew in the store.
      if (!this.#waitingForRoom && this.#submitDrops()) {
        this.kick();
        return;
      }
      // Without room, too: whether the store refuses its size decides what must be kept for when
      // there is some.
      if (!this.#waitingForRoom || this.#innerWrites.isUntried) this.#submitInner();
      const turn = this.#waitingForRoom
        ? takeAnchor(this.#inner, this.#limits)
        : takeTurn(this.#inner, this.#limits, this.#turns);
      if (turn !== undefined) {
        this.#submit(turn);
        if (turn.more) this.kick();
      }
    }
    if (this.#underWay === 0 && !this.#waitingForRoom && this.#innerWrites.isEmpty) this.#idle.release();
  }

  /** The last one wins; those before it are settled by it. */
  #submitInner(): void {
    const writes = this.#innerWrites;
    const taken = writes.take();
    if (taken === undefined) return;
    const { bytes } = taken.at(-1) ?? taken[0];
    this.#track(
      this.#store.persist({ inner: bytes }),
      () => writes.stored(taken),
      (error) => {
        if (this.#stopped) return this.#fail(error);
        if (isLanestoreError(error, 'LANESTORE_CAPACITY')) {
          writes.putBack(taken);
          this.#waitForRoom();
        } else if (isLanestoreError(error, 'LANESTORE_INVALID')) {
          // One that is too large is its caller's business; those before it have nothing to do with
          // that.
          writes.tooLarge(taken, error);
          this.kick();
        } else {
          this.#fail(error);
        }
      },
    );
  }

  #submit(turn: Turn): void {
    const block = (signed: SignedBlock) => {
      const lane = turn.lanes.get(autobahn.block.lane(signed)) as Lane;
      this.#inner.markBlock(lane, autobahn.block.number(signed));
    };
    this.#track(this.#store.persist(turn.round, { ...this.#hooks, block }), undefined, (error) => {
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
    this.#dropsAsked += BigInt(lanes.length);
    this.kick();
  }

  /** Before anything else, should one of them have joined again. False if there are none. */
  #submitDrops(): boolean {
    const lanes = this.#drops.splice(0);
    if (lanes.length === 0) return false;
    const done = () => {
      this.#dropsDone += BigInt(lanes.length);
      this.#dropped.reach(this.#dropsDone);
    };
    this.#track(this.#store.dropLanes(lanes), done, (error) => {
      if (!isLanestoreError(error, 'LANESTORE_CAPACITY')) return this.#fail(error);
      this.#drops = [...lanes, ...this.#drops];
      this.#waitForRoom();
    });
    return true;
  }
}

function isMixed({ round }: Turn): boolean {
  return round.blocks !== undefined || round.commitQCs !== undefined;
}
