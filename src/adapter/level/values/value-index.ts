/**
 * Counts the references to each value file. Every durable reference is recorded by its key, those
 * of stale keys too. The index is rebuilt at open; none of it is stored.
 *
 * A file is free once
 * - nothing is appended to it any more (it is sealed);
 * - no durable record refers to it: the batch that deleted the last reference is synced, so no
 *   crash restores the reference;
 * - no reference to it is on its way into LevelDB (pins: values whose batch is not durable, moves
 *   that wait for their batch);
 * - every reader that began before these conditions held has closed: such a reader may still use a
 *   reference that it read earlier. A later reader finds no reference to the file.
 */
import type { ValueRef } from '../format/value-ref.js';

/** A value file that is in use: it holds live values, or is appended to, or is pinned. */
export class ValueFile {
  readonly number: bigint;
  /** Its size on disk. */
  readonly bytes: number;
  /** The durable references to this file, by key. */
  readonly live = new Map<string, ValueRef>();
  /** Bytes of the live values in this file. */
  liveBytes = 0;
  /** Number of references to this file that are not durable yet. */
  pins = 0;
  /** True once nothing more is appended. */
  sealed: boolean;

  constructor(number: bigint, bytes: number, sealed: boolean) {
    this.number = number;
    this.bytes = bytes;
    this.sealed = sealed;
  }
}

/** A file without references. Reusable once every reader with id <= `readers` has closed. */
interface Unreferenced {
  readonly file: ValueFile;
  readonly readers: number;
}

/** Counts references; see the top of this file. */
export class ValueIndex {
  readonly #freed: (file: ValueFile) => void;
  readonly #files = new Map<bigint, ValueFile>();
  readonly #index = new Map<string, ValueFile>();
  readonly #readers = new Set<number>();
  #lastReader = 0;
  #waiting: Unreferenced[] = [];
  #liveBytes = 0;
  #heldBytes = 0;

  /** `freed` is called once for each file that becomes free. */
  constructor(freed: (file: ValueFile) => void) {
    this.#freed = freed;
  }

  /** Bytes of all values that durable records refer to. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Bytes on disk of the files that are not free. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Number of files that are not free, including those that only wait for readers to close. */
  get fileCount(): number {
    return this.#files.size + this.#waiting.length;
  }

  /** True if at least one durable record is separated. */
  get any(): boolean {
    return this.#index.size > 0;
  }

  /** The files that are in use, without those that only wait for readers to close. */
  get files(): Iterable<ValueFile> {
    return this.#files.values();
  }

  /** Adds a file: a new one to append to, or, with `sealed`, one that was found at open. */
  add(number: bigint, bytes: number, sealed: boolean): ValueFile {
    const file = new ValueFile(number, bytes, sealed);
    this.#files.set(number, file);
    this.#heldBytes += bytes;
    return file;
  }

  /** The durable reference of `key`. */
  get(key: string): ValueRef | undefined {
    return this.#index.get(key)?.live.get(key);
  }

  /** Records that this reference is durable under `key`, and replaces the previous one. */
  put(key: string, reference: ValueRef): void {
    const file = this.#files.get(reference.file);
    if (file === undefined) throw new Error(`value file ${reference.file} is not known`);
    this.delete(key);
    file.live.set(key, reference);
    file.liveBytes += reference.length;
    this.#liveBytes += reference.length;
    this.#index.set(key, file);
  }

  /** Records that the value of `key` is durably deleted. */
  delete(key: string): void {
    const file = this.#index.get(key);
    const reference = file?.live.get(key);
    if (file === undefined || reference === undefined) return;
    this.#index.delete(key);
    file.live.delete(key);
    file.liveBytes -= reference.length;
    this.#liveBytes -= reference.length;
    this.#freeIfUnreferenced(file);
  }

  /** Ends appending to a file. */
  seal(file: ValueFile): void {
    file.sealed = true;
    this.#freeIfUnreferenced(file);
  }

  /** Removes one pin: the reference is durable now, or will never be. */
  unpin(number: bigint): void {
    const file = this.#files.get(number);
    if (file === undefined) throw new Error(`value file ${number} is not known`);
    file.pins--;
    this.#freeIfUnreferenced(file);
  }

  /**
   * Begins a reader: no file that it may read is reused until it calls the returned function.
   * Idempotent.
   */
  beginReading(): () => void {
    const reader = ++this.#lastReader;
    this.#readers.add(reader);
    return () => {
      if (this.#readers.delete(reader)) this.#free();
    };
  }

  #freeIfUnreferenced(file: ValueFile): void {
    if (!file.sealed || file.pins > 0 || file.live.size > 0) return;
    if (!this.#files.delete(file.number)) return;
    this.#waiting.push({ file, readers: this.#lastReader });
    this.#free();
  }

  #free(): void {
    // Readers are added in order, so the first one is the oldest.
    const [oldest = Number.POSITIVE_INFINITY] = this.#readers;
    const free = this.#waiting.filter(({ readers }) => oldest > readers);
    if (free.length === 0) return;
    this.#waiting = this.#waiting.filter(({ readers }) => oldest <= readers);
    for (const { file } of free) {
      this.#heldBytes -= file.bytes;
      this.#freed(file);
    }
  }
}
