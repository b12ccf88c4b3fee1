/**
 * A process with few descriptors (`ulimit -n`): takes all but some of them, and calls what starts a process. Prints a line an attempt.
 *
 *   node starved-worker.js verify LOCATION
 *   node starved-worker.js demo FILE LOCATION
 */
import { closeSync, openSync } from 'node:fs';
import { verify } from '../../src/adapter/level/index.js';
import { acknowledgements, replayUntilKilled } from '../../src/cli/demo-child.js';
import { isLanestoreError } from '../../src/errors.js';
import { MAIN } from '../support/cli.js';
import { plain } from '../support/plain-model.js';

const [mode, path = '', location = ''] = process.argv.slice(2);
const FREE_MAX = 12;

async function attempt(): Promise<string> {
  if (mode === 'verify') return `sound ${(await verify(path, { model: plain })).findings.length}`;
  const execution = { file: path, location, victim: 0, inFlight: 1, paceMs: 0, onProgress: () => undefined };
  await replayUntilKilled(execution, acknowledgements());
  return 'killed';
}

// The demo's child is the program that runs: this one would start itself, again and again.
process.argv[1] = MAIN;
// Loads everything: what is loaded late would need descriptors too.
if (mode === 'verify') await attempt();
for (let free = FREE_MAX; free >= 0; free--) {
  const held: number[] = [];
  try {
    for (;;) held.push(openSync('/dev/null', 'r'));
  } catch {
    for (const fd of held.splice(0, free)) closeSync(fd);
  }
  const result = await attempt().catch((error) => (isLanestoreError(error) ? error.code : `not coded: ${error}`));
  for (const fd of held) closeSync(fd);
  process.stdout.write(`${free} ${result}\n`);
}
process.stdout.write('done\n');
