/** The long part of `helper.test.ts`: no descriptors, kills while it salvages. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, verify } from '../../../../src/adapter/level/index.js';
import { flipInFile } from '../../../support/faults.js';
import { plain } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { makeStore, withEnv } from './helper-support.js';

const test = suite('view: the helper is killed');
const STARVED_WORKER = fileURLToPath(new URL('./starved-worker.js', import.meta.url));

/** Runs a worker that has few descriptors. */
function starved(...args: readonly string[]): { lines: string[]; status: number | null; stderr: string } {
  const command = 'ulimit -n 120; exec "$0" "$@"';
  const { stdout, status, stderr } = spawnSync('sh', ['-c', command, process.execPath, STARVED_WORKER, ...args], {
    encoding: 'utf8',
  });
  return { lines: stdout.trim().split('\n'), status, stderr };
}

test(
  'no descriptors left: the caller keeps running and gets a report or LANESTORE_IO',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const { lines, status, stderr } = starved('verify', location);
    assert.equal([lines.at(-1), status], ['done', 0], stderr);
    const results = lines.slice(0, -1).map((line) => line.replace(/^\d+ /, ''));
    assert.equal(new Set(results), new Set(['sound 0', 'LANESTORE_IO']));
    assert.equal(readdirSync(dir), ['store']);
  }),
);

test(
  'no descriptors left for the child of the demo: LANESTORE_IO',
  inTemp(async (dir) => {
    const { lines, status, stderr } = starved('demo', join(dir, 'absent'), join(dir, 'store'));
    assert.equal([lines.at(-1), status], ['done', 0], stderr);
    assert.equal(new Set(lines.slice(0, -1).map((line) => line.replace(/^\d+ /, ''))), new Set(['LANESTORE_IO']));
  }),
);

test(
  'killed while it salvages: the report has the damage, and the reason why the rest is not shown',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    await (await openLevel(location, { model: plain })).close();
    const level = join(location, 'level');
    const table = readdirSync(level).filter((name) => name.endsWith('.ldb'));
    flipInFile(join(level, table.sort().at(-1)!), 800);
    const report = await withEnv('NODE_OPTIONS', '--no-such-option', () => verify(location, { model: plain }));
    assert.is(report.refusal?.code, 'LANESTORE_CORRUPT');
    assert.equal(
      report.findings.map(({ kind }) => kind),
      ['table-damaged'],
    );
    assert.match(report.notes.join('\n'), /missing here: the process that reads the database for this one failed/);
  }),
);

test.run();
