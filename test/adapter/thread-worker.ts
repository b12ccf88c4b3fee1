/** A worker thread that tries to open the store in `workerData` and posts the outcome. */
import { parentPort, workerData } from 'node:worker_threads';
import { openLevel } from '../../src/adapter/level/index.js';
import type { LanestoreError } from '../../src/errors.js';
import { plain } from '../support/plain-model.js';

try {
  await using store = await openLevel(workerData as string, { model: plain });
  parentPort?.postMessage(`open ${store.seq}`);
} catch (error) {
  parentPort?.postMessage(`refused ${(error as LanestoreError).code}`);
}
