/**
 * Whether this process holds a lock (fcntl) on a file, which the kernel says in
 * `/proc/self/fdinfo`. Such a lock is easily lost: it goes when any thread of the process closes
 * any descriptor of that file, and whoever had it is not told. The file is never opened here.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { identityAt } from './pinned-path.js';

/** Bytes of a descriptor's page that are read; it has some 150. */
const PAGE_BYTES = 1024;

/** A lock that this process was seen to hold. */
export class HeldLock {
  readonly path: string;
  /** The page of the descriptor that has the lock: reading it again shows it as it is then. */
  readonly #page: number;
  readonly #bytes = Buffer.allocUnsafe(PAGE_BYTES);
  #open = true;

  private constructor(path: string, page: number) {
    this.path = path;
    this.#page = page;
  }

  /**
   * Looks for the lock of this process on `file`: `unheld` if a descriptor of the file is open here
   * and none has it, undefined where that cannot be told (no /proc, no descriptor that is known).
   */
  static find(file: string): HeldLock | 'unheld' | undefined {
    const descriptors = descriptorsOf(file);
    for (const fd of descriptors) {
      const page = pageOf(fd);
      if (page === undefined) return undefined;
      const lock = new HeldLock(file, page);
      if (lock.isHeld()) return lock;
      lock.close();
    }
    return descriptors.length === 0 ? undefined : 'unheld';
  }

  /** True if it is still held; some 3 microseconds. */
  isHeld(): boolean {
    try {
      const read = readSync(this.#page, this.#bytes, 0, PAGE_BYTES, 0);
      return this.#bytes.toString('latin1', 0, read).includes('POSIX');
    } catch {
      return false;
    }
  }

  /** Ends the watch, not the lock. Idempotent. */
  close(): void {
    if (this.#open) closeSync(this.#page);
    this.#open = false;
  }
}

/** This process's descriptors of `file`, by what they lead to. */
function descriptorsOf(file: string): string[] {
  const wanted = identityAt(file);
  if (wanted === undefined) return [];
  try {
    return readdirSync('/proc/self/fd').filter((fd) => identityAt(`/proc/self/fd/${fd}`) === wanted);
  } catch {
    return [];
  }
}

function pageOf(fd: string): number | undefined {
  try {
    return openSync(`/proc/self/fdinfo/${fd}`, 'r');
  } catch {
    return undefined;
  }
}
