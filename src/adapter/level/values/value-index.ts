/**
 * What each value file is still needed for. Every durable reference is counted here by its key, those of stale keys too. Rebuilt at open;
 * nothing of it is stored.
 *
 * A file is free once
 *   - nothing is appended to it any more (it is sealed),
 *   - no durable record refers to it: the batch that deleted the last reference is synced, so no crash brings it back,
 *   - no reference to it is on its way into LevelDB (pins: values written ahead, moves that wait for their batch),
 *   - every reader that began before all of that was so has ended: it may hold a reference that it read earlier. A reader that begins later
 *     finds none.
 */
import type { ValueRef } from '../format/value-ref.js';

/** A value file that holds, or may come to hold, something that is needed. */
export class ValueFile {
  readonly number: bigint;
  /** Its size on disk. */
  readonly bytes: number;
  /** The durable references to it, by their keys. */
  readonly live = new Map<string, ValueRef>();
  /** Bytes of their values. */
  liveBytes = 0;
  /** References that are not durable yet. */
  pins = 0;
  /** Nothing is appended any more. */
  sealed: boolean;

  constructor(number: bigint, bytes: number, sealed: boolean) {
    this.number = number;
    this.bytes = bytes;
    this.sealed = sealed;
  }
}

/** A file without references. It is free once every reader up to number `readers` has ended. */
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

  /** `freed` is called once for each file that is free. */
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

  /** Files that are not free, readers that hold them up included. */
  get fileCount(): number {
    return this.#files.size + this.#waiting.length;
  }

  /** False if no durable record is separated. */
  get any(): boolean {
    return this.#index.size > 0;
  }

  /** The files with something in them that is needed. */
  get files(): Iterable<ValueFile> {
    return this.#files.values();
  }

  /** Adds a file: one that will be appended to, or, sealed, one that was found at open. */
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

  /** A record with this reference is durable under `key`, in place of what stood there. */
  put(key: string, reference: ValueRef): void {
    const file = this.#files.get(reference.file);
    if (file === undefined) throw new Error(`value file ${reference.file} is not known`);
    this.delete(key);
    file.live.set(key, reference);
    file.liveBytes += reference.length;
    this.#liveBytes += reference.length;
    this.#index.set(key, file);
  }

  /** What stood under `key` is durably gone. */
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

  /** A reference that was pinned is durable now, or will never be. */
  unpin(number: bigint): void {
    const file = this.#files.get(number);
    if (file === undefined) throw new Error(`value file ${number} is not known`);
    file.pins--;
    this.#freeIfUnreferenced(file);
  }

  /** Files that a reader may come upon stay as they are until it calls what this returns. Idempotent. */
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
