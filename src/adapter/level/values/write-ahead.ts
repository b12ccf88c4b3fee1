/**
 * Writing values ahead of their batch: the first of two stages. While one batch is synced in LevelDB, the values of the rounds that will make up
 * the next one are written and synced; so a batch in LevelDB never waits for large bytes that could have been on disk already.
 *
 * What a round's batch looks like is not decided here: it is composed when its turn comes, against the state that it builds on, from the
 * round as it was encoded when it was accepted, with references where its values have been written.
 */
import type { RoundStep } from '../batch.js';
import type { ValueStore } from './value-store.js';

/** A round with records that are large enough to be separated. */
export class LargeRound {
  /** What the batch takes: the round as it was accepted, or with references. */
  step: RoundStep;
  /** Bytes of its large records. */
  readonly bytes: number;
  /** `inline`: there was no space, LevelDB takes it whole. */
  state: 'waiting' | 'writing' | 'written' | 'inline' = 'waiting';
  #reservedIn: ValueStore | undefined;

  constructor(step: RoundStep, bytes: number) {
    this.step = step;
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
export class WriteAhead {
  readonly #values: ValueStore;
  #busy: Promise<void> | undefined;

  constructor(values: ValueStore) {
    this.#values = values;
  }

  /** The large records of a round, if it has some. @throws LANESTORE_CAPACITY if there will be no space for them. */
  consider(step: RoundStep, bytes: number): LargeRound | undefined {
    const large = this.#values.separableBytes(step, bytes);
    this.#values.admit(large);
    return large === 0 ? undefined : new LargeRound(step, large);
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
   * Writes the values of the rounds that wait, if they are worth it. The promise is of the group that is being written, these or an earlier
   * one; undefined if there is none. Once a write has failed, it is that failure for good.
   */
  write(waiting: () => readonly LargeRound[]): Promise<void> | undefined {
    if (this.#busy !== undefined) return this.#busy;
    const rounds = waiting();
    let bytes = 0;
    for (const round of rounds) bytes += round.bytes;
    if (!this.isEnough(bytes)) return undefined;
    this.#busy = this.#write(rounds).then(() => {
      this.#busy = undefined;
    });
    // Whoever composes the next batch hears of a failure; until then nobody may be listening.
    this.#busy.catch(() => undefined);
    return this.#busy;
  }

  async #write(rounds: readonly LargeRound[]): Promise<void> {
    for (const round of rounds) round.state = 'writing';
    const steps = await this.#values.writeAhead(rounds.map(({ step }) => step));
    for (const [i, round] of rounds.entries()) {
      round.state = steps === undefined ? 'inline' : 'written';
      round.step = steps?.[i] ?? round.step;
      round.release();
    }
  }
}
