/**
 * The fault campaign:
 *
 *   npm run faults                          every row with its full count; writes docs/faults.json and docs/faults.md
 *   npm run faults -- --short               the short counts, a few minutes; writes nothing
 *   npm run faults -- --rows a,b            some rows; the others' results stay as they are
 *   npm run faults -- --part 2/4            every fourth case, from the second on; the parts of a row add up in the report
 *   npm run faults -- --seed N --case ROW/I one case again; ROW alone: all of the row
 *
 * `--jobs N` processes (default: the machine's), `--count N` cases a row at most, `--stop` at the first failure of a row, `--out DIR`,
 * `--json FILE`. Exits with 1 when anything failed, with 2 when it was not understood.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
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

/** What the command line says, or the end with a line that says what is wrong with it. */
function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
}

const values = understood(() => parseArgs({ options: OPTIONS }).values);

/** A whole number from the command line. */
function number(name: string, text: string, least = 0): number {
  const value = text === '' ? Number.NaN : Number(text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new Error(`--${name} must be a whole number from ${least} on, got "${text}"`);
  }
  return value;
}

const seed = understood(() => number('seed', values.seed));
const jobs = understood(() => (values.jobs === undefined ? availableParallelism() : number('jobs', values.jobs, 1)));
const limit = understood(() => (values.count === undefined ? {} : { limit: number('count', values.count, 1) }));
const part = understood(() => (values.part === undefined ? {} : { part: partOf(values.part) }));
const [row, i] = values.case?.split('/') ?? [];
const names = values.rows?.split(',') ?? (row === undefined ? undefined : [row]);
const rows = understood(() => (names === undefined ? ROWS : names.map(rowNamed)));
const again = understood(() => (i === undefined ? undefined : number('case', i)));
const pool = new Pool(jobs);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Workers and their directories go with the campaign, however it ends.
  process.once(signal, () => void pool.close().finally(() => process.exit(130)));
}
const PROGRESS_MS = process.stderr.isTTY ? 200 : 10_000;
let lastProgress = 0;

function progress(row: string, done: number, of: number, failures: number): void {
  const now = performance.now();
  if (now - lastProgress < PROGRESS_MS && done < of) return;
  lastProgress = now;
  const line = `${row}: ${done} of ${of}, ${failures} failed`;
  process.stderr.write(process.stderr.isTTY ? `\r${line}${done < of ? '' : '\n'}` : `${line}\n`);
}

/** Reads `2/4`. */
function partOf(text: string): Part {
  const [n = 0, of = 0] = text.split('/').map((one) => number('part', one));
  if (n < 1 || n > of) throw new Error(`--part must be like 2/4, got ${text}`);
  return { n, of };
}

/** One case, in full. */
async function once(row: (typeof ROWS)[number], i: number): Promise<boolean> {
  const result = await runCase(row, pool, seed, i);
  const said = 'verdict' in result ? result.verdict : `FAILED (${result.mistake}): ${result.detail}`;
  process.stdout.write(`${row.name}/${i}, seed ${seed}: ${said}\n`);
  return 'verdict' in result;
}

/** Rows, in the order of the table. */
async function campaign(): Promise<boolean> {
  const results: RowResult[] = [];
  for (const row of rows) {
    const options = { seed, short: values.short, stopAtFailure: values.stop, progress, ...limit, ...part };
    const result = await runRow(row, pool, options);
    results.push(result);
    if (result.skipped !== undefined) process.stderr.write(`${row.name}: skipped: ${result.skipped}\n`);
    for (const { i: n, mistake, detail } of result.failures) {
      process.stderr.write(`FAILED ${row.name}/${n} (${mistake}), seed ${seed}: ${detail}\n`);
    }
  }
  process.stdout.write(`${table(results)}\n`);
  const whole = !values.short && values.count === undefined && values.case === undefined;
  const out = values.out ?? (whole ? join(packageRoot, 'docs') : undefined);
  if (out !== undefined) writeReport(out, results);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results));
  return results.every((result) => failed(result) === 0);
}

try {
  const [first] = rows;
  const good = again !== undefined && first !== undefined ? await once(first, again) : await campaign();
  process.exitCode = good ? 0 : 1;
} finally {
  await pool.close();
}
