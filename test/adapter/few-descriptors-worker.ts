/**
 * A process that is short of file descriptors. It opens a new and an existing store with no free
 * descriptor, then with one, two, and so on, and prints each outcome.
 *
 *   node few-descriptors-worker.js level|wal DIR
 */
import { closeSync, openSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openLevel } from '../../src/adapter/level/index.js';
import { openWal } from '../../src/adapter/wal/index.js';
import { isLanestoreError } from '../../src/errors.js';
import { plain, plainBlock } from '../support/plain-model.js';

const [backend, dir] = [process.argv[2], process.argv[3]!];
const open = (at: string) => (backend === 'wal' ? openWal(at, { model: plain }) : openLevel(at, { model: plain }));
/** More descriptors than any open needs. */
const FREE_MAX = 40;

function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

async function openAndClose(at: string): Promise<string> {
  try {
    const store = await open(at);
    await store.close();
    return 'opened';
  } catch (error) {
    return isLanestoreError(error) ? error.code : String(error);
  }
}

async function main(): Promise<void> {
  const old = join(dir, 'old');
  const store = await open(old);
  await store.persist({ blocks: ['0a', '0b'].map((lane) => plainBlock(lane, 0)) });
  await store.close();
  const before = descriptors().length;
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    // Every descriptor is taken.
  }
  const ends = new Set<string>();
  let last = '';
  for (let free = 0; free <= FREE_MAX; free++) {
    if (free > 0) closeSync(taken.pop()!);
    for (const at of [old, join(dir, `new-${free}`)]) {
      last = await openAndClose(at);
      ends.add(last);
    }
  }
  for (const fd of taken) closeSync(fd);
  const left = descriptors().length - before;
  writeSync(1, `${[...ends].sort().join(' ')}; at last ${last}; ${left} descriptors are left open\n`);
}

void main();
