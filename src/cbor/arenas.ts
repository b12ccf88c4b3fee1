/**
 * Arenas: memory that records are encoded into, and that is used again: a fresh page costs a page fault, which takes longer than copying the
 * bytes and checksumming them together (docs/benchmarks-details.md), and buffers that come and go make the garbage collector run.
 *
 * An arena is used again once every item in it was given back. An item that never is (its round was refused, a write failed) keeps its arena
 * from it for good, and the garbage collector takes both. So forgetting to give back is harmless; giving back what somebody still looks at
 * is not. Nobody does any more once the bytes have been copied into LevelDB's batch, or were written to a value file, synced, and are named by
 * a reference from then on.
 */

/** Memory, filled from its beginning. */
export interface Arena {
  readonly bytes: Buffer;
  readonly buffer: ArrayBuffer;
  readonly view: DataView;
  /** Where the next item begins. */
  end: number;
  /** Items that were ended in it and not given back. */
  items: number;
  /** Where it waits to be used again; absent for one that is used once. */
  readonly pool?: Arenas;
}

/** A new arena. */
export function arenaOf(length: number, pool?: Arenas): Arena {
  const bytes = Buffer.allocUnsafeSlow(length);
  const { buffer } = bytes;
  return { bytes, buffer, view: new DataView(buffer), end: 0, items: 0, ...(pool === undefined ? {} : { pool }) };
}

/** Arenas that are used again, by their memory, which an item is a part of; weak, because not every item is given back. */
const byMemory = new WeakMap<ArrayBufferLike, Arena>();

/** Arenas of one size that are used again; see the top of this file. */
export class Arenas {
  /** Bytes of each. */
  readonly bytes: number;
  readonly #waitingMax: number;
  /** The one that is being filled. */
  #current: Arena | undefined;
  readonly #waiting: Arena[] = [];

  /** At most `waitingMax` wait to be used again. */
  constructor(bytes: number, waitingMax: number) {
    this.bytes = bytes;
    this.#waitingMax = waitingMax;
  }

  /** An arena that has room for `length` bytes behind its `end`; they must not be more than {@link bytes}. */
  take(length: number): Arena {
    const current = this.#current;
    if (current !== undefined && current.end + length <= this.bytes) return current;
    const next = this.#waiting.pop() ?? this.#make();
    this.#current = next;
    return next;
  }

  /** An arena of this pool that holds nothing any more. */
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

/** The arena of the last item: neighbours nearly always lie in the same one. It is the one that stays when all stores are gone. */
let last: Arena | undefined;

/** Gives back an item by its bytes, or a part of them; once. Memory that is not used again is left alone. */
export function releaseMemory({ buffer }: Uint8Array): void {
  const arena = last?.buffer === buffer ? last : byMemory.get(buffer);
  if (arena === undefined) return;
  last = arena;
  if (--arena.items === 0) arena.pool?.giveBack(arena);
}
