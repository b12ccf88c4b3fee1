/** The fault campaign, `npm run faults`. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stderr, stdout } from '../../src/cli/channel.js';
import { UsageError } from '../../src/cli/command-error.js';
import { runScript, understood, wholeOption } from '../../src/cli/script.js';
import { onSignal } from '../../src/cli/signals.js';
import { packageRoot } from '../support/fixtures.js';
import { failed, type Part, type RowResult, runCase, runRow } from './campaign.js';
import { Pool } from './pool.js';
import { table, writeReport } from './report.js';
import { ROWS, rowNamed } from './rows.js';

const OPTIONS = {
  short: { type: 'boolean', default: false },
  stop: { type: 'boolean', default: false },
  seed: { type: 'string', default: '20260324' },
  rows: { type: 'string' },
  case: { type: 'string' },
  jobs: { type: 'string' },
  count: { type: 'string' },
  part: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'string' },
} as const;

const USAGE = `npm run faults -- [options]
                       every row with its full count; writes docs/faults.json and docs/faults.md
  --short              the short counts, a few minutes; writes nothing
  --rows A,B           some rows; the results of the others stay as they are
  --part 2/4           every fourth case, from the second on; the parts of a row add up in the report
  --seed N             seed of all cases (default: ${OPTIONS.seed.default})
  --case ROW/I         one case again; ROW alone: all of the row
  --jobs N             processes (default: as many as the machine runs at a time)
  --count N            cases a row, at most
  --stop               ends a row at its first failure
  --out DIR            where the report goes
  --json FILE          the results of this run, as JSON
Exit codes: 0 nothing failed; 1 something failed; 2 usage;
  6 the output could not be written; 7 an error in the program.
`;

/** The rows and cases to run. */
interface Campaign {
  readonly seed: number;
  readonly rows: readonly Row[];
  /** The number of the only case; absent for whole rows. */
  readonly i: number | undefined;
  readonly values: Values;
  readonly options: { readonly limit?: number; readonly part?: Part };
}

type Row = (typeof ROWS)[number];
type Values = ReturnType<typeof parsed>;

function parsed(args: string[]) {
  return parseArgs({ args, options: OPTIONS }).values;
}

/** @throws UsageError. */
function readArgs(args: string[]): Campaign {
  const values = understood(() => parsed(args));
  const [row, i] = values.case?.split('/') ?? [];
  const names = values.rows?.split(',') ?? (row === undefined ? undefined : [row]);
  return {
    values,
    seed: wholeOption('seed', values.seed, 0),
    rows: understood(() => (names === undefined ? ROWS : names.map(rowNamed))),
    i: i === undefined ? undefined : wholeOption('case', i, 0),
    options: {
      ...(values.count === undefined ? {} : { limit: wholeOption('count', values.count, 1) }),
      ...(values.part === undefined ? {} : { part: partOf(values.part) }),
    },
  };
}

/** Reads `2/4`. */
function partOf(text: string): Part {
  const [n = 0, of = 0] = text.split('/').map((number) => wholeOption('part', number, 0));
  if (n < 1 || n > of) throw new UsageError(`--part must be like 2/4, got ${text}`);
  return { n, of };
}

const PROGRESS_MS = process.stderr.isTTY ? 200 : 10_000;
let lastProgress = 0;

function progress(row: string, done: number, of: number, failures: number): void {
  const now = performance.now();
  if (now - lastProgress < PROGRESS_MS && done < of) return;
  lastProgress = now;
  const line = `${row}: ${done} of ${of}, ${failures} failed`;
  void stderr.write(process.stderr.isTTY ? `\r${line}${done < of ? '' : '\n'}` : `${line}\n`);
}

/** Runs one case and prints its details. */
async function once(pool: Pool, row: Row, i: number, seed: number): Promise<boolean> {
  const result = await runCase(row, pool, seed, i);
  const said = 'verdict' in result ? result.verdict : `FAILED (${result.mistake}): ${result.detail}`;
  void stdout.write(`${row.name}/${i}, seed ${seed}: ${said}\n`);
  return 'verdict' in result;
}

/** Runs rows in the order of the table. */
async function campaign(pool: Pool, { values, seed, rows, options: bounds }: Campaign): Promise<boolean> {
  const results: RowResult[] = [];
  for (const row of rows) {
    const options = { seed, short: values.short, stopAtFailure: values.stop, progress, ...bounds };
    const result = await runRow(row, pool, options);
    results.push(result);
    if (result.skipped !== undefined) void stderr.write(`${row.name}: skipped: ${result.skipped}\n`);
    for (const { i: n, mistake, detail } of result.failures) {
      void stderr.write(`FAILED ${row.name}/${n} (${mistake}), seed ${seed}: ${detail}\n`);
    }
  }
  void stdout.write(`${table(results)}\n`);
  const whole = !values.short && values.count === undefined && values.case === undefined;
  const out = values.out ?? (whole ? join(packageRoot, 'docs') : undefined);
  if (out !== undefined) writeReport(out, results);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results));
  return results.every((result) => failed(result) === 0);
}

async function main(args: string[]): Promise<number> {
  const what = readArgs(args);
  const { values, rows, i, seed } = what;
  const jobs = values.jobs === undefined ? availableParallelism() : wholeOption('jobs', values.jobs, 1);
  const pool = new Pool(jobs);
  // Removes workers and their directories, however the campaign ends.
  const forget = onSignal(() => void pool.close());
  try {
    const [first] = rows;
    const good = i !== undefined && first !== undefined ? await once(pool, first, i, seed) : await campaign(pool, what);
    return good ? 0 : 1;
  } finally {
    await pool.close();
    forget();
  }
}

await runScript(USAGE, main);
