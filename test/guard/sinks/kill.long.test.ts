/** The check of kill.test.ts finds weakened builds. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Patch, patchedBuild } from '../../faults/weakened.js';
import { Random, testSeed } from '../../support/kill.js';
import { inTemp } from '../../support/temp.js';
import { LIVES, lives } from './lives.js';

const test = suite('guard: sinks, weakened');

/** Most are found in the first try. Quorums that miss each other: see properties.test.ts. */
const TRIES_MAX = 24;

const WEAKENED: readonly Patch[] = [
  {
    name: 'guard that releases before the sinks hold it',
    replacements: [{ file: 'src/guard/witness-quorum.js', find: "if (this.mode === 'before')", by: 'if (false)' }],
  },
  {
    name: 'guard that opens behind its sinks',
    replacements: [
      { file: 'src/guard/open-witnesses.js', find: "if (verdict.kind === 'ahead')", by: 'if (false)' },
      { file: 'src/guard/sinks/file.js', find: '!checkPut(', by: 'false && !checkPut(' },
    ],
  },
];

for (const patch of WEAKENED) {
  test(
    `the same check finds a ${patch.name}`,
    inTemp(async (dir) => {
      const seed = testSeed();
      const build = patchedBuild(patch);
      const worker = pathToFileURL(join(build, 'test', 'guard', 'sinks', 'kill-worker.js'));
      let tries = 0;
      let found: string | undefined;
      for (; tries < TRIES_MAX && found === undefined; tries++) {
        // A worker that fails was stopped by another rule, such as one of the sinks: try again.
        const stopped = () => ({ wrong: undefined });
        found = (await lives(worker, join(dir, `${tries}`), new Random(seed + tries)).catch(stopped)).wrong;
      }
      assert.ok(
        found !== undefined,
        `${tries} times ${LIVES} lives, and nothing is wrong, LANESTORE_TEST_SEED=${seed}`,
      );
      rmSync(build, { recursive: true });
    }),
  );
}

test.run();
