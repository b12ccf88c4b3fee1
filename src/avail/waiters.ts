/**
 * What callers of the availability state wait for. Each list stands for one thing that can change,
 * and mostly for one lane, so a caller is looked at only when what it waits for may be there: a
 * block of one lane wakes no caller that waits for another lane, or for votes.
 */
import { CountWaitList, throwIfAborted, WaitList } from '../base/waiters.js';

/**
 * The callers that wait for something of one lane: of this object, not of a lane that has the same
 * id later.
 */
export class LaneWaiters {
  /**
   * `pushBlock`, by block number, until the lane can say what becomes of it; see
   * `Lane.blocksDecided`.
   */
  readonly pushedBlocks = new CountWaitList('blocks of a lane');
  /** `pushVote`, by block number; see `Lane.votesDecided`. */
  readonly pushedVotes = new CountWaitList('votes for blocks of a lane');
  /** Until the lane holds so many blocks, or they were pruned. */
  readonly blocks = new CountWaitList('readers of blocks');
  /** Until so many blocks are durable, or were pruned. */
  readonly durable = new CountWaitList('readers of durable blocks');
  /** `produceBlock`: each block takes room from the next one, so they go on one after another. */
  readonly producers = new WaitList('calls of produceBlock');
  /** `waitForCapacity`. */
  readonly room = new WaitList('calls of waitForCapacity');
  /** Until there is another header: a block was added, a vote was counted, or some were pruned. */
  readonly headers = new WaitList('calls of fullCommitQC');

  /** Rejects all of them. */
  refuse(error: unknown): void {
    for (const list of [this.pushedBlocks, this.pushedVotes, this.blocks, this.durable]) list.refuse(error);
    for (const list of [this.producers, this.room, this.headers]) list.refuse(error);
  }

  /**
   * The lane has left: rejects all of them, but those that wait for headers, which count as pruned.
   */
  leave(error: unknown): void {
    this.headers.release();
    this.refuse(error);
  }
}

/** The callers that wait for something of the whole state. */
export class AvailWaiters {
  /** Until there are so many CommitQCs, or they were pruned. */
  readonly commitQCs = new CountWaitList('calls for CommitQCs');
  /** Until so many CommitQCs are durable. */
  readonly durableQCs = new CountWaitList('calls for durable CommitQCs');
  /** Until there is an AppQC for so many roads. */
  readonly appQCs = new CountWaitList('calls of waitForAppQC');
  /** Until an anchor for so many roads is durable. */
  readonly durableAnchors = new CountWaitList('calls of flush');
  /** Until another block has a quorum, or the committee changes. */
  readonly laneQCs = new WaitList('calls of waitForLaneQCs');
  /** Until blocks of any lane are durable. */
  readonly durableBlocks = new WaitList('calls of receiveBatch');
  #stopped: { readonly error: unknown } | undefined;
  #looks = 0;

  /** How often a caller was woken; what tests hold against the number of changes. */
  get looks(): number {
    return this.#looks;
  }

  /**
   * Resolves with what `check` gives as soon as that is not undefined: at once, or after a `wait`,
   * which is asked for again each time. `check` may change the state, and is not called again once
   * it has returned something.
   * @throws the signal's reason when it aborts; what `check` and `wait` throw; what {@link stop}
   * was given.
   */
  async until<T>(
    check: () => T | undefined,
    wait: (signal?: AbortSignal) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<T> {
    for (;;) {
      throwIfAborted(signal);
      if (this.#stopped !== undefined) throw this.#stopped.error;
      const value = check();
      if (value !== undefined) return value;
      await wait(signal);
      this.#looks++;
    }
  }

  /**
   * Rejects all that wait, and all that will; the callers of lanes are the lanes' own. The first
   * error stays.
   */
  stop(error: unknown): void {
    this.#stopped ??= { error };
    for (const list of [this.commitQCs, this.durableQCs, this.appQCs, this.durableAnchors]) list.refuse(error);
    for (const list of [this.laneQCs, this.durableBlocks]) list.refuse(error);
  }
}
