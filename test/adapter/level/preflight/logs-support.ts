/** Logs for the tests of preflight. */
import * as assert from 'uvu/assert';
import type { LanestoreErrorCode } from '../../../../src/errors.js';
import { findingLines, refused, tree } from '../../../support/faults.js';
import { testSeed } from '../../../support/kill.js';
import { append, content, open } from './files.js';

/** Seed of the random bytes. */
export const seed = testSeed();

/** A closed store with rounds [0, before) in a table and rounds [before, to) in the log. */
export async function makeStore(location: string, before: number, to: number): Promise<string> {
  await append(location, 0, before);
  await append(location, before, to);
  return location;
}

/** Opening is refused with `code` three times, and no byte changes. */
export async function refusedThrice(
  location: string,
  code: LanestoreErrorCode,
  lines?: readonly string[],
): Promise<void> {
  const before = tree(location);
  for (let i = 0; i < 3; i++) {
    const error = await refused(open(location), code);
    if (lines !== undefined) assert.equal(findingLines(error), [...lines], `seed ${seed}`);
    assert.equal(tree(location), before, `${code}: files changed`);
  }
}

/** The store opens with a note of a torn tail; the next open has exactly this content. */
export async function opensTorn(location: string, expected: string, what: string): Promise<void> {
  {
    await using store = await open(location);
    assert.ok(
      store.recovery.notes.some((note) => note.includes('torn tail')),
      `${what}: ${store.recovery.notes}`,
    );
  }
  assert.is(await content(location), expected, `${what}, seed ${seed}`);
}
