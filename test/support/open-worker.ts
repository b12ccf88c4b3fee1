/**
 * A process that opens stores of the plain model in sequence, and prints the outcome of each open.
 * LevelDB can abort the process on rotten tables (docs/leveldb-hazards.md, Bit rot in a table),
 * which must not be the process of the tests.
 *
 *   node open-worker.js LOCATION...
 *
 * For each location it prints a line `begin N`, then a line `end N` with `{"content": ...}` or
 * `{"code": ..., "findings": [...]}`.
 * - `--times N` opens the first location N times and prints the number of each code: a line
 *   `{"LANESTORE_LOCKED": 3, "open": 1}`.
 * - `--hold` opens the first location, prints `open`, and keeps it open until the process is
 *   killed.
 * - `--after FILE` waits until FILE exists.
 */
import { existsSync, writeSync } from 'node:fs';
import { openLevel } from '../../src/adapter/level/index.js';
import { LanestoreError } from '../../src/errors.js';
import { contentOf } from './content.js';
import { findingLines } from './faults.js';
import { plain } from './plain-model.js';

const say = (line: string) => writeSync(1, `${line}\n`);

async function outcome(location: string): Promise<object> {
  try {
    await using store = await openLevel(location, { model: plain });
    return { content: contentOf(store) };
  } catch (error) {
    if (!(error instanceof LanestoreError)) return { code: `${error}` };
    return { code: error.code, findings: findingLines(error), message: error.message };
  }
}

const args = process.argv.slice(2);
if (args[0] === '--after') {
  say('up');
  while (!existsSync(args[1]!)) await new Promise((resolve) => setTimeout(resolve, 5));
  args.splice(0, 2);
}
if (args[0] === '--times') {
  const met: Record<string, number> = {};
  for (let i = 0; i < Number(args[1]); i++) {
    const { code = 'open' } = (await outcome(args[2]!)) as { code?: string };
    met[code] = (met[code] ?? 0) + 1;
  }
  say(JSON.stringify(met));
} else if (args[0] === '--hold') {
  try {
    const store = await openLevel(args[1]!, { model: plain });
    say('open');
    setInterval(() => void store.seq, 1000);
  } catch (error) {
    say(`refused ${(error as LanestoreError).code}`);
    process.stderr.write(`${(error as Error).message}\n`);
  }
} else {
  for (const [i, location] of args.entries()) {
    say(`begin ${i}`);
    say(`end ${i} ${JSON.stringify(await outcome(location))}`);
  }
}
