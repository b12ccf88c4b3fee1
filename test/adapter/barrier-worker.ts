/**
 * A worker thread that opens a store at the same moment as other threads. `workerData` is `{
 * location, gate, threads }`; `gate` is a shared counter of the threads that are ready. The worker
 * posts `open`, or `refused CODE`. With the store open it waits for a message, persists one block,
 * closes, and posts `acknowledged` or the error code.
 */
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { openLevel } from '../../src/adapter/level/index.js';
import type { LanestoreError } from '../../src/errors.js';
import { plain, plainBlock } from '../support/plain-model.js';

const { location, gate, threads } = workerData as { location: string; gate: Int32Array; threads: number };
const port = parentPort!;

Atomics.add(gate, 0, 1);
// No turn of the event loop in between, so that all threads begin at the same moment.
while (Atomics.load(gate, 0) < threads);
try {
  const store = await openLevel(location, { model: plain });
  const asked = once(port, 'message');
  port.postMessage('open');
  await asked;
  const wrote = await store.persist({ blocks: [plainBlock('0a', store.seq)] }).then(
    () => 'acknowledged',
    (error: LanestoreError) => error.code,
  );
  await store.close();
  port.postMessage(wrote);
  port.close();
} catch (error) {
  port.postMessage(`refused ${(error as LanestoreError).code}`);
}
