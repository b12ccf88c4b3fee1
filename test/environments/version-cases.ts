/** One version of Node.js: the library and the command line work in it, without a warning. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHIPPED_MAIN } from '../support/cli.js';
import { entriesIn, fixture, loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import type { NodeVersion } from './nodes.js';
import { outcomes, SCENARIO, STEPS } from './outcomes.js';

/** Adds the tests of one version of Node.js. */
export function addVersionCases(test: ReturnType<typeof suite>, { version, path }: NodeVersion): void {
  /** A deprecated call ends the process; a warning would appear on standard error. */
  const start = (cwd: string, ...args: string[]) =>
    spawnSync(path, ['--throw-deprecation', '--pending-deprecation', ...args], { cwd, encoding: 'utf8' });

  test(
    `Node.js ${version}: everything that a node does with its stores`,
    inTemp((dir) => {
      const ended = start(dir, SCENARIO, dir, ...STEPS);
      assert.equal(
        outcomes(ended),
        STEPS.map((step) => ({ step })),
      );
      assert.is(ended.stderr, '');
    }),
  );

  test(
    `Node.js ${version}: the command line`,
    inTemp((dir) => {
      const run = (...args: string[]) => {
        const ended = start(dir, SHIPPED_MAIN, ...args);
        assert.is(ended.status, 0, `${args[0]}: ${ended.stderr}`);
        return ended;
      };
      mkdirSync(join(dir, 'deep'));
      const location = join(dir, 'deep', 'store');
      run('import', fixture('wal', 'state'), location);
      assert.equal(entriesIn(run('manifest', location).stdout), loadExpected('wal'));
      assert.is(JSON.parse(run('version', '--json').stdout).node, version);
      assert.is(JSON.parse(run('verify', location, '--json').stdout).findingsTotal, 0);
      run('inspect', location);
      run('ls', location);
      run('get', location, 'qc/35');
      run('snapshot', location, join(dir, 'snapshot'));
      run('export', location, join(dir, 'exported'), '--layout', 'wal-crc');
      run('diff', location, join(dir, 'snapshot'));
      run('replay', fixture('wal-no-anchor', 'rounds.jsonl'), join(dir, 'replayed'));
      // The demo kills its own child process, and opens the store that the child left.
      run('demo', '--pace-ms', '20');
    }),
  );
}
