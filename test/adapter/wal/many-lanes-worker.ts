/**
 * A process that writes blocks of many lanes twice, truncates the lanes, drops a lane that then
 * rejoins, opens the store again, and prints what it found:
 *
 *   node many-lanes-worker.js DIR LANES
 */
import { readdirSync, writeSync } from 'node:fs';
import type { LanestoreError } from '../../../src/errors.js';
import { plainAnchor, plainBlock } from '../../support/plain-model.js';
import { openPlain } from './plain-store.js';

const [dir, count] = [process.argv[2]!, Number(process.argv[3])];
const lanes = Array.from({ length: count }, (_, i) => i.toString(16).padStart(8, '0'));

try {
  const store = await openPlain(dir, { maxLanes: count });
  for (const number of [0, 1]) await store.persist({ blocks: lanes.map((lane) => plainBlock(lane, number)) });
  await store.persist({ anchor: plainAnchor(0, Object.fromEntries(lanes.map((lane) => [lane, 1]))) });
  await store.persist({ blocks: lanes.map((lane) => plainBlock(lane, 2)) });
  const [last] = lanes.slice(-1);
  await store.dropLanes([last!]);
  await store.persist({ blocks: [1, 2].map((number) => plainBlock(last!, number)) });
  const descriptors = readdirSync('/proc/self/fd').length;
  await store.close();
  const again = await openPlain(dir, { maxLanes: count });
  const whole = [...again.takeRecovered().blocks].filter(([, blocks]) => blocks.map((b) => b.number).join() === '1,2');
  await again.close();
  writeSync(1, `${whole.length} lanes are whole, ${descriptors <= 200 ? 'at most 200' : descriptors} descriptors\n`);
} catch (error) {
  writeSync(1, `${(error as LanestoreError).code}: ${(error as Error).message}\n`);
}
