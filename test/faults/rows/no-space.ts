/**
 * A disk that is full at a random write and has space again later: a small file system where it can
 * be mounted, otherwise (and in some cases anyway) the shim. After such an error LevelDB
 * acknowledges writes that a restart loses.
 */
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultMinFreeBytes } from '../../../src/adapter/level/disk-watermark.js';
import { mountUnable, withTmpfs } from '../../support/faults-mount.js';
import { type Random, runWorker } from '../../support/kill.js';
import { isRefused, openPlain, tryOpen } from '../check.js';
import { type Drive, drive, type Trace } from '../driven.js';
import { checkDriven } from '../driven-check.js';
import { type CaseContext, type Row, Wrong } from '../row.js';
import { buildShim, faultEnv, shimUnable } from '../shim.js';
import type { RoundShape } from '../specimen.js';

interface Prepared {
  readonly shim: string | undefined;
  readonly mount: boolean;
}

const WORKER = new URL('../driven-worker.js', import.meta.url);
const DISK_BYTES = 40 * 1024 * 1024;
const ROUNDS = 80;
const SHAPES: readonly RoundShape[] = [
  { lanes: ['0a', '0b'], blockBytes: 6000, innerBytes: 60, anchorEvery: 7 },
  { lanes: ['0a'], blockBytes: 700, innerBytes: 60 },
  { lanes: ['0a', '0b', '0c'], blockBytes: 20_000 },
];
/** Frequent flushes, and a watermark that is low enough for a small disk. */
const SMALL_BUFFERS = { writeBufferBytes: 64 * 1024, tableFileBytes: 1024 * 1024 };
const WATERMARK_BYTES = defaultMinFreeBytes(SMALL_BUFFERS.writeBufferBytes, SMALL_BUFFERS.tableFileBytes);

export const noSpace: Row<Prepared> = {
  name: 'no-space',
  fault: 'ENOSPC at a random write, space freed, go on',
  mustHold: '0 acknowledged lost; poisoned, or refused before the write',
  counts: { full: 60, short: 8 },

  unable() {
    const [mount, shim] = [mountUnable(), shimUnable()];
    return mount !== undefined && shim !== undefined ? `${mount}; ${shim}` : undefined;
  },

  prepare: async ({ dir }) => ({
    shim: shimUnable() === undefined ? buildShim(dir) : undefined,
    mount: mountUnable() === undefined,
  }),

  async run({ shim, mount }, i, context) {
    const { random, dir } = context;
    // One case in four uses the default watermark, and a round is refused in time.
    const watched = mount && i % 4 === 3;
    const level = watched ? SMALL_BUFFERS : random.pick([SMALL_BUFFERS, {}]);
    const what: Drive = {
      location: join(dir, 'disk', 'store'),
      seed: random.int(0, 2 ** 31),
      rounds: ROUNDS,
      shape: SHAPES[i % SHAPES.length] as RoundShape,
      options: watched ? { level } : { level, minFreeBytes: 0 },
      together: random.pick([1, 1, 3]),
    };
    if (shim !== undefined && (!mount || i % 4 === 2)) return `${await byShim(what, shim, context)}, by the shim`;
    let verdict = '';
    await withTmpfs('a full disk', join(dir, 'disk'), `${DISK_BYTES}`, async () => {
      verdict = await onFullDisk(what, watched ? WATERMARK_BYTES : 0, context);
    });
    return watched ? `${verdict}, watermark` : verdict;
  },
};

/** Free bytes when the rounds begin: fewer than the rounds write. */
function freeAtStart({ shape, rounds }: Drive, random: Random): number {
  const written = rounds * shape.lanes.length * shape.blockBytes;
  return random.int(Math.min(20_000, written / 4), Math.min(700_000, written * 0.7));
}

/** `reserve`: bytes that stay free beyond the space for the rounds. */
async function onFullDisk(what: Drive, reserve: number, { random, dir }: CaseContext): Promise<string> {
  await (await openPlain(what.location, what.options)).close();
  const filler = join(dir, 'disk', 'filler');
  const { bavail, bsize } = statfsSync(join(dir, 'disk'));
  writeFileSync(filler, new Uint8Array(bavail * bsize - reserve - freeAtStart(what, random)));
  // Half of the nodes with a failed store restart before there is space; a refused node waits for
  // space.
  const early = reserve === 0 && random.oneIn(2);
  let full = true;
  const mend = () => {
    if (full) rmSync(filler);
    full = false;
  };
  const trace = await drive(what, () => {
    if (!early) mend();
  });
  if (full) {
    const outcome = await tryOpen(what.location, what.options);
    if (isRefused(outcome) && outcome.code !== 'LANESTORE_IO') {
      throw new Wrong('wrong', `on a full disk the open is refused with ${outcome.code}: ${outcome.message}`);
    }
  }
  mend();
  return checkDriven(what, trace);
}

async function byShim(what: Drive, shim: string, { random, dir }: CaseContext): Promise<string> {
  const [freed, seen] = [join(dir, 'freed'), join(dir, 'disk')];
  await (await openPlain(what.location, what.options)).close();
  const env = faultEnv(shim, seen, `full ${freed} ${random.int(1, 250)}`);
  const { lines, signal, code, stderr } = await runWorker(WORKER, [JSON.stringify(what), freed], env);
  if (code !== 0) throw new Wrong('died', `the process ended: ${signal ?? `exit ${code}`}: ${stderr}`);
  return checkDriven(what, JSON.parse(lines[0] ?? '') as Trace);
}
