/**
 * Those who wait for something to come true. Each waits on topics, a kind and mostly a lane, and is looked at only when one of
 * them changes: a block of one lane wakes nobody who waits for another lane, or for votes.
 */

/** What can change. A topic with a lane stands for that lane only. */
export type TopicKind =
  /** A block was added, or blocks were pruned. */
  | 'blocks'
  /** Blocks became durable, or were pruned. */
  | 'durable'
  /** The durable anchor moved: there is room. */
  | 'capacity'
  /** A vote was counted, or votes were pruned. */
  | 'votes'
  /** A block reached the quorum of its lane. */
  | 'laneQC'
  /** A CommitQC was added, or CommitQCs were pruned. */
  | 'commitQCs'
  /** CommitQCs became durable. */
  | 'durableQC'
  /** There is a newer AppQC. */
  | 'appQC';

/** A kind, or a kind and a lane. */
export type Topic = TopicKind | `${TopicKind} ${string}`;

interface Waiter {
  readonly topics: readonly Topic[];
  /** Settles the waiter if it can be settled; true if it was. */
  readonly look: () => boolean;
  readonly reject: (error: unknown) => void;
}

/** What `promise` gives; an abort ends the waiting for it, nothing else. @throws the signal's reason, or what `promise` rejects with. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Waiters by topic. */
export class Waiters {
  readonly #byTopic = new Map<Topic, Set<Waiter>>();
  #stopped: { readonly error: unknown } | undefined;
  #looks = 0;

  /** How often a waiter was looked at; what tests hold against the number of changes. */
  get looks(): number {
    return this.#looks;
  }

  /** How many wait. */
  get size(): number {
    return new Set([...this.#byTopic.values()].flatMap((waiters) => [...waiters])).size;
  }

  /**
   * Resolves with what `check` gives as soon as that is not undefined: at once, or at a change of one of `topics`. `check` runs while
   * the state is whole, may change it, and is not asked again once it has returned something.
   * @throws the signal's reason when it aborts; what `check` throws; what {@link stop} was given.
   */
  async until<T>(topics: readonly Topic[], check: () => T | undefined, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#stopped !== undefined) throw this.#stopped.error;
    const now = check();
    if (now !== undefined) return now;
    return new Promise<T>((resolve, reject) => {
      const abort = () => settle(() => reject(signal?.reason));
      const settle = (how: () => void): boolean => {
        this.#remove(waiter);
        signal?.removeEventListener('abort', abort);
        how();
        return true;
      };
      let looking = false;
      const waiter: Waiter = {
        topics,
        look: () => {
          // What `check` itself changes comes round to here.
          if (looking) return false;
          looking = true;
          try {
            const value = check();
            return value !== undefined && settle(() => resolve(value));
          } catch (error) {
            return settle(() => reject(error));
          } finally {
            looking = false;
          }
        },
        reject: (error) => void settle(() => reject(error)),
      };
      this.#add(waiter);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Looks at those who wait on `topic`. */
  wake(topic: Topic): void {
    for (const waiter of [...(this.#byTopic.get(topic) ?? [])]) {
      this.#looks++;
      waiter.look();
    }
  }

  /** Rejects all who wait, and all who will. The first error stays. */
  stop(error: unknown): void {
    this.#stopped ??= { error };
    for (const waiters of [...this.#byTopic.values()]) for (const waiter of [...waiters]) waiter.reject(error);
  }

  #add(waiter: Waiter): void {
    for (const topic of waiter.topics) {
      const waiters = this.#byTopic.get(topic);
      if (waiters === undefined) this.#byTopic.set(topic, new Set([waiter]));
      else waiters.add(waiter);
    }
  }

  #remove(waiter: Waiter): void {
    for (const topic of waiter.topics) {
      const waiters = this.#byTopic.get(topic);
      waiters?.delete(waiter);
      if (waiters?.size === 0) this.#byTopic.delete(topic);
    }
  }
}
