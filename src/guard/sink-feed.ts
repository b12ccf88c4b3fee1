/**
 * Writes the signing state of a store to one sink. Skips states that a newer one has replaced.
 * While the sink fails, it retries after a pause. A call that exceeds its deadline fails, and the
 * next call begins only after the late one has ended.
 */
import { randomBytes } from 'node:crypto';
import type { SigningHistory } from '../adapter/index.js';
import { isLanestoreError, LanestoreError } from '../errors.js';
import type { WitnessClaim, WitnessKey, WitnessRecord, WitnessSink } from './witness.js';
import { checkedHistory, isHolder } from './witness-text.js';

/** Milliseconds of the first pause after a failure, and of the longest one. */
const PAUSE_MS = 50;
const PAUSE_MS_MAX = 2_000;
const HOLDER_BYTES = 16;

/** The parts of a feed. */
export interface FeedParts {
  readonly key: WitnessKey;
  /** Milliseconds that a call may take. */
  readonly msMax: number;
  /** Returns the state to put. */
  readonly newest: () => Promise<SigningHistory>;
  /**
   * Compares the store with the record of a sink that was claimed late.
   * @throws LANESTORE_FENCED if another store has signed.
   */
  readonly judge: (record: WitnessRecord) => void;
  /** Called when a put has succeeded or failed. */
  readonly changed: () => void;
  /** Called when another opener has claimed the sink, or has put a newer batch. */
  readonly lost: (error: LanestoreError) => void;
}

/** See the top of this file. */
export class SinkFeed {
  readonly sink: WitnessSink;
  readonly #parts: FeedParts;
  #claim: WitnessClaim | undefined;
  #held = -1n;
  #wanted = -1n;
  #error: Error | undefined;
  #isRunning = false;
  #isClosed = false;
  #calling: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | undefined;

  constructor(sink: WitnessSink, parts: FeedParts) {
    this.sink = sink;
    this.#parts = parts;
  }

  /** The newest batch that this guard has put; -1 if none. */
  get held(): bigint {
    return this.#held;
  }

  /** Why the last call failed; undefined if it did not. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Reads the record. @throws errors of the sink; LANESTORE_IO if it does not answer. */
  read(): Promise<WitnessRecord> {
    return this.#noted(async () =>
      checked(await this.#ask((signal) => this.sink.read(this.#key(), signal)), this.#parts.key),
    );
  }

  /** Claims the record; resolves with it. @throws as {@link read}; LANESTORE_FENCED. */
  claim(): Promise<WitnessRecord> {
    return this.#noted(async () => {
      const holder = randomBytes(HOLDER_BYTES).toString('hex');
      const answer = await this.#ask((signal) => this.sink.claim(this.#key(), holder, signal));
      const record = checked(answer, this.#parts.key);
      if (record.holder !== holder || record.epoch === 0n)
        throw garbage('its answer names another claim than was made');
      this.#claim = { epoch: record.epoch, holder };
      return record;
    });
  }

  /** Starts to put batch `seq`, or a later one, unless the sink holds it. */
  want(seq: bigint): void {
    if (seq > this.#wanted) this.#wanted = seq;
    if (this.#isRunning || this.#isClosed || this.#held >= this.#wanted) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** A copy for a sink, as its history is: it may keep, transfer and change what it gets. */
  #key(): WitnessKey {
    return structuredClone(this.#parts.key);
  }

  /** Starts no more puts. One that is under way may still take effect. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake?.();
    // Not awaited: a call that hangs must not keep the guard from closing.
    void this.#calling.then(() => this.sink.close?.()).catch(() => undefined);
  }

  /** Puts until the sink holds the wanted batch. Does not reject. */
  async #run(): Promise<void> {
    let pauseMs = PAUSE_MS;
    while (!this.#isClosed && this.#held < this.#wanted) {
      try {
        await this.#put();
        pauseMs = PAUSE_MS;
      } catch (error) {
        this.#error = asError(error);
        if (this.#isClosed) return;
        if (isLanestoreError(error, 'LANESTORE_FENCED') || isLanestoreError(error, 'LANESTORE_OUT_OF_SEQUENCE')) {
          this.close();
          return this.#parts.lost(error);
        }
        this.#parts.changed();
        await this.#pause(pauseMs);
        pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX);
        // Waits for a call that exceeded its deadline, so that no other call queues after it.
        await this.#calling;
      }
    }
    // Set in the same turn as the comparison, so that no call of `want` is missed.
    this.#isRunning = false;
  }

  async #put(): Promise<void> {
    if (this.#claim === undefined) this.#parts.judge(await this.claim());
    const claim = this.#claim as WitnessClaim;
    const history = await this.#parts.newest();
    try {
      await this.#ask((signal) => this.sink.put(claim, structuredClone(history), signal));
    } catch (error) {
      if (isLanestoreError(error, 'LANESTORE_IO')) await this.#forgetClaim(claim);
      throw error;
    }
    if (history.seq > this.#held) this.#held = history.seq;
    this.#error = undefined;
    this.#parts.changed();
  }

  /**
   * Drops the claim if the sink was emptied or set back, because it would refuse every put. The
   * next put claims the sink anew.
   */
  async #forgetClaim(claim: WitnessClaim): Promise<void> {
    const { epoch } = await this.read().catch(() => claim);
    if (epoch < claim.epoch) this.#claim = undefined;
  }

  async #noted<T>(step: () => Promise<T>): Promise<T> {
    try {
      const done = await step();
      this.#error = undefined;
      return done;
    } catch (error) {
      this.#error = asError(error);
      throw error;
    }
  }

  /** Runs one call at a time. After the deadline, rejects and aborts the call. */
  async #ask<T>(step: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { msMax } = this.#parts;
    const controller = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new LanestoreError('LANESTORE_IO', `it did not answer within ${msMax} ms`);
        reject(error);
        controller.abort(error);
      }, msMax);
    });
    const answer = this.#calling.then(() => step(controller.signal));
    this.#calling = answer.catch(() => undefined);
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      // Does not keep the process alive: calls that wait for a sink have deadlines of their own.
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Checks that an answer is a record of this key. @throws LANESTORE_IO if it is not. */
function checked(answer: unknown, key: WitnessKey): WitnessRecord {
  const { epoch, holder, last } = (answer ?? {}) as Partial<WitnessRecord>;
  const isRecord = typeof epoch === 'bigint' && epoch >= 0n && (holder === '' || isHolder(holder));
  if (!isRecord || (last !== undefined && typeof last?.history?.seq !== 'bigint')) {
    throw garbage('its answer is no record of a key');
  }
  if (last !== undefined) checkedHistory(last.history, key);
  return { epoch, holder: holder as string, last };
}

function garbage(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_IO', what, { remedy: 'check the sink: its answer cannot be used' });
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`it threw ${String(thrown)}`);
}
