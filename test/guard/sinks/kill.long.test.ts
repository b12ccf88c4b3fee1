/**
 * A node with sinks, killed under load: what it released in all its lives has no two votes in one
 * place, and no two blocks under one number. The same check finds weakened builds.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Patch, patchedBuild } from '../../faults/weakened.js';
import { Random, testSeed } from '../../support/kill.js';
import { inTemp } from '../../support/temp.js';
import { LIVES, lives } from './lives.js';

const test = suite('guard: sinks, killed under load');

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

test(
  'restored, cut off, killed: no place is released twice, and the node signs again',
  inTemp(async (dir) => {
    const seed = testSeed();
    const worker = new URL('./kill-worker.js', import.meta.url);
    const { wrong, count, ends } = await lives(worker, dir, new Random(seed));
    const said = `${count} released, ${ends.join(' ')}, LANESTORE_TEST_SEED=${seed}`;
    assert.is(wrong, undefined, `${wrong}, ${said}`);
    const killed = ends.filter((end) => end === 'killed').length;
    assert.ok(count > LIVES && killed > LIVES / 4 && ends.includes('LANESTORE_ROLLED_BACK'), said);
  }),
);

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
