/**
 * A process with few descriptors (`ulimit -n`). It takes all but some of them, and makes a call
 * that starts a process. It prints a line per attempt.
 *
 *   node starved-worker.js verify LOCATION
 *   node starved-worker.js demo FILE LOCATION
 */
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { verify } from '../../../../src/adapter/level/index.js';
import { acknowledgements, replayUntilKilled } from '../../../../src/cli/demo-child.js';
import { isLanestoreError } from '../../../../src/errors.js';
import { plain } from '../../../support/plain-model.js';

const [mode, path = '', location = ''] = process.argv.slice(2);
const FREE_MAX = 12;

async function attempt(): Promise<string> {
  if (mode === 'verify') return `sound ${(await verify(path, { model: plain })).findings.length}`;
  const program = fileURLToPath(new URL('../../../../src/cli/main.js', import.meta.url));
  const execution = { program, file: path, location, victim: 0, inFlight: 1, paceMs: 0, onProgress: () => undefined };
  await replayUntilKilled(execution, acknowledgements());
  return 'killed';
}

// Loads every module now: loading one later would need descriptors too.
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
