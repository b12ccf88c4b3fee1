/**
 * A thread that takes and frees a lock between threads in a loop, and counts in shared memory.
 * `counts` are the current holders, the number of times it was taken, and how often another thread
 * held it at that time.
 */
import { setImmediate } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { lockThreads } from '../../src/base/thread-lock.js';

const { counts, sockets, takes } = workerData as { counts: Int32Array; sockets: boolean; takes: number };
const [HOLDERS, TAKEN, OVERLAPS] = [0, 1, 2];

while (Atomics.load(counts, TAKEN) < takes) {
  const release = await lockThreads('contended', sockets);
  if (release === undefined) continue;
  Atomics.add(counts, TAKEN, 1);
  if (Atomics.add(counts, HOLDERS, 1) > 0) Atomics.add(counts, OVERLAPS, 1);
  await setImmediate();
  Atomics.sub(counts, HOLDERS, 1);
  release();
}
