/**
 * Prepared space: value files that are complete on disk before a round needs them (docs/design.md,
 * Value files). All of this happens in the background, while rounds go on.
 *
 * - New: <n>.preparing is filled with zeros (written ones, so that every block is allocated),
 *   synced and renamed to <n>.values; the directory is synced. Only then the file is used. An
 *   append into it changes no size, allocates no block and cannot meet a full disk.
 * - Reused: a free <k>.values is renamed to <n>.values, where n was never used before; the
 *   directory is synced; then the link count is read. If it is above one, a snapshot has the file:
 *   the file is not written, and this name of it is removed. The order matters: a link made before
 *   the rename shows in the count, and after the rename there is no <k>.values to link.
 * - Removed: a surplus free file. The directory holds at most 2 x the live bytes and FILES_KEPT
 *   more files.
 *
 * Crash: before the last directory fsync the file has its old name, no name or its new name.
 * Nothing refers to it under any of them, so the next open treats it as free. A reference is
 * written only to a file whose name is durable.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BackgroundRun, BackgroundTask } from '../../../base/background-task.js';
import { closeAll } from '../../../base/close-stack.js';
import type { Files, WritableFile } from '../../../base/files.js';
import { appendAll } from '../../../base/lists.js';
import { preparingName, valueFileName } from './names.js';

/** Number of files that may exist beyond twice the live bytes before unused ones are removed. */
export const FILES_KEPT = 4;

const FILE_MODE = 0o600;
/** Bytes of zeros in one synced write: the sync of a round waits for at most one of them. */
const FILL_BYTES = 1024 * 1024;
/** Minimum time between a failed preparation and the next attempt. */
const RETRY_MS = 500;
/** Factor by which the recorded demand shrinks with each round: about 35 rounds halve it. */
const DEMAND_DECAY = 0.98;

/** A prepared file, empty. */
export interface PreparedFile {
  readonly number: bigint;
  readonly bytes: number;
  readonly file: WritableFile;
}

/** A file that is free for reuse. */
interface FreeFile {
  readonly number: bigint;
  readonly bytes: number;
}

/** Dependencies of a pool. */
export interface PoolParts {
  readonly dir: string;
  readonly files: Files;
  readonly fileBytes: number;
  /** Number of unused files to keep: {@link FILES_KEPT}, or 0 if no new values are separated. */
  readonly filesKept: number;
  /** Resolves to true if this many more bytes of disk may be used. */
  readonly allows: (bytes: number) => Promise<boolean>;
  /** The lowest number above those of all files and references. */
  readonly nextNumber: bigint;
  /** Bytes of live values, and of the files in use. */
  readonly usage: () => { readonly liveBytes: number; readonly heldBytes: number };
}

/** Keeps files prepared ahead of need; see the top of this file. */
export class ValueFilePool {
  readonly #parts: PoolParts;
  #nextNumber: bigint;
  #spares: PreparedFile[] = [];
  #free: FreeFile[] = [];
  #leftovers: string[] = [];
  /** Sizes of the files that calls of {@link provide} are waiting for. */
  readonly #orders = new Set<readonly number[]>();
  /** Bytes that the largest recent round needed. */
  #demand = 0;
  #hasDirectory = false;
  readonly #task = new BackgroundTask(() => this.#next());
  #failure: Error | undefined;
  #failedAt = 0;
  #failures = 0;

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#nextNumber = parts.nextNumber;
  }

  /** The error of the last preparation; undefined if it succeeded. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Bytes that are prepared and not taken. */
  get spareBytes(): number {
    return bytesOf(this.#spares);
  }

  /** Bytes on disk that are not in use: prepared or free. */
  get idleBytes(): number {
    return this.spareBytes + bytesOf(this.#free);
  }

  /** Records the bytes that a round needs: preparation aims at twice the largest recent need. */
  expect(bytes: number): void {
    this.#demand = Math.max(bytes, this.#demand * DEMAND_DECAY);
    this.kick();
  }

  /** Takes a prepared file of that size, if any. Call {@link kick} after the last of several. */
  take(bytes: number): PreparedFile | undefined {
    const at = this.#spares.findIndex((spare) => spare.bytes === bytes);
    return at < 0 ? undefined : this.#spares.splice(at, 1)[0];
  }

  /** Gives up prepared files with a second link or without a name; they must not be written. */
  discardLinked(): void {
    for (const spare of this.#spares.splice(0)) this.#keepOrDiscard(spare);
  }

  /** True if files of all these sizes are prepared. */
  has(sizes: readonly number[]): boolean {
    return this.#missingOf(sizes) === undefined;
  }

  /** Resolves when files of all these sizes are prepared, or when they cannot be prepared. */
  async provide(sizes: readonly number[]): Promise<void> {
    const order = [...sizes];
    this.#orders.add(order);
    try {
      this.kick();
      while (!this.has(sizes) && this.#task.running !== undefined) await this.#task.running;
    } finally {
      this.#orders.delete(order);
    }
  }

  /** Takes back a file that no record refers to. */
  recycle(file: FreeFile): void {
    this.#free.push(file);
    this.kick();
  }

  /** Removes the free files: the disk has too little space to keep them. */
  shed(): void {
    this.removeLeftovers(this.#free.splice(0).map(({ number }) => valueFileName(number)));
  }

  /** Schedules the removal of files that an interrupted preparation left. */
  removeLeftovers(names: readonly string[]): void {
    appendAll(this.#leftovers, names);
    this.kick();
  }

  /** Resolves after the current step, or the next one; at once if there is nothing to do. */
  async step(): Promise<void> {
    this.kick();
    await this.#task.running;
  }

  kick(): void {
    this.#task.kick();
  }

  #next(): BackgroundRun | undefined {
    return this.#isUnused ? undefined : (this.#preparation() ?? this.#removal());
  }

  /** Stops after the current step, or while filling a file. Prepared files stay on disk. */
  async stop(): Promise<void> {
    await this.#task.stop();
    const files = this.#spares.splice(0).map(({ file }) => file);
    await closeAll(files.map((file) => () => file.close()));
  }

  /** True while no value was separated. A fast path: every round calls this. */
  get #isUnused(): boolean {
    if (this.#demand > 0 || this.#orders.size > 0 || this.#failure !== undefined) return false;
    return this.#spares.length + this.#free.length + this.#leftovers.length === 0;
  }

  /** Prepares a missing file. It never rejects: a failure is kept in {@link failure}. */
  #preparation(): (() => Promise<void>) | undefined {
    const size = this.#missingSize();
    if (size === undefined) {
      this.#failure = undefined;
      return undefined;
    }
    if (this.#failure !== undefined && performance.now() - this.#failedAt < RETRY_MS) return undefined;
    return async () => {
      try {
        const at = this.#free.findIndex(({ bytes }) => bytes === size);
        const [free] = at < 0 ? [] : this.#free.splice(at, 1);
        await (free === undefined ? this.#create(size) : this.#reuse(free));
        this.#failure = undefined;
      } catch (error) {
        this.#failure = error as Error;
        this.#failures++;
        this.#failedAt = performance.now();
      }
    };
  }

  /** The size of a file that should be prepared and is not. */
  #missingSize(): number | undefined {
    const ordered = this.#missingOf([...this.#orders].flat());
    if (ordered !== undefined || this.#demand === 0) return ordered;
    return this.spareBytes < this.#spareBytesWanted() ? this.#parts.fileBytes : undefined;
  }

  #missingOf(sizes: readonly number[]): number | undefined {
    const spares = this.#spares.map(({ bytes }) => bytes);
    return sizes.find((size) => {
      const at = spares.indexOf(size);
      if (at >= 0) spares.splice(at, 1);
      return at < 0;
    });
  }

  /** Twice the largest recent round: one is written while space for the next is prepared. */
  #spareBytesWanted(): number {
    const { fileBytes, usage } = this.#parts;
    // Bounded, so that disk usage is bounded.
    return Math.max(fileBytes, Math.min(2 * this.#demand, 2 * fileBytes + usage().liveBytes / 4));
  }

  /** Removes one surplus file, if any. After a failure, the next open finds the file again. */
  #removal(): (() => Promise<void>) | undefined {
    const { fileBytes } = this.#parts;
    const leftover = this.#leftovers.pop();
    if (leftover !== undefined) return () => this.#remove(leftover);
    const odd = this.#free.findIndex(({ bytes }) => bytes !== fileBytes);
    const at = odd >= 0 ? odd : this.#hasTooMuch() ? 0 : -1;
    const [surplus] = at < 0 ? [] : this.#free.splice(at, 1);
    if (surplus !== undefined) return () => this.#remove(valueFileName(surplus.number));
    if (this.#orders.size > 0) return undefined;
    const last = this.#spares.at(-1);
    if (last === undefined || !this.#hasTooMuch() || this.spareBytes - last.bytes < this.#spareBytesWanted()) return;
    this.#spares.pop();
    return async () => {
      // The file is empty, so a failure of `close` loses nothing.
      await last.file.close().catch(() => undefined);
      await this.#remove(valueFileName(last.number));
    };
  }

  #hasTooMuch(): boolean {
    const { liveBytes, heldBytes } = this.#parts.usage();
    return heldBytes + this.idleBytes > 2 * liveBytes + this.#parts.filesKept * this.#parts.fileBytes;
  }

  async #create(bytes: number): Promise<void> {
    const { dir, files, allows } = this.#parts;
    if (!(await allows(bytes))) throw new Error(`a value file of ${bytes} bytes would leave too little disk free`);
    await this.#makeDirectory();
    const number = this.#nextNumber++;
    const path = join(dir, preparingName(number));
    const file = await files.open(path, FILE_MODE, { empty: true, synced: true });
    try {
      const zeros = new Uint8Array(Math.min(FILL_BYTES, bytes));
      for (let at = 0; at < bytes; at += zeros.length) {
        if (this.#task.isStopped) throw new Error('the store was closed');
        await file.writeSynced([zeros.subarray(0, Math.min(zeros.length, bytes - at))], at);
      }
      await files.rename(path, join(dir, valueFileName(number)));
      await files.syncDirectory(dir);
    } catch (error) {
      await file.close().catch(() => undefined);
      await files.remove(path).catch(() => undefined);
      throw error;
    }
    this.#spares.push({ number, bytes, file });
  }

  /** Prepares a free file, or removes it if it cannot be opened for writing. */
  async #reuse({ number: free, bytes }: FreeFile): Promise<void> {
    const { dir, files } = this.#parts;
    const number = this.#nextNumber++;
    const name = valueFileName(number);
    const path = join(dir, name);
    try {
      await files.rename(join(dir, valueFileName(free)), path);
    } catch (error) {
      if (isOfFile(error)) return this.#remove(valueFileName(free));
      this.#free.push({ number: free, bytes });
      throw error;
    }
    let file: WritableFile;
    try {
      await files.syncDirectory(dir);
      file = await files.open(path, FILE_MODE, { empty: false, synced: true });
    } catch (error) {
      if (isOfFile(error)) return this.#remove(name);
      // The failure may be temporary (too many open files): the file stays free under its new name.
      this.#free.push({ number, bytes });
      throw error;
    }
    this.#keepOrDiscard({ number, bytes, file });
  }

  /** True for a file with one name and its original size, as its descriptor shows. */
  #isOursAlone({ number, file, bytes }: PreparedFile): boolean {
    try {
      const links = file.links();
      if (file.status().bytes !== bytes || links > 1) return false;
      return links === 1 || existsSync(join(this.#parts.dir, valueFileName(number)));
    } catch {
      return false;
    }
  }

  /** Keeps a prepared file, or closes it and schedules the removal of its name. */
  #keepOrDiscard(spare: PreparedFile): void {
    // One check decides both: a link may appear at any moment, and a closed file must not be kept.
    if (this.#isOursAlone(spare)) {
      this.#spares.push(spare);
      return;
    }
    spare.file.close().catch(() => undefined);
    this.#leftovers.push(valueFileName(spare.number));
  }

  async #remove(name: string): Promise<void> {
    await this.#parts.files.remove(join(this.#parts.dir, name)).catch(() => undefined);
  }

  /** Creates the directory before its first file, and makes its name durable. */
  async #makeDirectory(): Promise<void> {
    if (this.#hasDirectory) return;
    const { dir, files } = this.#parts;
    await files.makeDirectory(dir);
    await files.syncDirectory(dirname(dir));
    this.#hasDirectory = true;
  }
}

/** Error codes of one file: it is read-only, immutable, absent, or not a regular file. */
const OF_FILE = new Set(['EACCES', 'EPERM', 'ENOENT', 'EISDIR', 'ELOOP', 'EFTYPE', 'ETXTBSY', 'ENXIO']);

function isOfFile(error: unknown): boolean {
  return OF_FILE.has((error as NodeJS.ErrnoException).code ?? '');
}

function bytesOf(list: readonly FreeFile[]): number {
  return list.reduce((sum, { bytes }) => sum + bytes, 0);
}
