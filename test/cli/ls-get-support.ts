/** An imported store for the tests of `ls` and `get`. */
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { run } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

/** A lane of the store. */
export const LANE = '2bd4e778e505998cbe6a052353e359648370d4cdbf51f3c8c986e4ce9fbeb8fe';

/** The key of the first block of the lane. */
export const KEY = `lane/${LANE}/00000000000000000038`;

/** Runs `check` with an imported store. */
export function stored(check: (location: string) => Promise<void>): () => Promise<void> {
  return inTemp(async (dir) => {
    const location = join(dir, 'store');
    const { status, stderr } = run('import', fixture('wal', 'state'), location);
    assert.is(status, 0, stderr);
    await check(location);
  });
}
