/**
 * The persist loop: hands new entries to the store in rounds, and marks each entry durable when its
 * hook fires.
 *
 * The loop is pipelined. A round is encoded while the previous one is being synced. A log (a lane,
 * or the CommitQCs) waits only for its own rounds, not for those of a slower log. The node's own
 * consensus state is written in a round of its own, so that a vote does not wait for blocks. There
 * is at most one turn in a tick. Without a push or a finished round, there is none.
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

/** The store of a node. */
export type NodeStore = Persistence<SignedBlock, CommitQC, PruneAnchor>;

/** Limits of a loop. */
export interface LoopLimits extends TurnLimits {
  /**
   * Rounds in progress at a time, over all logs. 1 is the original's loop, which waits for each
   * round.
   */
  readonly roundsMax: number;
}

/**
 * The longest pause before a store without room is tried again, in milliseconds. Used if the
 * store's `ready` resolves although there is no room.
 */
const PAUSE_MS_MAX = 1000;

/**
 * Counts of the work that was passed to a loop directly so far, not through the state: calls of
 * `persistInner`, and lanes to drop.
 */
export interface HandedOver {
  readonly innerCalls: bigint;
  readonly drops: bigint;
}

/** The loop described at the top of this file. */
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
  /** Number of lanes that were to be dropped so far. */
  #dropsAsked = 0n;
  #dropsDone = 0n;
  #underWay = 0;
  #turns = 0;
  #scheduled = false;
  #stopped = false;
  /**
   * True from a refusal until the store has room again. Meanwhile only anchors are handed over:
   * they free space.
   */
  #waitingForRoom = false;
  #refusals = 0;
  readonly #idle = new WaitList('calls of close');

  /**
   * @param fail called with an error of the store after which the loop cannot continue; it must
   * call {@link stop}
   */
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

  /** Number of turns so far, including those without work. */
  get turns(): number {
    return this.#turns;
  }

  /** Schedules a turn, because there is something new. All calls in one tick share a turn. */
  kick(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    // Runs after this tick's microtasks, so that everything pushed in one tick goes into one round.
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#scheduled = false;
        this.#turn();
      }),
    );
  }

  /**
   * Stores the node's own consensus state. Resolves when this state, or a later one, is durable.
   * @throws as `AvailState.persistInner`.
   */
  persistInner(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const stored = this.#innerWrites.add(new Uint8Array(bytes), signal);
    this.kick();
    return stored;
  }

  /** Drops lanes from the store. */
  dropLanes(lanes: readonly LaneId[]): void {
    this.#drop(lanes);
  }

  /** The counts so far, for {@link settled}. */
  get handedOver(): HandedOver {
    return { innerCalls: this.#innerWrites.calls, drops: this.#dropsAsked };
  }

  /**
   * Resolves when everything that these counts cover is settled: stored, refused for its size, or
   * dropped. Later work does not count.
   * @throws the signal's reason; the error given to {@link stop}.
   */
  async settled({ innerCalls, drops }: HandedOver, signal?: AbortSignal): Promise<void> {
    this.#ending.signal.throwIfAborted();
    await this.#innerWrites.settled(innerCalls, signal);
    this.#ending.signal.throwIfAborted();
    if (this.#dropsDone < drops) await this.#dropped.wait(drops, signal);
  }

  /**
   * Resolves when all entries of the state are durable, or the loop has stopped.
   * @throws the signal's reason.
   */
  async idle(signal?: AbortSignal): Promise<void> {
    if (this.#stopped) return;
    this.kick();
    await this.#idle.wait(signal);
  }

  /** Stops the loop: there are no more turns. Rounds that the store has accepted continue. */
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
      // A refusal is handled before the next turn. Only then is it known whether a lane that has
      // joined again starts anew in the store.
      if (!this.#waitingForRoom && this.#submitDrops()) {
        this.kick();
        return;
      }
      // Handed over even without room, as long as the store may refuse the size: that decides which
      // states must be kept for later.
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

  /** Hands over the newest state; earlier ones are settled with it. */
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
          // Only the calls that wait for the oversize state are rejected; the states before it are
          // tried again.
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
      // A refusal is handled before the next turn, so no later round builds on this one.
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
    this.#untilRoom(pauseMs).then(
      () => {
        this.#waitingForRoom = false;
        this.kick();
      },
      (error: unknown) => {
        if (!this.#stopped) this.#fail(error);
      },
    );
  }

  async #untilRoom(pauseMs: number): Promise<void> {
    const { signal } = this.#ending;
    // The store refused again although no round was stored since: `ready` does not wait for the
    // resource that is exhausted. The pause prevents a tight loop.
    if (pauseMs > 0) await sleep(pauseMs, undefined, { signal });
    await this.#store.ready(signal);
  }

  #drop(lanes: readonly LaneId[]): void {
    if (lanes.length === 0 || this.#stopped) return;
    appendAll(this.#drops, lanes);
    this.#dropsAsked += BigInt(lanes.length);
    this.kick();
  }

  /**
   * Hands over the drops before any other entry, in case a lane has joined again. False if there
   * are none.
   */
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
