/** The command line of `npm run bench`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../test/support/fixtures.js';
import { CONTENDERS } from './contenders/index.js';
import { WORKLOADS } from './workload.js';

/** Where results go unless `--out` says otherwise: they are part of the repository. */
export const resultsDir = join(packageRoot, 'bench', 'results');

export interface Args {
  readonly quick: boolean;
  readonly dir: string | undefined;
  readonly out: string | undefined;
  readonly contenders: readonly string[];
  readonly workloads: readonly string[];
  readonly repetitions: number;
  readonly seed: number;
}

const FULL_ONLY = CONTENDERS.filter(({ fullOnly }) => fullOnly).map(({ name }) => name);

export const USAGE = `npm run bench -- [options]
  --quick            few rounds, under three minutes in all; lanes of vii hold fewer blocks; some contenders are left out
                     unless --only names them: ${FULL_ONLY.join(', ')}
  --dir DIR          where to write: which disk (default: bench/.data)
  --out DIR          where results go (default: bench/results)
  --only NAMES       contenders and workloads, separated by commas; those of a kind that is not named all run
                     contenders: ${CONTENDERS.map(({ name }) => name).join(', ')}
                     workloads: ${WORKLOADS.map(({ id }) => id).join(', ')}
  --reps N           repetitions (default: 3, the least for a spread)
  --seed N           seed of all entries (default: 1)
`;

/** @throws RangeError, TypeError for what it does not understand. */
export function readArgs(argv: readonly string[]): Args {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      dir: { type: 'string' },
      out: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      reps: { type: 'string', default: '3' },
      seed: { type: 'string', default: '1' },
    },
  });
  const names = values.only.flatMap((list) => list.split(',')).filter((name) => name !== '');
  const pick = (known: readonly string[], otherwise: readonly string[]) => {
    const picked = known.filter((name) => names.includes(name));
    return picked.length === 0 ? otherwise : picked;
  };
  const contenders = CONTENDERS.map(({ name }) => name);
  const workloads = WORKLOADS.map(({ id }) => id);
  for (const name of names) {
    if (!contenders.includes(name) && !workloads.includes(name)) {
      throw new RangeError(`--only: "${name}" is neither a contender nor a workload`);
    }
  }
  return {
    quick: values.quick,
    dir: values.dir,
    out: values.out,
    contenders: pick(contenders, values.quick ? contenders.filter((name) => !FULL_ONLY.includes(name)) : contenders),
    workloads: pick(workloads, workloads),
    repetitions: wholeNumber('--reps', values.reps),
    seed: wholeNumber('--seed', values.seed),
  };
}

/** @throws RangeError for anything but a whole number above 0. */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${option} must be a whole number above 0`);
  return value;
}

/** The arguments of a script that takes no options. An option would be taken for a directory, so it ends with the usage and code 2. */
export function positionals(usage: string): string[] {
  const args = process.argv.slice(2);
  if (!args.some((arg) => arg.startsWith('-'))) return args;
  process.stderr.write(`usage: ${usage}\n`);
  process.exit(2);
}
