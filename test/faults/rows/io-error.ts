/**
 * A sync fails with EIO, once or permanently, on the log, a table, the MANIFEST, or a value file
 * (there: a write with O_DSYNC). In half of the cases the unsynced data is lost as well, as after a
 * failed write-back. The shim injects the error; the disk itself is fine.
 */
import { join } from 'node:path';
import { runWorker } from '../../support/kill.js';
import { openPlain } from '../check.js';
import type { Drive, Trace } from '../driven.js';
import { checkDriven } from '../driven-check.js';
import { type Row, Wrong } from '../row.js';
import { buildShim, faultEnv, shimUnable } from '../shim.js';
import { type RoundShape, SMALL_VALUE_FILES } from '../specimen.js';

const WORKER = new URL('../driven-worker.js', import.meta.url);
const SMALL: RoundShape = { lanes: ['0a', '0b'], blockBytes: 6000, innerBytes: 60, anchorEvery: 7 };

const LARGE: RoundShape = { lanes: ['0a', '0b'], blockBytes: 20_000, innerBytes: 60, anchorEvery: 7 };

/** A kind of file: a part of its path, and the minimum number of its syncs in a run. */
const FILES = [
  { part: '.log', syncs: 30, shape: SMALL, rounds: 40 },
  { part: '.ldb', syncs: 5, shape: SMALL, rounds: 60 },
  { part: 'MANIFEST', syncs: 5, shape: SMALL, rounds: 60 },
  { part: '.values', syncs: 30, shape: LARGE, rounds: 40 },
] as const;

export const ioError: Row<string> = {
  name: 'io-error',
  fault: 'EIO on a sync (log, table, MANIFEST, values), once and for good',
  mustHold: '0 acknowledged lost',
  counts: { full: 48, short: 12 },
  unable: shimUnable,
  prepare: async ({ dir }) => buildShim(dir),

  async run(shim, i, { random, dir, disk }) {
    const { part, syncs, shape, rounds } = FILES[i % FILES.length]!;
    const forGood = Math.floor(i / FILES.length) % 2 === 0;
    const what: Drive = {
      location: join(disk, 'store'),
      seed: random.int(0, 2 ** 31),
      rounds,
      shape,
      options: { level: { writeBufferBytes: 64 * 1024, tableFileBytes: 1024 * 1024 }, ...SMALL_VALUE_FILES },
      together: random.pick([1, 1, 3]),
    };
    await (await openPlain(what.location, what.options)).close();
    const fault = `eio ${part} ${random.int(0, syncs)} ${forGood ? 1_000_000 : 1} ${random.int(0, 2)}`;
    const env = faultEnv(shim, what.location, fault);
    const end = await runWorker(WORKER, [JSON.stringify(what), join(dir, 'mended')], env);
    if (end.code !== 0)
      throw new Wrong('died', `the process ended: ${end.signal ?? `exit ${end.code}`}: ${end.stderr}`);
    const verdict = await checkDriven(what, JSON.parse(end.lines[0] ?? '') as Trace);
    return `${part.replace('.', '')} ${forGood ? 'for good' : 'once'}: ${verdict}`;
  },
};
