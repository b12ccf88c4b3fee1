/**
 * Remembers which file a path led to, by device and inode, to detect a later change: a directory
 * that was moved away, replaced by a copy, or hidden by a mount is a different one at the same
 * path.
 */
import { type BigIntStats, closeSync, fstatSync, openSync, type Stats, statSync } from 'node:fs';

/** Inode numbers may have more than 53 bits. */
const EXACT = { bigint: true, throwIfNoEntry: false } as const;
/**
 * For a file whose own numbers are exact as doubles: a number that is not exact cannot be equal to
 * them. With cold caches, as during a batch, this takes three quarters of the time.
 */
const SAFE = { bigint: false, throwIfNoEntry: false } as const;

type Identity = Pick<BigIntStats, 'dev' | 'ino'>;

/** Device and inode as text, for comparison. */
export function identityOf(stat: Identity): string {
  return `${stat.dev}:${stat.ino}`;
}

/** The identity of the file at `path`; undefined if there is none. */
export function identityAt(path: string): string | undefined {
  const stat = statSync(path, EXACT);
  return stat === undefined ? undefined : identityOf(stat);
}

/** Device and inode of a file, to compare files at paths with it. */
export class FileIdentity {
  readonly #isSafe: boolean;
  readonly #dev: bigint | number;
  readonly #ino: bigint | number;

  constructor({ dev, ino }: Identity) {
    this.#isSafe = isExact(dev) && isExact(ino);
    this.#dev = this.#isSafe ? Number(dev) : dev;
    this.#ino = this.#isSafe ? Number(ino) : ino;
  }

  /** The identity of the file at `path`; undefined if there is none. */
  static at(path: string): FileIdentity | undefined {
    const stat = statSync(path, EXACT);
    return stat === undefined ? undefined : new FileIdentity(stat);
  }

  /** True if `path` leads to this file. @throws errors of the file system. */
  isAt(path: string): boolean {
    return this.statusAt(path) !== undefined;
  }

  /** The status of the file at `path`; undefined if it is not this file. */
  statusAt(path: string): Stats | BigIntStats | undefined {
    const stat = this.#isSafe ? statSync(path, SAFE) : statSync(path, EXACT);
    return stat !== undefined && stat.ino === this.#ino && stat.dev === this.#dev ? stat : undefined;
  }
}

/** Node.js gives numbers of 2^63 and more as negative bigints, but as positive doubles. */
function isExact(number: bigint): boolean {
  return number >= 0n && number <= Number.MAX_SAFE_INTEGER;
}

/** A path, and the identity of the file that it led to. */
export class PinnedPath {
  readonly path: string;
  readonly #identity: FileIdentity;
  #fd: number | undefined;

  private constructor(path: string, identity: Identity, fd: number | undefined) {
    this.path = path;
    this.#identity = new FileIdentity(identity);
    this.#fd = fd;
  }

  /**
   * Pins a directory. It is kept open, so that its inode number is not reused, even if it is
   * removed.
   */
  static directory(path: string): PinnedPath {
    const fd = openSync(path, 'r');
    try {
      return new PinnedPath(path, fstatSync(fd, { bigint: true }), fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /**
   * Pins a file that other code of this process keeps open while the pin is used. The pin does not
   * open the file, because closing it could release a lock.
   */
  static openFile(path: string): PinnedPath {
    return new PinnedPath(path, statSync(path, { bigint: true }), undefined);
  }

  /**
   * True if the path still leads to the same file; takes about 3 microseconds. False also if the
   * system call fails.
   */
  isSame(): boolean {
    try {
      return this.#identity.statusAt(this.path) !== undefined;
    } catch {
      return false;
    }
  }

  /** True if {@link isSame}, and the file has no other link, as a copy by links has. */
  isOnlyLink(): boolean {
    try {
      return Number(this.#identity.statusAt(this.path)?.nlink) === 1;
    } catch {
      return false;
    }
  }

  /** Releases the pin. Idempotent. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
