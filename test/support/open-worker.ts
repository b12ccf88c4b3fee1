/**
 * A process that opens stores of the plain model, one after the other, and says how each open went: LevelDB can abort the process
 * on rotten tables (docs/leveldb-hazards.md, Bit rot in a table), which must not be that of the tests.
 *
 *   node open-worker.js LOCATION...    ->    a line `begin N`, then a line `end N {"content": ...} | {"code": ..., "findings": [...]}` each
 *
 * With --times N, it opens the first one N times and says how often it met each code: a line `{"LANESTORE_LOCKED": 3, "open": 1}`.
 * With --hold, it opens the first one, says `open`, and keeps it until it is killed. With --after FILE it waits until FILE is there.
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
