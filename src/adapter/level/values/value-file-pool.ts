/**
 * Prepared space: value files that are whole on disk before anything needs them (docs/design.md, Value files). All of this happens
 * in the background, while rounds go on.
 *
 *   new       <n>.preparing filled with zeros (real ones: every block is placed and initialised), synced; renamed to <n>.values; directory
 *             synced. Only then it is given out. An append into it changes no size, places no block and cannot meet a full disk.
 *   reused    a free <k>.values renamed to <n>.values, n a number never used before; directory synced; then its link count is read. More than
 *             one link: a snapshot has the file, it is not written, our name is removed. That order matters: a link that is made before the
 *             rename shows in the count, and after the rename there is no <k>.values to make one of.
 *   removed   a free file that is too much: the directory holds at most 2 x the live bytes and FILES_KEPT files more.
 *
 * Crash: before the last directory fsync the file has its old name, or none, or its new one; nothing refers to it under any of them, so the
 * next open takes it as free. A reference is written only to a file whose name is durable.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { closeAll } from '../../../base/close-stack.js';
import type { Files, WritableFile } from '../../../base/files.js';
import { appendAll } from '../../../base/lists.js';
import { preparingName, valueFileName } from './names.js';

/** Files beyond twice the live bytes that may be there before unused ones are given back. */
export const FILES_KEPT = 4;

const FILE_MODE = 0o600;
/** Zeros are written and synced in portions, so that the sync of a round waits for at most one of them. */
const FILL_BYTES = 1024 * 1024;
/** After a failed preparation the next try comes no sooner than this. */
const RETRY_MS = 500;
/** Each round's need makes the one before it count less: some 35 rounds halve it. */
const DEMAND_DECAY = 0.98;

/** A file to append to, empty. */
export interface PreparedFile {
  readonly number: bigint;
  readonly bytes: number;
  readonly file: WritableFile;
}

/** What is free to be reused. */
interface FreeFile {
  readonly number: bigint;
  readonly bytes: number;
}

/** What a pool works with. */
export interface PoolParts {
  readonly dir: string;
  readonly files: Files;
  readonly fileBytes: number;
  /** Files that may be kept unused: {@link FILES_KEPT}, or none if no values are separated any more. */
  readonly filesKept: number;
  /** Whether so many bytes more of the disk may be taken. */
  readonly allows: (bytes: number) => Promise<boolean>;
  /** The lowest number that no file and no reference ever had. */
  readonly nextNumber: bigint;
  /** Bytes of live values, and of the files that are in use. */
  readonly usage: () => { readonly liveBytes: number; readonly heldBytes: number };
}

/** Keeps files prepared ahead of need; see the top of this file. */
export class ValueFilePool {
  readonly #parts: PoolParts;
  #nextNumber: bigint;
  #spares: PreparedFile[] = [];
  #free: FreeFile[] = [];
  #leftovers: string[] = [];
  /** Sizes of the files that calls of {@link provide} wait for. */
  readonly #orders = new Set<readonly number[]>();
  /** Bytes that the largest of the recent rounds needed. */
  #demand = 0;
  #hasDirectory = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  #failure: Error | undefined;
  #failedAt = 0;
  #failures = 0;

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#nextNumber = parts.nextNumber;
  }

  /** Why the last preparation failed; undefined if it did not. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** How many preparations have failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Bytes that are prepared and not taken. */
  get spareBytes(): number {
    return bytesOf(this.#spares);
  }

  /** Bytes on disk that are not in use. */
  get idleBytes(): number {
    return this.spareBytes + bytesOf(this.#free);
  }

  /** Says that a round will need this much, so that it is prepared by the time the next one comes. */
  expect(bytes: number): void {
    this.#demand = Math.max(bytes, this.#demand * DEMAND_DECAY);
    this.kick();
  }

  /** Takes a prepared file of that size, if there is one. After the last of several, {@link kick} must be called. */
  take(bytes: number): PreparedFile | undefined {
    const at = this.#spares.findIndex((spare) => spare.bytes === bytes);
    return at < 0 ? undefined : this.#spares.splice(at, 1)[0];
  }

  /** Gives up prepared files that have got another link meanwhile, or lost their name: they are not ours alone to write. */
  discardLinked(): void {
    for (const spare of this.#spares.splice(0)) this.#keepOrDiscard(spare);
  }

  /** True if files of all these sizes are prepared. */
  has(sizes: readonly number[]): boolean {
    return this.#missingOf(sizes) === undefined;
  }

  /** Resolves when files of all these sizes are prepared, or cannot be. */
  async provide(sizes: readonly number[]): Promise<void> {
    const order = [...sizes];
    this.#orders.add(order);
    try {
      this.kick();
      while (!this.has(sizes) && this.#running !== undefined) await this.#running;
    } finally {
      this.#orders.delete(order);
    }
  }

  /** Takes back a file that no record refers to any more. */
  recycle(file: FreeFile): void {
    this.#free.push(file);
    this.kick();
  }

  /** Removes the files that are free: the disk has too little space to keep any for later. */
  shed(): void {
    this.removeLeftovers(this.#free.splice(0).map(({ number }) => valueFileName(number)));
  }

  /** What an interrupted preparation left: to be removed. */
  removeLeftovers(names: readonly string[]): void {
    appendAll(this.#leftovers, names);
    this.kick();
  }

  /** Resolves after the step at hand, or the next one; at once if there is nothing to do now. */
  async step(): Promise<void> {
    this.kick();
    await this.#running;
  }

  /** Starts what there is to do. */
  kick(): void {
    if (this.#running !== undefined || this.#stopped || this.#isUnused) return;
    const work = this.#preparation() ?? this.#removal();
    if (work === undefined) return;
    this.#running = work().finally(() => {
      this.#running = undefined;
      this.kick();
    });
  }

  /** Ends after the step at hand, or in the middle of filling a file; what is prepared stays for the next open. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    const files = this.#spares.splice(0).map(({ file }) => file);
    await closeAll(files.map((file) => () => file.close()));
  }

  /** True while nothing was separated: every round asks. */
  get #isUnused(): boolean {
    if (this.#demand > 0 || this.#orders.size > 0 || this.#failure !== undefined) return false;
    return this.#spares.length + this.#free.length + this.#leftovers.length === 0;
  }

  /** Makes one more file ready, if one is missing. It never rejects: a failure is kept for {@link failure}. */
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

  /** Two of the largest recent rounds: one is written while space for the next is prepared. Bounded, so that disk usage is bounded. */
  #spareBytesWanted(): number {
    const { fileBytes, usage } = this.#parts;
    return Math.max(fileBytes, Math.min(2 * this.#demand, 2 * fileBytes + usage().liveBytes / 4));
  }

  /** Gives one file back, if there is one too many. One that cannot be removed is found again at the next open. */
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
      // It holds nothing, so nothing depends on its end.
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
        if (this.#stopped) throw new Error('the store was closed');
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

  /** A file that cannot be had for writing is dropped, and another one is made. */
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
      // The reason may pass (too many open files): it is free under its new name.
      this.#free.push({ number, bytes });
      throw error;
    }
    this.#keepOrDiscard({ number, bytes, file });
  }

  /** True for a file with one name and the size that it was prepared with. Asked of the descriptor, not of the name. */
  #isOursAlone({ number, file, bytes }: PreparedFile): boolean {
    try {
      const { links, bytes: found } = file.status();
      if (found !== bytes || links > 1) return false;
      return links === 1 || existsSync(join(this.#parts.dir, valueFileName(number)));
    } catch {
      return false;
    }
  }

  /** Adds a file to those that are prepared; one that is not ours alone is closed, and its name is removed later. It holds nothing. */
  #keepOrDiscard(spare: PreparedFile): void {
    // Judged once, here: a link may come at any moment, and a file that is closed must not be in the pool.
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

  /** Makes the directory when the first file is made; its own name is durable before a file in it is. */
  async #makeDirectory(): Promise<void> {
    if (this.#hasDirectory) return;
    const { dir, files } = this.#parts;
    await files.makeDirectory(dir);
    await files.syncDirectory(dirname(dir));
    this.#hasDirectory = true;
  }
}

/** What the system says of one file, and not of the disk or the process: it is read-only, immutable, gone, or no regular file. */
const OF_FILE = new Set(['EACCES', 'EPERM', 'ENOENT', 'EISDIR', 'ELOOP', 'EFTYPE', 'ETXTBSY', 'ENXIO']);

function isOfFile(error: unknown): boolean {
  return OF_FILE.has((error as NodeJS.ErrnoException).code ?? '');
}

function bytesOf(list: readonly FreeFile[]): number {
  return list.reduce((sum, { bytes }) => sum + bytes, 0);
}
