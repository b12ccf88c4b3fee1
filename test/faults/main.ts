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
 * `--json FILE`. Exits with 1 when anything failed.
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

const { values } = parseArgs({
  options: {
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
  },
});

/** A whole number from the command line. */
function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} must be a whole number, got ${text}`);
  return value;
}

const seed = number('seed', values.seed);
const pool = new Pool(values.jobs === undefined ? availableParallelism() : number('jobs', values.jobs));
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
async function again(text: string): Promise<boolean> {
  const [name = '', i = ''] = text.split('/');
  const result = await runCase(rowNamed(name), pool, seed, number('case', i));
  const said = 'verdict' in result ? result.verdict : `FAILED (${result.mistake}): ${result.detail}`;
  process.stdout.write(`${text}, seed ${seed}: ${said}\n`);
  return 'verdict' in result;
}

/** Rows, in the order of the table. */
async function campaign(): Promise<boolean> {
  const names = values.rows?.split(',') ?? (values.case === undefined ? undefined : [values.case]);
  const rows = names === undefined ? ROWS : names.map(rowNamed);
  const results: RowResult[] = [];
  for (const row of rows) {
    const limit = values.count === undefined ? {} : { limit: number('count', values.count) };
    const part = values.part === undefined ? {} : { part: partOf(values.part) };
    const options = { seed, short: values.short, stopAtFailure: values.stop, progress, ...limit, ...part };
    const result = await runRow(row, pool, options);
    results.push(result);
    if (result.skipped !== undefined) process.stderr.write(`${row.name}: skipped: ${result.skipped}\n`);
    for (const { i, mistake, detail } of result.failures) {
      process.stderr.write(`FAILED ${row.name}/${i} (${mistake}), seed ${seed}: ${detail}\n`);
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
  const good = values.case?.includes('/') ? await again(values.case) : await campaign();
  process.exitCode = good ? 0 : 1;
} finally {
  await pool.close();
}
