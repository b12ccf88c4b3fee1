/**
 * The campaign can fail: with any one guard removed from the store, the row for that guard fails.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inTemp } from '../support/temp.js';
import { failed, type RowResult } from './campaign.js';
import { patchedBuild, WEAKNESSES } from './weakened.js';

const weakened = suite('a weakened store fails the campaign');

for (const weakness of WEAKNESSES) {
  weakened(
    weakness.name,
    inTemp((dir) => {
      const build = patchedBuild(weakness);
      const main = join(build, 'test', 'faults', 'main.js');
      const json = join(dir, 'results.json');
      const args = ['--short', '--stop', '--rows', weakness.row, '--count', `${weakness.count}`, '--json', json];
      const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
      assert.is(status, 1, stderr);
      const [result] = JSON.parse(readFileSync(json, 'utf8')) as RowResult[];
      assert.ok(result !== undefined && failed(result) > 0, stderr);
      // The failure must come from the store, not from the harness.
      assert.is(result.mistakes.harness, 0, stderr);
      rmSync(build, { recursive: true });
    }),
  );
}

weakened.run();
