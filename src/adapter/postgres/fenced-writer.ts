/**
 * Writes batches on one connection. A batch is one statement. A query for the progress of the
 * standbys is sent with it, so both take one round trip. The first batch that is not acknowledged
 * ends the writer: its outcome may be unknown, so nothing is sent again.
 */
import { Mutex } from '../../base/mutex.js';
import { byteArrays } from './byte-arrays.js';
import type { Claim } from './claim.js';
import { batchError, PostgresFailure } from './failure.js';
import type { PostgresSettings } from './options.js';
import { assertQuiet, replicated } from './replication.js';
import type { Row, Session } from './session.js';
import type { Statements } from './statements.js';

/** One put or delete. */
export interface Write {
  readonly key: Uint8Array;
  /** Absent: delete. */
  readonly value?: Uint8Array;
}

/** The parameters of a batch; the bytes are copied. */
export interface PackedBatch {
  readonly puts: Buffer;
  readonly values: Buffer;
  readonly deletes: Buffer;
}

/** Packs a batch; of operations on the same key, the last one counts. */
export function pack(writes: readonly Write[]): PackedBatch {
  const last = new Map<string, Write>();
  for (const write of writes) last.set(Buffer.from(write.key).toString('latin1'), write);
  const puts: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  const deletes: Uint8Array[] = [];
  for (const { key, value } of last.values()) {
    if (value === undefined) deletes.push(key);
    else {
      puts.push(key);
      values.push(value);
    }
  }
  return { puts: byteArrays(puts), values: byteArrays(values), deletes: byteArrays(deletes) };
}

/** The only writer of an epoch. */
export class FencedWriter {
  readonly epoch: bigint;
  readonly #session: Session;
  readonly #settings: PostgresSettings;
  readonly #sql: Statements;
  readonly #turns = new Mutex();
  readonly #heartbeat: NodeJS.Timeout;
  #seq: bigint;
  #failure: Error | undefined;
  #hasWritten = false;

  constructor(session: Session, claimed: Claim, settings: PostgresSettings, sql: Statements) {
    this.epoch = claimed.epoch;
    this.#seq = claimed.seq;
    this.#session = session;
    this.#settings = settings;
    this.#sql = sql;
    this.#heartbeat = setInterval(() => this.#beat(), settings.leaseMs / 4);
    this.#heartbeat.unref();
  }

  /**
   * Resolves once the batch is flushed on the primary and on `replicas` synchronous standbys.
   * @throws PostgresFailure, LANESTORE_CORRUPT, the error of the server. Every later call then
   * throws the same error.
   */
  write({ puts, values, deletes }: PackedBatch): Promise<void> {
    this.#hasWritten = true;
    return this.#send(this.#sql.batch, 'lanestore_batch', [puts, values, deletes]);
  }

  /** Sends a statement that begins with the fence; `values` follow the fence's parameters. */
  async #send(text: string, name: string, values: readonly unknown[]): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await this.#run(text, name, values);
      } catch (error) {
        this.#failure = batchError(error);
        this.#stop();
        throw this.#failure;
      }
    });
  }

  async #run(text: string, name: string, values: readonly unknown[]): Promise<void> {
    const { durability } = this.#settings;
    this.#session.takeNotice();
    const writing = this.#session.query({ text, name, values: [this.epoch, durability, ...values] });
    const verifying = replicated(this.#session, this.#settings, this.#sql);
    const [written, verified] = await Promise.allSettled([writing, verifying]);
    if (written.status === 'rejected') throw written.reason;
    await this.#checkFence(written.value[0]);
    assertQuiet(this.#session);
    if (verified.status === 'rejected') throw verified.reason;
  }

  async #checkFence(row: Row | undefined): Promise<void> {
    const seq = row === undefined ? undefined : BigInt(row.seq as string);
    if (seq === this.#seq + 1n) {
      this.#seq = seq;
      return;
    }
    const [head] = await this.#session.query({ text: this.#sql.head }).catch(() => []);
    const now = head === undefined ? 'unknown' : String(head.epoch);
    const why = seq === undefined ? 'nothing of the batch was written' : `seq is ${seq}, expected ${this.#seq + 1n}`;
    throw new PostgresFailure('FENCED', `another node claimed the store: epoch ${this.epoch}, now ${now}; ${why}`);
  }

  /**
   * Raises `seq`, which shows other openers that the holder is alive. Does nothing if a batch was
   * written since the last call.
   */
  #beat(): void {
    const isNeeded = !this.#hasWritten;
    this.#hasWritten = false;
    // A failure ends the writer; the next batch reports it.
    if (isNeeded) this.#send(this.#sql.beat, 'lanestore_beat', []).catch(() => undefined);
  }

  #stop(): void {
    clearInterval(this.#heartbeat);
    this.#session.destroy();
  }

  /** Releases the store, so that the next opener need not wait for the lease. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#turns.run(async () => {
      if (this.#failure === undefined) {
        await this.#session.query({ text: this.#sql.leave, values: [this.epoch] }).catch(() => undefined);
      }
      this.#failure ??= new Error('the writer is closed');
    });
    await this.#session.close();
  }
}
