/**
 * Writing values ahead of their batch: the first of two stages. While one batch is synced in LevelDB, the values of the rounds that will make up
 * the next one are written; so a batch in LevelDB never waits for large bytes that could have been on disk already.
 *
 *   waiting --> writing --> placed     its values have their places, and are on their way there; the batch can be composed, and must wait for
 *                  |                   `durable` before LevelDB is told
 *                  +------> inline     there was no space: LevelDB takes it whole
 *
 * What a round's batch looks like is not decided here: it is composed when its turn comes, against the state that it builds on, from the
 * round as it was encoded when it was accepted, with references where its values are.
 */
import type { EncodedRound } from '../format/step.js';
import type { ValueStore } from './value-store.js';

/** A round with records that are large enough to be separated. */
export class LargeRound {
  readonly round: EncodedRound;
  /** Bytes of its large records. */
  readonly bytes: number;
  /** See the top of this file. */
  state: 'waiting' | 'writing' | 'placed' | 'inline' = 'waiting';
  #reservedIn: ValueStore | undefined;

  constructor(round: EncodedRound, bytes: number) {
    this.round = round;
    this.bytes = bytes;
  }

  /** Counts its bytes as needed. */
  reserve(values: ValueStore): void {
    values.reserve(this.bytes);
    this.#reservedIn = values;
  }

  /** They are not needed any more. Idempotent. */
  release(): void {
    this.#reservedIn?.unreserve(this.bytes);
    this.#reservedIn = undefined;
  }
}

/** Writes the values of rounds ahead, one group of rounds at a time. */
export class ValueStage {
  readonly #values: ValueStore;
  /** Of the group that is being written: until it is durable, or for good once it has failed. */
  #placed: Promise<void> | undefined;
  #durable: Promise<void> | undefined;

  constructor(values: ValueStore) {
    this.#values = values;
  }

  /** The large records of a round, if it has some. @throws LANESTORE_CAPACITY if there will be no space for them. */
  consider(round: EncodedRound, bytes: number): LargeRound | undefined {
    const large = this.#values.separableBytes(round, bytes);
    this.#values.admit(large);
    return large === 0 ? undefined : new LargeRound(round, large);
  }

  /** A considered round was accepted. */
  accept(round: LargeRound | undefined): void {
    round?.reserve(this.#values);
  }

  /** True if rounds with so many bytes of large records are worth separating. */
  isEnough(bytes: number): boolean {
    return this.#values.isEnough(bytes);
  }

  /**
   * Resolves when everything that has a place is durable; undefined if it is already. A batch with placed rounds waits for it. Once a write has
   * failed, it is that failure for good.
   */
  get durable(): Promise<void> | undefined {
    return this.#durable;
  }

  /**
   * Begins to write the values of the rounds that wait, if they are worth it. The promise is of the group that is being written, these or an
   * earlier one, and resolves when its rounds are placed, or to be stored inline; undefined if there is no group.
   */
  write(waiting: () => readonly LargeRound[]): Promise<void> | undefined {
    if (this.#placed !== undefined) return this.#placed;
    const rounds = waiting();
    let bytes = 0;
    for (const round of rounds) bytes += round.bytes;
    if (!this.isEnough(bytes)) return undefined;
    this.#placed = this.#place(rounds);
    // Whoever composes the next batch hears of a failure; until then nobody may be listening.
    this.#placed.catch(() => undefined);
    return this.#placed;
  }

  async #place(rounds: readonly LargeRound[]): Promise<void> {
    for (const round of rounds) round.state = 'writing';
    const durable = await this.#values.writeAhead(rounds.map(({ round }) => round));
    for (const round of rounds) {
      round.state = durable === undefined ? 'inline' : 'placed';
      round.release();
    }
    if (durable === undefined) {
      this.#placed = undefined;
      return;
    }
    this.#durable = durable.done.then(() => {
      this.#placed = undefined;
      this.#durable = undefined;
    });
    this.#durable.catch(() => undefined);
  }
}
