/**
 * Views of a store while a node in another process writes to it: each view holds a whole number of
 * calls, including all acknowledged ones.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView } from '../../../../src/adapter/level/index.js';
import { refused } from '../../../support/faults.js';
import { testSeed } from '../../../support/kill.js';
import { plain } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { startNode } from './live.js';
import { textOf } from './seen.js';

/** Views per kind of load. */
const VIEWS = 10;

const test = suite('views while a node writes');

for (const mode of ['plain', 'compaction', 'values'] as const) {
  test(
    `${mode}: each view holds whole calls only, all acknowledged ones, and the node is not disturbed`,
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      const seed = testSeed();
      const node = await startNode(location, mode, seed);
      let tries = 0;
      for (let i = 0; i < VIEWS; i++) {
        await node.more(20);
        const least = node.acknowledged;
        const what = `view ${i} of ${mode}, LANESTORE_TEST_SEED=${seed}`;
        await using view = await openView(location, { model: plain });
        assert.is(view.refusal, undefined, `${what}: ${view.refusal?.message}`);
        assert.ok(['equal', 'behind'].includes(view.witness.verdict), `${what}: ${view.witness.verdict}`);
        node.expectPrefix(await textOf(view), least, what);
        tries += view.tries;
      }
      if (process.env.LANESTORE_TEST_TALLY)
        process.stderr.write(`${mode}: ${VIEWS} views, ${tries} tries, ${node.acknowledged} calls\n`);
      await refused(openLevel(location, { model: plain }), 'LANESTORE_LOCKED');
      await node.more(1);
      await node.kill();
      await (await openLevel(location, { model: plain })).close();
      assert.equal(readdirSync(dir), ['store']);
    }),
  );
}

test.run();
