/** States of 73f917bbd for the tests of commands. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seiExpected } from '../migrations/sei-states.js';

/** The content that the original loads. */
export const expected = seiExpected('ordinary');

/** The first lane of the state. */
export const [LANE = ''] = Object.keys(expected.lanes);

/** A committee file with the epoch of the fixture. */
export function epochFile(dir: string): string {
  const file = join(dir, 'epochs.json');
  writeFileSync(file, JSON.stringify({ epochs: [{ index: '0', from: '0', committee: expected.committee }] }));
  return file;
}
