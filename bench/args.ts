/** The command line of `npm run bench`. */
import { join } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../src/cli/command-error.js';
import { understood, wholeOption } from '../src/cli/script.js';
import { packageRoot } from '../test/support/fixtures.js';
import { CONTENDERS } from './contenders/index.js';
import { WORKLOADS } from './workload.js';

/** The default of `--out`. Its files are part of the repository. */
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
  --quick            few rounds, less than three minutes in total. Lanes of vii hold fewer blocks. These contenders run
                     only if --only names them: ${FULL_ONLY.join(', ')}
  --dir DIR          directory for scratch data; it selects the disk (default: bench/.data)
  --out DIR          directory for results (default: bench/results)
  --only NAMES       contenders and workloads, separated by commas; default: all contenders, all workloads
                     contenders: ${CONTENDERS.map(({ name }) => name).join(', ')}
                     workloads: ${WORKLOADS.map(({ id }) => id).join(', ')}
  --reps N           repetitions (default: 3, the minimum for a spread)
  --seed N           seed of all entries (default: 1)
Exit codes: 0 done; 1 some results are invalid (the notes say which); 2 usage;
  6 the output could not be written; 7 an error in the program.
`;

/** @throws UsageError for unknown options and names. */
export function readArgs(argv: readonly string[]): Args {
  const options = {
    quick: { type: 'boolean', default: false },
    dir: { type: 'string' },
    out: { type: 'string' },
    only: { type: 'string', multiple: true, default: [] as string[] },
    reps: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  } satisfies ParseArgsConfig['options'];
  const { values } = understood(() => parseArgs({ args: [...argv], options }));
  const names = values.only.flatMap((list) => list.split(',')).filter((name) => name !== '');
  const pick = (known: readonly string[], otherwise: readonly string[]) => {
    const picked = known.filter((name) => names.includes(name));
    return picked.length === 0 ? otherwise : picked;
  };
  const contenders = CONTENDERS.map(({ name }) => name);
  const workloads = WORKLOADS.map(({ id }) => id);
  for (const name of names) {
    if (!contenders.includes(name) && !workloads.includes(name)) {
      throw new UsageError(`--only: "${name}" is neither a contender nor a workload`);
    }
  }
  return {
    quick: values.quick,
    dir: values.dir,
    out: values.out,
    contenders: pick(contenders, values.quick ? contenders.filter((name) => !FULL_ONLY.includes(name)) : contenders),
    workloads: pick(workloads, workloads),
    repetitions: wholeOption('reps', values.reps, 1),
    seed: wholeOption('seed', values.seed, 1),
  };
}

/**
 * The arguments of a script without options. An option would be mistaken for a directory, so it
 * prints the usage and ends the process: `--help` and `-h` with code 0, any other option with 2.
 */
export function positionals(usage: string): string[] {
  const args = process.argv.slice(2);
  if (!args.some((arg) => arg.startsWith('-'))) return args;
  const isHelp = args.every((arg) => arg === '--help' || arg === '-h');
  (isHelp ? process.stdout : process.stderr).write(`usage: ${usage}\n`);
  process.exit(isHelp ? 0 : 2);
}
