/**
 * SIGKILL under several kinds of load (small rounds, continuous flushes, continuous sweeps), at a
 * random moment or before a random system call; during creation; and during an open that replays a
 * log and sweeps keys.
 */
import { join } from 'node:path';
import { saidBy, survivedAs } from '../../kill/killed.js';
import { Held, MODES, type ModeName, storeOptions } from '../../kill/load.js';
import { type Child, spawnWorker } from '../../support/kill.js';
import { openPlain, type PlainLevelStore } from '../check.js';
import { type CaseContext, type Row, Wrong } from '../row.js';
import { buildShim, faultEnv, shimUnable } from '../shim.js';

const KILL_WORKER = new URL('../../kill/kill-worker.js', import.meta.url);
const OPEN_WORKER = new URL('../../support/open-worker.js', import.meta.url);
const CREATION_WORKER = new URL('../../kill/creation-worker.js', import.meta.url);

/** The process to kill. */
type Kind = 'creation' | 'open' | ModeName;

const KINDS: readonly Kind[] = [...(Object.keys(MODES) as ModeName[]), 'creation', 'open'];

/**
 * Approximate numbers of system calls: of a creation with three rounds, of an open, of a second of
 * load.
 */
const CREATION_CALLS = 110;
const OPEN_CALLS = 45;
const LOAD_CALLS = 2500;
/** Maximum number of output lines before the kill. */
const LINES = 250;
const CREATION_MS = 120;

interface Prepared {
  readonly shim: string | undefined;
}

export const kill: Row<Prepared> = {
  name: 'kill',
  fault: 'SIGKILL under load, and during creation, sweep, flush, compaction, open, reuse',
  mustHold: 'opens; 0 acknowledged lost, every hook true',
  counts: { full: 240, short: 16 },

  prepare: async ({ dir }) => ({ shim: shimUnable() === undefined ? buildShim(dir) : undefined }),

  async run({ shim }, i, context) {
    const kind = KINDS[i % KINDS.length] as Kind;
    // Half of the kills before a system call, if the shim is available; half at a random moment.
    const library = Math.floor(i / KINDS.length) % 2 === 0 ? shim : undefined;
    if (kind === 'creation') return killedCreation(library, context);
    const held = await killedLoad(kind === 'open' ? 'sweeps' : kind, library, new Held(), context);
    if (kind !== 'open') {
      // Sometimes a second kill, on the state that the first one left.
      if (context.random.oneIn(3)) await killedLoad(kind, library, held, context);
      return `exact, under load: ${kind}`;
    }
    await killedOpen(library, context);
    await reopened(context, held.text);
    return 'exact, during open';
  },
};

/** Starts a worker with or without a fault of the shim. */
function start(worker: URL, args: readonly string[], library: string | undefined, dir: string, calls: number): Child {
  return spawnWorker(worker, args, library === undefined ? {} : faultEnv(library, dir, `kill ${calls}`));
}

async function opened(location: string, mode: ModeName): Promise<PlainLevelStore> {
  try {
    return await openPlain(location, storeOptions(mode));
  } catch (error) {
    throw new Wrong('refused', `${error}`);
  }
}

async function killedLoad(mode: ModeName, library: string | undefined, before: Held, { disk, random }: CaseContext) {
  const location = join(disk, 'store');
  const seed = random.int(0, 2 ** 31);
  const child = start(KILL_WORKER, [location, mode, `${seed}`], library, disk, random.int(0, LOAD_CALLS));
  let left = random.int(1, LINES);
  const said = child.line(() => --left <= 0);
  // The chosen system call may never happen; the kill then follows after a delay.
  if (library === undefined) await said;
  else await Promise.race([child.ended, said.then(() => new Promise((resolve) => setTimeout(resolve, 400)))]);
  child.process.kill('SIGKILL');
  const { signal, stderr } = await child.ended;
  if (signal !== 'SIGKILL') throw new Wrong('died', `the worker ended by itself: ${stderr} ${child.lines.at(-1)}`);
  const words = saidBy(child.lines);
  await using store = await opened(location, mode);
  const held = Held.of(store.takeRecovered(), store.cursors);
  try {
    survivedAs(words, { mode, seed, before, what: mode }, held);
  } catch (error) {
    throw new Wrong('silent', (error as Error).message);
  }
  return held;
}

async function killedOpen(library: string | undefined, { disk, random }: CaseContext): Promise<void> {
  const location = join(disk, 'store');
  const child = start(OPEN_WORKER, [location], library, disk, random.int(0, OPEN_CALLS));
  if (library === undefined) {
    await Promise.race([child.ended, new Promise((resolve) => setTimeout(resolve, random.int(40, 240)))]);
    child.process.kill('SIGKILL');
  }
  await child.ended;
}

/** Checks that nothing was written since `text`. */
async function reopened({ disk }: CaseContext, text: string): Promise<void> {
  await using store = await opened(join(disk, 'store'), 'sweeps');
  const found = Held.of(store.takeRecovered(), store.cursors).text;
  if (found !== text) throw new Wrong('silent', `it holds\n${found}\nnot\n${text}`);
}

async function killedCreation(library: string | undefined, { disk, random }: CaseContext): Promise<string> {
  const location = join(disk, 'deep', 'store');
  const how = library === undefined ? ['after', `${random.next() * CREATION_MS}`] : ['never'];
  let rounds = 0;
  for (let n = 0; n < 2; n++) {
    const child = start(CREATION_WORKER, [location, ...how], library, disk, random.int(0, CREATION_CALLS));
    const { signal, code, stderr } = await child.ended;
    if (signal !== 'SIGKILL' && code !== 0) throw new Wrong('refused', `the open failed: ${stderr}`);
    rounds += child.lines.filter((line) => line.startsWith('round ')).length;
  }
  await using store = await opened(location, 'plain');
  const held = store.takeRecovered().blocks.get('0a')?.length ?? 0;
  if (held < rounds || held > rounds + 2)
    throw new Wrong('silent', `${rounds} rounds were acknowledged, ${held} survived`);
  return 'exact, during creation';
}
