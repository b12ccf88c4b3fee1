/**
 * Arenas: reused memory for encoded records. A fresh page costs a page fault, which takes longer
 * than copying and checksumming its bytes (docs/benchmarks-details.md), and short-lived buffers
 * cause garbage collections.
 *
 * An arena is reused once every item in it was released. An item that is never released (its round
 * was refused, a write failed) pins its arena, until the garbage collector frees both. So a missing
 * release is harmless, but an early release corrupts an item that is still read. An item may be
 * released once its bytes have been copied into LevelDB's batch, or once they were written to a
 * value file and synced, and are referenced from there.
 */

/** A piece of memory, filled from its beginning. */
export interface Arena {
  readonly bytes: Buffer;
  readonly buffer: ArrayBuffer;
  readonly view: DataView;
  /** Offset of the next item. */
  end: number;
  /** Number of complete items that were not released. */
  items: number;
  /** The pool that reuses it; undefined for an arena that is used once. */
  readonly pool?: Arenas;
}

/** A new arena. */
export function arenaOf(length: number, pool?: Arenas): Arena {
  const bytes = Buffer.allocUnsafeSlow(length);
  const { buffer } = bytes;
  return { bytes, buffer, view: new DataView(buffer), end: 0, items: 0, ...(pool === undefined ? {} : { pool }) };
}

/**
 * Pooled arenas by their memory, to find the arena of an item. Weak, because not every item is
 * released.
 */
const byMemory = new WeakMap<ArrayBufferLike, Arena>();

/** A pool of arenas of one size; see the top of this file. */
export class Arenas {
  /** Size of each arena, in bytes. */
  readonly bytes: number;
  readonly #waitingMax: number;
  /** The arena that is being filled. */
  #current: Arena | undefined;
  readonly #waiting: Arena[] = [];

  /** The pool keeps at most `waitingMax` free arenas. */
  constructor(bytes: number, waitingMax: number) {
    this.bytes = bytes;
    this.#waitingMax = waitingMax;
  }

  /**
   * An arena with room for `length` bytes after its `end`; `length` must be at most {@link bytes}.
   */
  take(length: number): Arena {
    const current = this.#current;
    if (current !== undefined && current.end + length <= this.bytes) return current;
    const next = this.#waiting.pop() ?? this.#make();
    this.#current = next;
    return next;
  }

  /** Takes back an arena of this pool whose items are all released. */
  giveBack(arena: Arena): void {
    arena.end = 0;
    if (arena !== this.#current && this.#waiting.length < this.#waitingMax) this.#waiting.push(arena);
  }

  #make(): Arena {
    const arena = arenaOf(this.bytes, this);
    byMemory.set(arena.buffer, arena);
    return arena;
  }
}

/**
 * The arena of the item that was released last: consecutive items are nearly always in the same
 * one. It stays allocated after all stores are closed.
 */
let last: Arena | undefined;

/**
 * Releases an item, given its bytes or a part of them. Must be called at most once for an item.
 * Does nothing for memory outside of the pools.
 */
export function releaseMemory({ buffer }: Uint8Array): void {
  const arena = last?.buffer === buffer ? last : byMemory.get(buffer);
  if (arena === undefined) return;
  last = arena;
  if (--arena.items === 0) arena.pool?.giveBack(arena);
}
