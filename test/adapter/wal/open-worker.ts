/**
 * A process that opens a state directory, prints `open` or `refused CODE`, and keeps it open until
 * it is killed:
 *
 *   node open-worker.js DIR
 */
import { writeSync } from 'node:fs';
import type { LanestoreError } from '../../../src/errors.js';
import { openPlain } from './plain-store.js';

const say = (line: string) => writeSync(1, `${line}\n`);

try {
  const store = await openPlain(process.argv[2]!);
  say('open');
  setInterval(() => void store.cursors, 1000);
} catch (error) {
  say(`refused ${(error as LanestoreError).code}`);
}
