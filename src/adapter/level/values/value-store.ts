/**
 * The value files of a running store, as the rest of it sees them: values are written before their batch, a durable batch is counted,
 * readers are let in.
 *
 * Nothing here decides what is acknowledged: that is LevelDB's batch alone. A round is durable when its batch is, and its values are
 * durable before; a batch that is lost leaves values that no record refers to.
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
import { separableBytes, separablePuts } from './choice.js';
import type { FoundValues } from './names.js';
import { sectorsOf, type ValueSettings } from './options.js';
import { ValueReads } from './reads.js';
import { FILES_KEPT, ValueFilePool } from './value-file-pool.js';
import { ValueIndex } from './value-index.js';

/** Portions of a batch's values that are on their way at once, if libuv has so many threads. */
const PORTIONS_MAX = 4;
/** Failed preparations, one every 500 ms, for which a refused round holds up `ready`. */
const FAILURES_A_REFUSAL = 4;

/** A durable reference, as recovery found it. */
export interface FoundReference {
  readonly key: string;
  readonly reference: ValueRef;
}

/** What opening found. */
export interface ValueParts {
  readonly dir: string;
  readonly settings: ValueSettings;
  readonly found: FoundValues;
  /** Of live entries, and of stale ones that are not swept. */
  readonly references: readonly FoundReference[];
  /** Asked before a file is made; absent: all may be. */
  readonly disk?: DiskReservation;
}

/** The value files of a store; see the top of this file. */
export class ValueStore implements Resource {
  readonly #dir: string;
  readonly #settings: ValueSettings;
  readonly references: ValueIndex;
  readonly #pool: ValueFilePool;
  readonly #appender: Appender;
  /** For values that have stayed long: among short-lived ones they would pin file after file. */
  readonly #mover: Appender;
  /** Bytes that accepted rounds may need and that have no place yet. */
  #reserved = 0;
  /**
   * The largest round that was refused for want of space since there was some, and how many
   * preparations had failed by then.
   */
  #refused = 0;
  #failuresAtRefusal = 0;

  constructor({ dir, settings, found, references, disk }: ValueParts) {
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
    const parts = { dir, settings, references: this.references, pool: this.#pool };
    this.#appender = new Appender(parts, Math.min(PORTIONS_MAX, poolThreads()));
    // In the background: it takes one thread, and leaves the others to the rounds.
    this.#mover = new Appender(parts, 1);
    this.#adopt(found, references);
  }

  /** The settings that it was opened with. */
  get settings(): ValueSettings {
    return this.#settings;
  }

  /** Bytes of values that durable records refer to, and bytes on disk of all value files. */
  get usage(): { readonly liveBytes: number; readonly fileBytes: number } {
    return { liveBytes: this.references.liveBytes, fileBytes: this.references.heldBytes + this.#pool.idleBytes };
  }

  /** Bytes of a round, which has `bytes` in all, that may be separated; 0 if separating is off. */
  separableBytes(round: EncodedRound, bytes: number): number {
    const { enabled, valueBytesMin } = this.#settings;
    return enabled && bytes >= valueBytesMin ? separableBytes(round, valueBytesMin) : 0;
  }

  /** True if so many bytes are worth separating. */
  isEnough(separable: number): boolean {
    return separable >= this.#settings.batchBytesMin;
  }

  /**
   * Only when preparing fails (a full disk) must the prepared space be enough for the round and for all that was accepted before
   * it; a round that is small enough to be stored inline is accepted always. Rounds that wait count for what is prepared: many
   * small calls become one batch, whose values are worth separating.
   * @throws LANESTORE_CAPACITY.
   */
  check({ largeBytes }: Cost): void {
    const waiting = this.#reserved + largeBytes;
    if (largeBytes === 0 || !this.isEnough(waiting)) return;
    this.#pool.expect(waiting);
    const { failure } = this.#pool;
    if (failure === undefined || !this.isEnough(largeBytes) || this.#fits(largeBytes)) return;
    if (this.#refused === 0) this.#failuresAtRefusal = this.#pool.failures;
    this.#refused = Math.max(this.#refused, largeBytes);
    throw new LanestoreError(
      'LANESTORE_CAPACITY',
      `no space can be prepared for ${largeBytes} bytes of values: ${messageOf(failure)}; free some, and wait for ready()`,
      { cause: failure },
    );
  }

  enter({ largeBytes }: Cost): void {
    this.#reserved += largeBytes;
  }

  /** The large records of a call have their places, or are to be stored inline, or the call has settled. Idempotent. */
  leave(cost: Cost): void {
    this.#reserved -= cost.largeBytes;
    cost.largeBytes = 0;
  }

  /**
   * True if {@link check} would let in the round that it refused; or when preparing has failed {@link FAILURES_A_REFUSAL} times
   * since: that round may have been given up, and rounds that are small enough to be stored inline are accepted all the time.
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
   * Gives the large records of rounds their places, and begins to write them: their puts become puts of references. `undefined` if there is
   * no space for them: they are stored inline. `durable` resolves when all of them are durable. One call at a time, and the next one
   * once `durable` of the last has settled. When it rejects, or `durable` does, the store must not go on. The memory of the
   * records is used again once they are durable.
   */
  async place(rounds: readonly EncodedRound[]): Promise<{ readonly durable: Promise<void> } | undefined> {
    const { valueBytesMin, waitBytesMin } = this.#settings;
    const puts = rounds.flatMap((round) => separablePuts(round, valueBytesMin));
    let bytes = 0;
    for (const put of puts) bytes += put.bytes;
    // What waits after these counts too: a round in calls of its own comes in groups, each of them too small to wait for.
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

  /** Writes records that are to be moved to a file of their own kind; `undefined` if there is no space. Durable when it resolves. */
  async writeMoved(records: readonly Uint8Array[]): Promise<readonly ValueRef[] | undefined> {
    const appended = await this.#mover.append(
      records.map((record) => ({ bytes: record.length, record: () => record })),
      true,
    );
    await appended?.durable;
    return appended?.references;
  }

  /** True if the file that values were moved to holds none any more; {@link releaseMoved} gives it back. */
  get hasIdleMoved(): boolean {
    return this.#mover.isIdle;
  }

  releaseMoved(): Promise<void> {
    return this.#mover.close();
  }

  /** A batch is durable: counts what it refers to and what it deletes, in its order. `refers`: one of its puts is a reference. */
  applied(operations: readonly Operation[], refers: boolean): void {
    if (refers || this.references.any) this.#count(operations);
  }

  /** Prepares and frees space in the background as the batches so far ask for. */
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

  /** Removes value files that no record refers to; none is kept for later. */
  shed(): void {
    this.#pool.shed();
  }

  /** Begins a reader: what it finds stays readable until it is closed. Begin before reading from LevelDB. */
  reads(): ValueReads {
    return new ValueReads(this.#dir, this.references.beginReading());
  }

  /** Ends the background work and closes all files. Waits for writes of values; rounds must have settled. */
  async close(): Promise<void> {
    await closeAll([() => this.#pool.stop(), () => this.#appender.close(), () => this.#mover.close()]);
  }

  #fits(bytes: number): boolean {
    return sectorsOf(this.#reserved + bytes) <= this.#appender.bytesLeft + this.#pool.spareBytes;
  }

  /** Files with references are kept and never appended to; the others are free. */
  #adopt(found: FoundValues, references: readonly FoundReference[]): void {
    const named = new Set(references.map(({ reference }) => reference.file));
    for (const { number, bytes } of found.files) if (named.has(number)) this.references.add(number, bytes, true);
    const known = new Set(found.files.map(({ number }) => number));
    // A stale record may refer to a file that was removed: it is never read.
    for (const { key, reference } of references) if (known.has(reference.file)) this.references.put(key, reference);
    this.#pool.removeLeftovers(found.leftovers);
    for (const { number, bytes, allocated } of found.files) {
      // One with holes would have to find room on the disk when it is written.
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
