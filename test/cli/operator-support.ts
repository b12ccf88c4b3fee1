/** Stores for the tests of `health` and `accept-rollback`. */
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { run } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';

/** A store of `dir` whose database is older than its witness; resolves with its newest batch. */
export async function rolledBack(location: string): Promise<string> {
  const older = `${location}-older`;
  assert.is(run('import', fixture('wal', 'state'), location).status, 0);
  cpSync(location, older, { recursive: true });
  const store = await openLevel(location, { model: autobahn });
  await store.persist({ inner: new Uint8Array([1]) });
  await store.close();
  rmSync(join(location, 'level'), { recursive: true });
  renameSync(join(older, 'level'), join(location, 'level'));
  return JSON.parse(run('inspect', location, '--json').stdout).seq;
}
