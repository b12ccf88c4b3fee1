/**
 * A second opener of an open store: refused with LANESTORE_LOCKED, by any path and from any
 * process, and the first one keeps working.
 */
import { symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runWorker } from '../../support/kill.js';
import { Oracle, roundOf } from '../../support/oracle.js';
import { isRefused, mustOpen, openPlain, tryOpen } from '../check.js';
import { type CaseContext, type Row, Wrong } from '../row.js';
import { makeRounds, oracleContent, type RoundShape } from '../specimen.js';

const SHAPE: RoundShape = { lanes: ['0a', '0b'], blockBytes: 400, innerBytes: 20, anchorEvery: 4 };
const WORKER = new URL('../../support/open-worker.js', import.meta.url);

/** An opener: a name, and the code with which its open ends. */
type Opener = readonly [name: string, open: (location: string, dir: string) => Promise<string>];

const here = async (path: string): Promise<string> => {
  const outcome = await tryOpen(path);
  return isRefused(outcome) ? outcome.code : 'opened';
};

const elsewhere = async (path: string): Promise<string> => {
  const { lines } = await runWorker(WORKER, [path]);
  const end = lines.find((line) => line.startsWith('end 0 '));
  if (end === undefined) throw new Error(`the other process did not answer: ${lines}`);
  return (JSON.parse(end.slice('end 0 '.length)) as { code?: string }).code ?? 'opened';
};

function linked(location: string, dir: string): string {
  const link = join(dir, 'link');
  symlinkSync(location, link);
  return link;
}

const relatively = (location: string) => relative(process.cwd(), location);

const OPENERS: readonly Opener[] = [
  ['same process', here],
  ['same process, a symlink', (location, dir) => here(linked(location, dir))],
  ['same process, a relative path', (location) => here(relatively(location))],
  ['another process', elsewhere],
  ['another process, a symlink', (location, dir) => elsewhere(linked(location, dir))],
  ['another process, a relative path', (location) => elsewhere(relatively(location))],
  // A failed open in one process frees LevelDB's own lock.
  [
    'another process, after a failed open in this one',
    async (location) => refusedThen(await here(location), () => elsewhere(location)),
  ],
  [
    'another process, after a failed open in it',
    async (location) => refusedThen(await elsewhere(location), () => elsewhere(location)),
  ],
  [
    'same process, after a failed open by a symlink',
    async (location, dir) => refusedThen(await here(linked(location, dir)), () => here(location)),
  ],
];

async function refusedThen(first: string, second: () => Promise<string>): Promise<string> {
  return first === 'LANESTORE_LOCKED' ? second() : first;
}

export const openers: Row<null> = {
  name: 'openers',
  fault: 'second opener: same process, other process, symlink, relative path, after a failed open',
  mustHold: 'refused, first unharmed',
  counts: { full: 'all', short: 'all' },
  prepare: async () => null,
  count: () => OPENERS.length,

  async run(_, i, { dir, random }: CaseContext) {
    const [, open] = OPENERS[i] as Opener;
    const location = join(dir, 'store');
    const oracle = new Oracle();
    const store = await openPlain(location);
    const go = async () => {
      for (const round of makeRounds(oracle, 5, SHAPE, random)) await store.persist(roundOf(round));
    };
    await go();
    const code = await open(location, dir);
    if (code !== 'LANESTORE_LOCKED') throw new Wrong('wrong', `a second opener: ${code}`);
    await go();
    await store.close();
    await mustOpen(location, [oracleContent(oracle)]);
    return code;
  },
};
