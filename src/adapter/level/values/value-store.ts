/**
 * The value files of a running store: writes values before their batch, counts the references of
 * durable batches, and registers readers.
 *
 * A round is durable when its batch in LevelDB is. Its values are durable before the batch. If the
 * batch is lost, its values have no references, and are garbage.
 */
import { closeAll } from '../../../base/close-stack.js';
import { poolThreads } from '../../../base/files.js';
import { messageOf } from '../../../base/permission-model.js';
import { releaseMemory } from '../../../cbor/arenas.js';
import { LanestoreError } from '../../../errors.js';
import type { Cost, Resource } from '../../backpressure.js';
import type { DiskReservation } from '../disk-watermark.js';
import type { Operation } from '../format/operation.js';
import type { EncodedRound } from '../format/step.js';
import type { ValueRef } from '../format/value-ref.js';
import { Appender } from './appender.js';
import { separablePuts } from './choice.js';
import type { FoundValues } from './names.js';
import { sectorsOf, type ValueSettings } from './options.js';
import { ValueReads } from './reads.js';
import { FILES_KEPT, ValueFilePool } from './value-file-pool.js';
import { ValueIndex } from './value-index.js';

/** Portions of a batch's values that are written at the same time, if libuv has enough threads. */
const PORTIONS_MAX = 4;
/** Number of failed preparations, one every 500 ms, for which a refused round delays `ready`. */
const FAILURES_A_REFUSAL = 4;

/** A durable reference, as recovery found it. */
export interface FoundReference {
  readonly key: string;
  readonly reference: ValueRef;
}

/** The value files and references found at open. */
export interface ValueParts {
  readonly dir: string;
  readonly settings: ValueSettings;
  /** The label of the store in metrics. */
  readonly store: string;
  readonly found: FoundValues;
  /** References of live entries, and of stale entries that are not swept. */
  readonly references: readonly FoundReference[];
  /** Consulted before a file is created; absent: every file may be created. */
  readonly disk?: DiskReservation;
}

/** The value files of a store; see the top of this file. */
export class ValueStore implements Resource {
  readonly #dir: string;
  readonly #settings: ValueSettings;
  readonly references: ValueIndex;
  readonly #pool: ValueFilePool;
  readonly #appender: Appender;
  /**
   * Appends moved values. They are long-lived: mixed with short-lived values, they would pin one
   * file after another.
   */
  readonly #mover: Appender;
  /** See {@link waitingBytes}. */
  #reserved = 0;
  /**
   * Bytes of the largest round refused since {@link forgetRefusals}, and the number of failed
   * preparations at the first refusal.
   */
  #refused = 0;
  #failuresAtRefusal = 0;

  constructor({ dir, settings, store, found, references, disk }: ValueParts) {
    this.#dir = dir;
    this.#settings = settings;
    this.references = new ValueIndex(({ number, bytes }) => this.#pool.recycle({ number, bytes }));
    this.#pool = new ValueFilePool({
      dir,
      files: settings.files,
      fileBytes: settings.fileBytes,
      filesKept: settings.enabled ? FILES_KEPT : 0,
      allows: async (bytes) => disk === undefined || disk.allows(bytes),
      nextNumber: numberAfter(found, references),
      usage: () => this.references,
    });
    const parts = { dir, settings, store, references: this.references, pool: this.#pool };
    this.#appender = new Appender(parts, Math.min(PORTIONS_MAX, poolThreads()));
    // The collector writes in the background: it uses one thread, and leaves the others to rounds.
    this.#mover = new Appender(parts, 1);
    this.#adopt(found, references);
  }

  /** The settings that the store was opened with. */
  get settings(): ValueSettings {
    return this.#settings;
  }

  /** Bytes of values that durable records refer to, and bytes on disk of all value files. */
  get usage(): { readonly liveBytes: number; readonly fileBytes: number } {
    return { liveBytes: this.references.liveBytes, fileBytes: this.references.heldBytes + this.#pool.idleBytes };
  }

  /** The smallest record that may be separated, in bytes; Infinity if separation is off. */
  get separableBytesMin(): number {
    const { enabled, valueBytesMin } = this.#settings;
    return enabled ? valueBytesMin : Number.POSITIVE_INFINITY;
  }

  /** Bytes of large records of accepted rounds that have no place yet. */
  get waitingBytes(): number {
    return this.#reserved;
  }

  /** True if a batch with this many separable bytes separates them. */
  isEnough(separable: number): boolean {
    return separable >= this.#settings.batchBytesMin;
  }

  /**
   * Refuses a round if preparation fails (a full disk) and the prepared space is too small for the
   * round and all rounds accepted before it. A round that is small enough to be stored inline is
   * always accepted. Waiting rounds count towards the space to prepare: many small calls become one
   * batch, whose values are worth separating.
   * @throws LANESTORE_CAPACITY.
   */
  check({ largeBytes }: Cost): void {
    if (largeBytes === 0) return;
    const waiting = this.#reserved + largeBytes;
    if (!this.isEnough(waiting)) return;
    this.#pool.expect(waiting);
    const { failure } = this.#pool;
    if (failure === undefined || !this.isEnough(largeBytes) || this.#fits(largeBytes)) return;
    if (this.#refused === 0) this.#failuresAtRefusal = this.#pool.failures;
    this.#refused = Math.max(this.#refused, largeBytes);
    const reason = `no space can be prepared for ${largeBytes} bytes of values: ${messageOf(failure)}`;
    throw new LanestoreError('LANESTORE_CAPACITY', `${reason}; free some space and wait for ready()`, {
      cause: failure,
    });
  }

  enter({ largeBytes }: Cost): void {
    this.#reserved += largeBytes;
  }

  /**
   * Called when the large records of a call have places or will be stored inline, and when the call
   * has settled. Idempotent.
   */
  leave(cost: Cost): void {
    this.#reserved -= cost.largeBytes;
    cost.largeBytes = 0;
  }

  /**
   * True if {@link check} would accept the round that it refused, or if preparation has failed
   * {@link FAILURES_A_REFUSAL} times since. By then the caller may have given up that round, and
   * rounds that are small enough to be stored inline are always accepted.
   */
  get hasRoom(): boolean {
    const { failure, failures } = this.#pool;
    if (failure === undefined || this.#fits(this.#refused)) return true;
    return failures - this.#failuresAtRefusal >= FAILURES_A_REFUSAL;
  }

  forgetRefusals(): void {
    this.#refused = 0;
  }

  look(): Promise<void> {
    return this.#pool.step();
  }

  /**
   * Assigns places to the large records of rounds and begins to write them: their puts become puts
   * of references. `undefined` if there is no space; then the records are stored inline. `durable`
   * resolves when all of them are durable. The next call must not come before `durable` has
   * settled. If the call or `durable` rejects, the store must stop. The memory of the records is
   * reused once they are durable.
   */
  async place(rounds: readonly EncodedRound[]): Promise<{ readonly durable: Promise<void> } | undefined> {
    const { valueBytesMin, waitBytesMin } = this.#settings;
    const puts = rounds.flatMap((round) => separablePuts(round, valueBytesMin));
    let bytes = 0;
    for (const put of puts) bytes += put.bytes;
    // Waiting rounds count too: small calls come in groups, each too small to wait for space.
    const wait = Math.max(bytes, this.#reserved) >= waitBytesMin;
    const appended = await this.#appender.append(
      puts.map((put) => ({ bytes: put.bytes, record: () => put.value })),
      wait,
    );
    if (appended === undefined) return undefined;
    const records = puts.map((put) => put.value);
    for (const [i, put] of puts.entries()) put.separate(appended.references[i] as ValueRef);
    const durable = appended.durable.then(() => {
      for (const record of records) releaseMemory(record);
    });
    return { durable };
  }

  /**
   * Writes moved records to a file for moved values; they are durable when it resolves. `undefined`
   * if there is no space.
   */
  async writeMoved(records: readonly Uint8Array[]): Promise<readonly ValueRef[] | undefined> {
    const appended = await this.#mover.append(
      records.map((record) => ({ bytes: record.length, record: () => record })),
      true,
    );
    await appended?.durable;
    return appended?.references;
  }

  /** True if the file for moved values holds no live value; {@link releaseMoved} frees it. */
  get hasIdleMoved(): boolean {
    return this.#mover.isIdle;
  }

  releaseMoved(): Promise<void> {
    return this.#mover.close();
  }

  /**
   * Records the references and deletes of a durable batch, in the order of its operations.
   * `refers`: at least one put is a reference.
   */
  applied(operations: readonly Operation[], refers: boolean): void {
    if (refers || this.references.any) this.#count(operations);
  }

  /** Starts preparing and freeing space in the background, as the batches so far require. */
  kick(): void {
    this.#pool.kick();
  }

  #count(operations: readonly Operation[]): void {
    const { references } = this;
    for (const operation of operations) {
      if (operation.type === 'del') {
        references.delete(operation.key);
      } else if (operation.reference !== undefined) {
        references.put(operation.key, operation.reference);
        references.unpin(operation.reference.file);
      } else if (references.any) references.delete(operation.key);
    }
  }

  /** Removes all free value files instead of keeping some for reuse. */
  shed(): void {
    this.#pool.shed();
  }

  /**
   * Begins a reader. Call it before the read from LevelDB: the values of references read after that
   * stay readable until the reader is closed.
   */
  reads(): ValueReads {
    return new ValueReads(this.#dir, this.references.beginReading());
  }

  /**
   * Ends the background work and closes all files. Waits for writes of values; all rounds must have
   * settled.
   */
  async close(): Promise<void> {
    await closeAll([() => this.#pool.stop(), () => this.#appender.close(), () => this.#mover.close()]);
  }

  #fits(bytes: number): boolean {
    return sectorsOf(this.#reserved + bytes) <= this.#appender.bytesLeft + this.#pool.spareBytes;
  }

  /** Files with references are kept and never appended to; all other files are free. */
  #adopt(found: FoundValues, references: readonly FoundReference[]): void {
    const named = new Set(references.map(({ reference }) => reference.file));
    for (const { number, bytes } of found.files) if (named.has(number)) this.references.add(number, bytes, true);
    const known = new Set(found.files.map(({ number }) => number));
    // A stale record may refer to a file that no longer exists: its value is never read.
    for (const { key, reference } of references) if (known.has(reference.file)) this.references.put(key, reference);
    this.#pool.removeLeftovers(found.leftovers);
    for (const { number, bytes, allocated } of found.files) {
      // A write into a file with holes would allocate blocks, so such a file is not reused.
      if (!named.has(number)) this.#pool.recycle({ number, bytes: allocated ? bytes : 0 });
    }
  }
}

function numberAfter(found: FoundValues, references: readonly FoundReference[]): bigint {
  let highest = -1n;
  for (const { number } of found.files) if (number > highest) highest = number;
  for (const { reference } of references) if (reference.file > highest) highest = reference.file;
  return highest + 1n;
}
