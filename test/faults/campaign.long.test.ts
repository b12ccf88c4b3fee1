/**
 * The short form of the fault campaign: in every row of the table no loss is silent, and no healthy
 * store is refused.
 */
import { availableParallelism } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { failed, runRow } from './campaign.js';
import { Pool } from './pool.js';
import { ROWS } from './rows.js';

const SEED = Number(process.env.LANESTORE_SEED ?? 20260324);

const campaign = suite('fault campaign, short');
const pool = new Pool(Math.min(4, availableParallelism()));

for (const row of ROWS) {
  campaign(`${row.name}: ${row.fault}`, async () => {
    const result = await runRow(row, pool, { seed: SEED, short: true });
    if (result.skipped !== undefined) {
      process.stdout.write(`\n  skipped: ${row.name} (${result.skipped})\n`);
      return;
    }
    const lines = result.failures.map(({ i, mistake, detail }) => `${row.name}/${i} (${mistake}): ${detail}`);
    assert.is(failed(result), 0, `seed ${SEED}\n${lines.join('\n')}`);
    assert.ok(result.cases > 0, 'there were cases');
  });
}

campaign.after(() => pool.close());
campaign.run();
