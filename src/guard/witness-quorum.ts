/**
 * The sinks of a guard. Each batch is put to all of them, and is witnessed once a quorum holds it.
 */

import type { WitnessSet } from '../adapter/witness-set.js';
import { LanestoreError, type LanestoreErrorOptions } from '../errors.js';
import type { SinkFeed } from './sink-feed.js';

/** The status of a sink, for display. */
export interface SinkStatus {
  readonly name: string;
  /** The newest batch that this guard has put to it; undefined if none. */
  readonly seq: bigint | undefined;
  /** Why the last call failed; undefined if it did not. */
  readonly error: string | undefined;
}

interface Waiter {
  readonly seq: bigint;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** See the top of this file. */
export class WitnessQuorum {
  readonly mode: 'before' | 'after';
  readonly #feeds: ReadonlyMap<string, SinkFeed>;
  readonly #newestSeq: () => bigint;
  readonly #msMax: number;
  #sets: readonly WitnessSet[];
  readonly #waiters = new Set<Waiter>();
  #lost: LanestoreError | undefined;

  constructor(
    feeds: readonly SinkFeed[],
    sets: readonly WitnessSet[],
    { mode, msMax, newestSeq }: { mode: 'before' | 'after'; msMax: number; newestSeq: () => bigint },
  ) {
    this.#feeds = new Map(feeds.map((feed) => [feed.sink.name, feed]));
    this.#sets = sets;
    this.mode = mode;
    this.#msMax = msMax;
    this.#newestSeq = newestSeq;
  }

  get status(): readonly SinkStatus[] {
    return [...this.#feeds].map(([name, { held, error }]) => ({
      name,
      seq: held < 0n ? undefined : held,
      error: error?.message,
    }));
  }

  /**
   * Resolves when everything that is durable now may be released. Mode `before`: when a quorum of
   * every set holds it. Mode `after`: at once.
   * @throws LANESTORE_IO, which names the sinks that failed; LANESTORE_FENCED.
   */
  async witnessed(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    const seq = this.#newestSeq();
    if (this.mode === 'before') return this.reach(seq);
    for (const feed of this.#feeds.values()) feed.want(seq);
  }

  /** Resolves when a quorum of every set holds batch `seq`. @throws as {@link witnessed}. */
  async reach(seq: bigint): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#isHeld(seq)) return;
    for (const feed of this.#feeds.values()) feed.want(seq);
    let timer: NodeJS.Timeout | undefined;
    let waiter: Waiter | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { seq, resolve, reject };
        this.#waiters.add(waiter);
        timer = setTimeout(() => reject(this.#missing(seq)), this.#msMax);
      });
    } finally {
      clearTimeout(timer);
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  /** Resolves the waits whose batch a quorum holds now. */
  changed(): void {
    for (const waiter of this.#waiters) if (this.#isHeld(waiter.seq)) waiter.resolve();
  }

  /** Stops: every pending and later wait for witnesses rejects with `error`. */
  lose(error: LanestoreError): void {
    this.#lost ??= error;
    for (const feed of this.#feeds.values()) feed.close();
    for (const { reject } of this.#waiters) reject(this.#lost);
  }

  /** From now on, the quorums of these sets count. Closes the sinks that are in no set. */
  setSets(sets: readonly WitnessSet[]): void {
    this.#sets = sets;
    const names = new Set(sets.flatMap((set) => set.names));
    for (const [name, feed] of this.#feeds) if (!names.has(name)) feed.close();
    this.changed();
  }

  /**
   * Closes the sinks. In mode `after`, first waits until a quorum holds the newest batch, or for
   * the deadline.
   */
  async close(): Promise<void> {
    if (this.mode === 'after') await this.reach(this.#newestSeq()).catch(() => undefined);
    for (const feed of this.#feeds.values()) feed.close();
  }

  #isHeld(seq: bigint): boolean {
    return this.#sets.every(({ names, quorum }) => {
      const held = names.filter((name) => (this.#feeds.get(name)?.held ?? -1n) >= seq);
      return held.length >= quorum;
    });
  }

  #missing(seq: bigint): LanestoreError {
    const failed = [...this.#feeds].flatMap(([name, { held, error }]) => {
      if (held >= seq) return [];
      return [[name, error ?? new Error(`it did not take batch ${seq} within ${this.#msMax} ms`)] as const];
    });
    return noQuorumError('nothing is released', this.#sets, failed);
  }
}

/** LANESTORE_IO, which names every sink that failed, and why. */
export function noQuorumError(
  what: string,
  sets: readonly WitnessSet[],
  failed: readonly (readonly [name: string, error: Error])[],
): LanestoreError {
  const needed = sets.map(({ names, quorum }) => `${quorum} of ${names.length}`).join(', and ');
  const reasons = failed.map(([name, { message }]) => `${name}: ${message}`).join('; ');
  const [first] = failed;
  const options: LanestoreErrorOptions = {
    ...(first === undefined ? {} : { cause: first[1] }),
    remedy: 'check the sinks that the message names; votes that were given may be given again, the same ones',
  };
  return new LanestoreError('LANESTORE_IO', `${what}: no quorum of sinks (${needed} needed): ${reasons}`, options);
}
