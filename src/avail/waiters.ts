/**
 * The wait lists of the availability state. Each list is for one kind of change, mostly of one
 * lane. So a change wakes only callers that may now continue: a new block of one lane wakes no
 * caller that waits for another lane, or for votes.
 */
import { CountWaitList, throwIfAborted, WaitList } from '../base/waiters.js';

/**
 * The callers that wait for a change of one lane. They belong to this lane object, not to a lane
 * that joins later under the same id.
 */
export class LaneWaiters {
  /**
   * `pushBlock`, by block number, until the lane can decide on the block; see `Lane.blocksDecided`.
   */
  readonly pushedBlocks = new CountWaitList('blocks of a lane');
  /** `pushVote`, by block number; see `Lane.votesDecided`. */
  readonly pushedVotes = new CountWaitList('votes for blocks of a lane');
  /** Until the lane holds the block, or it was pruned. */
  readonly blocks = new CountWaitList('readers of blocks');
  /** Until the block is durable, or was pruned. */
  readonly durable = new CountWaitList('readers of durable blocks');
  /** `produceBlock`, released one after another: each new block uses up room. */
  readonly producers = new WaitList('calls of produceBlock');
  /** `waitForCapacity`. */
  readonly room = new WaitList('calls of waitForCapacity');
  /** Until there is a new header: a block was added, a vote was counted, or some were pruned. */
  readonly headers = new WaitList('calls of fullCommitQC');

  /** Rejects every waiting call. */
  refuse(error: unknown): void {
    for (const list of [this.pushedBlocks, this.pushedVotes, this.blocks, this.durable]) list.refuse(error);
    for (const list of [this.producers, this.room, this.headers]) list.refuse(error);
  }

  /**
   * Called when the lane has left: rejects every waiting call, except those that wait for headers,
   * which return as for a pruned block.
   */
  leave(error: unknown): void {
    this.headers.release();
    this.refuse(error);
  }
}

/** The callers that wait for a change of the whole state. */
export class AvailWaiters {
  /** Until the CommitQC is held, or was pruned. */
  readonly commitQCs = new CountWaitList('calls for CommitQCs');
  /** Until the CommitQC is durable. */
  readonly durableQCs = new CountWaitList('calls for durable CommitQCs');
  /** Until there is an AppQC for the road or a later one. */
  readonly appQCs = new CountWaitList('calls of waitForAppQC');
  /** Until an anchor for the road or a later one is durable. */
  readonly durableAnchors = new CountWaitList('calls of flush');
  /** Until another block has a quorum, or the committee changes. */
  readonly laneQCs = new WaitList('calls of waitForLaneQCs');
  /** Until blocks of any lane are durable. */
  readonly durableBlocks = new WaitList('calls of receiveBatch');
  #stopped: { readonly error: unknown } | undefined;
  #looks = 0;

  /** Number of times that a caller was woken. Tests compare it with the number of changes. */
  get looks(): number {
    return this.#looks;
  }

  /**
   * Resolves with the result of `check` as soon as that is not undefined: at once, or after calling
   * and awaiting `wait`, as often as necessary. `check` may change the state; it is not called
   * again once it has returned a value.
   * @throws the signal's reason when it aborts; errors of `check` and `wait`; the error given to
   * {@link stop}.
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
   * Rejects every waiting and every later call. Calls that wait for a lane are rejected by
   * {@link LaneWaiters}. Only the first error counts.
   */
  stop(error: unknown): void {
    this.#stopped ??= { error };
    for (const list of [this.commitQCs, this.durableQCs, this.appQCs, this.durableAnchors]) list.refuse(error);
    for (const list of [this.laneQCs, this.durableBlocks]) list.refuse(error);
  }
}
