/**
 * Arenas: memory that records are encoded into. Those of large records that are kept in value files are used again: a fresh page costs a page
 * fault, which takes longer than copying the bytes and checksumming them together (docs/benchmarks.md), and large buffers that come and
 * go make the garbage collector run.
 *
 * An arena is used again once every item in it was given back. An item that never is (its round was refused, it was stored inline, a write
 * failed) keeps its arena from it for good, and the garbage collector takes both. So forgetting to give back is harmless; giving back
 * what somebody still looks at is not: only what was written and synced, and is named by a reference from then on, may be given back.
 */

/** Bytes of an arena that is used again. It holds two blocks of the protocol's largest size; untouched pages of it cost nothing. */
export const REUSED_ARENA_BYTES = 4 * 1024 * 1024;
/** Arenas that wait to be used again at most, in a process: 32 MiB. */
const WAITING_MAX = 8;

/** Memory, filled from its beginning. */
export interface Arena {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where the next item begins. */
  end: number;
  /** Items that were ended in it and not given back. */
  items: number;
}

/** A new arena. */
export function arenaOf(length: number): Arena {
  const bytes = Buffer.allocUnsafeSlow(length);
  return { bytes, view: new DataView(bytes.buffer), end: 0, items: 0 };
}

/** The arenas that are used again; see the top of this file. */
export class Arenas {
  /** The one that is being filled. */
  #current: Arena | undefined;
  #waiting: Arena[] = [];
  /** By their memory, which an item is a part of; weak, because not every item is given back. */
  readonly #byMemory = new WeakMap<ArrayBufferLike, Arena>();

  /** An arena that has room for `length` bytes behind its `end`; undefined if so much is never used again. */
  take(length: number): Arena | undefined {
    if (length > REUSED_ARENA_BYTES) return undefined;
    const current = this.#current;
    if (current !== undefined && current.end + length <= current.bytes.length) return current;
    const next = this.#waiting.pop() ?? this.#make();
    this.#current = next;
    return next;
  }

  /** Gives back an item by its bytes, or a part of them; once. Memory of other arenas is left alone. */
  release({ buffer }: Uint8Array): void {
    const arena = this.#byMemory.get(buffer);
    if (arena === undefined || --arena.items > 0) return;
    arena.end = 0;
    if (arena !== this.#current && this.#waiting.length < WAITING_MAX) this.#waiting.push(arena);
  }

  #make(): Arena {
    const arena = arenaOf(REUSED_ARENA_BYTES);
    this.#byMemory.set(arena.bytes.buffer, arena);
    return arena;
  }
}
