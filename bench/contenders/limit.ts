/**
 * The best that Node can reach on a disk: write the bytes of a round to one file, then fdatasync.
 * Nothing can be read back.
 */
import { close, fdatasync, fdatasyncSync, open, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BatchSource, flatten } from '../operations.js';
import type { BenchRound } from '../rounds.js';
import { allAtOnce, type Contender, type ContenderKind, type Job } from './contender.js';
import { wireBytes } from './port.js';

const SECTOR_BYTES = 4096;
const PREALLOCATED_BYTES_MIN = 64 * 1024 * 1024;
/** Minimum number of rounds in the preallocated file before it is overwritten. */
const PREALLOCATED_ROUNDS_MIN = 4;

/** Returns the position for the bytes of a round; null for the end of the file. */
type Place = (fd: number, bytes: Uint8Array) => number | null;

class LimitContender implements Contender {
  userBytes = 0;
  syncs = 0;
  readonly #fd: number;
  readonly #place: Place;
  readonly #batches = new BatchSource();

  constructor(fd: number, place: Place) {
    this.#fd = fd;
    this.#place = place;
  }

  prepare(round: BenchRound): Job {
    const bytes = flatten(this.#batches.next(round));
    const position = this.#place(this.#fd, bytes);
    this.userBytes = wireBytes(round);
    return () => {
      this.syncs++;
      return allAtOnce(() => store(this.#fd, bytes, position));
    };
  }

  close(): Promise<void> {
    return promisify(close)(this.#fd);
  }
}

/** Uses callbacks, which cost less in Node than file handles. */
function store(fd: number, bytes: Uint8Array, position: number | null): Promise<void> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, position, (error, written) => {
      if (error !== null) return reject(error);
      if (written !== bytes.length) return reject(new Error(`${written} of ${bytes.length} bytes were written`));
      fdatasync(fd, (syncError) => (syncError === null ? resolve() : reject(syncError)));
    });
  });
}

/**
 * Sector-aligned positions in a file that was filled with zeros and synced in advance. Wraps around
 * at the end.
 */
function preallocated(): Place {
  let size = 0;
  let next = 0;
  return (fd, bytes) => {
    const taken = Math.ceil(bytes.length / SECTOR_BYTES) * SECTOR_BYTES;
    const wanted = Math.max(PREALLOCATED_BYTES_MIN, PREALLOCATED_ROUNDS_MIN * taken);
    if (size < wanted) {
      const zeros = Buffer.alloc(wanted - size);
      for (let at = 0; at < zeros.length; ) at += writeSync(fd, zeros, at, zeros.length - at, size + at);
      fdatasyncSync(fd);
      size = wanted;
    }
    const position = next + taken > size ? 0 : next;
    next = position + taken;
    return position;
  };
}

function limitKind(name: string, description: string, flags: string, place: () => Place): ContenderKind {
  return {
    name,
    description,
    open: async (dir) => new LimitContender(await promisify(open)(join(dir, 'limit'), flags), place()),
  };
}

export const limit = limitKind('limit', 'append + fdatasync of the same bytes to one file', 'a', () => () => null);

export const limitPreallocated: ContenderKind = {
  fullOnly: true,
  ...limitKind(
    'limit-prealloc',
    'the same into space that was filled with zeros and synced in advance, and is overwritten repeatedly: no metadata changes',
    'w',
    preallocated,
  ),
};
