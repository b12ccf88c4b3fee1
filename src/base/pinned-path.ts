/**
 * What a path led to at one moment, by device and inode, to be compared with what it leads to
 * later: a directory that was moved away, replaced by a copy, or hidden by a mount is another one
 * under the same path.
 */
import { type BigIntStats, closeSync, fstatSync, openSync, statSync } from 'node:fs';

/** Inode numbers may have more than 53 bits. */
const EXACT = { bigint: true, throwIfNoEntry: false } as const;

type Identity = Pick<BigIntStats, 'dev' | 'ino'>;

/** Device and inode, as text. */
export function identityOf(stat: Identity): string {
  return `${stat.dev}:${stat.ino}`;
}

/** The identity of what `path` leads to; undefined if there is nothing. */
export function identityAt(path: string): string | undefined {
  const stat = statSync(path, EXACT);
  return stat === undefined ? undefined : identityOf(stat);
}

/** A path and what it led to. */
export class PinnedPath {
  readonly path: string;
  readonly #stat: Identity;
  #fd: number | undefined;

  private constructor(path: string, { dev, ino }: Identity, fd: number | undefined) {
    this.path = path;
    this.#stat = { dev, ino };
    this.#fd = fd;
  }

  /**
   * Pins a directory. It is held open, so that its inode number is given to no other one, also when
   * it is removed.
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
   * Pins a file that is open elsewhere in this process for as long as this is used. It is not
   * opened: closing it could free a lock.
   */
  static openFile(path: string): PinnedPath {
    return new PinnedPath(path, statSync(path, { bigint: true }), undefined);
  }

  /**
   * True if the path leads to the same as ever; some 3 microseconds. False too if the system does
   * not say.
   */
  isSame(): boolean {
    try {
      const stat = statSync(this.path, EXACT);
      return stat !== undefined && stat.ino === this.#stat.ino && stat.dev === this.#stat.dev;
    } catch {
      return false;
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
