/** What a disk lets Node do at best: append the bytes of a round to one file, then fdatasync. Nothing can be read back. */
import { close, fdatasync, open, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BatchSource, flatten } from '../operations.js';
import type { BenchRound } from '../rounds.js';
import { allAtOnce, type Contender, type ContenderKind, type Job } from './contender.js';
import { wireBytes } from './port.js';

class LimitContender implements Contender {
  userBytes = 0;
  syncs = 0;
  readonly #fd: number;
  readonly #batches = new BatchSource();

  constructor(fd: number) {
    this.#fd = fd;
  }

  prepare(round: BenchRound): Job {
    const bytes = flatten(this.#batches.next(round));
    this.userBytes = wireBytes(round);
    return () => {
      this.syncs++;
      return allAtOnce(() => append(this.#fd, bytes));
    };
  }

  close(): Promise<void> {
    return promisify(close)(this.#fd);
  }
}

/** Callbacks rather than file handles: the least that Node adds. */
function append(fd: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error !== null) return reject(error);
      if (written !== bytes.length) return reject(new Error(`${written} of ${bytes.length} bytes were written`));
      fdatasync(fd, (syncError) => (syncError === null ? resolve() : reject(syncError)));
    });
  });
}

export const limit: ContenderKind = {
  name: 'limit',
  description: 'append + fdatasync of the same bytes to one file',
  open: async (dir) => new LimitContender(await promisify(open)(join(dir, 'limit'), 'a')),
};
