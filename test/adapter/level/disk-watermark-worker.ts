/**
 * A process that waits for disk space that never becomes free, and has nothing else to do:
 *
 *   node disk-watermark-worker.js LOCATION
 *
 * It prints a line `waiting`. The process must end by itself.
 */
import { writeSync } from 'node:fs';
import { openLevel } from '../../../src/adapter/level/index.js';
import { plain, plainBlock } from '../../support/plain-model.js';

const freeSpace = { read: async () => 0, readNow: () => 0 };
const store = await openLevel(process.argv[2]!, { model: plain, freeSpace });
store.persist({ blocks: [plainBlock('0a', 0)] }).catch(() => {
  void store.ready();
  writeSync(1, 'waiting\n');
});
