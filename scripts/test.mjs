// Runs the compiled test files in parallel processes. uvu alone runs the files one by one, and
// exits with 0 if a file has no tests.
//
//   node scripts/test.mjs [--all] [--jobs N] [PATTERN ...]
//
// PATTERN is a regular expression for paths below .build/test, e.g. `values/`. Files named
// *.long.test.js (short forms of the campaigns, crashes at every step, long tables of commands) run
// only with --all, or if a pattern matches their name. The exit code is 0 if every test passed and
// every file ran at least one test.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, stripVTControlCharacters } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const testRoot = join(root, '.build', 'test');
/** One more than cores, because each also waits for the disk and for processes of its own. */
const JOBS = availableParallelism() + 1;
/** Seconds of each file in its last run, so that the longest files start first. */
const timesFile = join(root, 'node_modules', '.cache', 'lanestore-test-times.json');

/**
 * Time limit of a file, much longer than the longest file takes on a busy machine: a hang becomes a
 * failure.
 */
const FILE_MS_MAX = 15 * 60_000;
const SLOWEST_SHOWN = 10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(JOBS) },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  const text = readFileSync(fileURLToPath(import.meta.url), 'utf8');
  print(text.slice(0, text.indexOf('import ')).replaceAll(/^\/\/ ?/gm, ''));
  process.exit(0);
}
const jobs = Number(values.jobs);
if (!Number.isSafeInteger(jobs) || jobs < 1) usage(`--jobs must be a whole number, at least 1, got ${values.jobs}`);
if (!existsSync(testRoot)) usage('.build/test is missing: run `npm run build:test` first');

const patterns = positionals.map((text) => new RegExp(text));
const times = readTimes();
const files = readdirSync(testRoot, { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => (patterns.length > 0 ? patterns.some((pattern) => pattern.test(name)) : isWanted(name)))
  .sort((a, b) => (times[b] ?? Number.POSITIVE_INFINITY) - (times[a] ?? Number.POSITIVE_INFINITY) || (a < b ? -1 : 1));
if (files.length === 0) usage('no test file matches');

const width = String(files.length).length;
const results = [];
const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal);
    process.exitCode = 1;
  });
}
const waiting = files.values();
await Promise.all(Array.from({ length: Math.min(jobs, files.length) }, work));
report();

function isWanted(name) {
  return values.all || !name.endsWith('.long.test.js');
}

/** Runs the remaining files one by one. */
async function work() {
  for (const name of waiting) {
    if (process.exitCode === 1) return;
    const result = await run(name);
    results.push(result);
    show(result);
  }
}

/** Runs one file in a separate process, and reads the counts from the end of uvu's output. */
function run(name) {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [join(testRoot, name)], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    const timer = setTimeout(() => {
      output += `\n${name} did not end within ${FILE_MS_MAX / 60_000} minutes\n`;
      child.kill('SIGKILL');
    }, FILE_MS_MAX);
    child.on('error', (error) => (output += `\n${error.message}\n`));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      const plain = stripVTControlCharacters(output);
      const [total, passed, skipped] = ['Total', 'Passed', 'Skipped'].map((word) => count(plain, word));
      resolve({ name, code, signal, output, total, passed, skipped, seconds: (performance.now() - startedAt) / 1000 });
    });
  });
}

/** Uses the last such line, because a test may itself print the output of a runner. */
function count(plain, word) {
  return Number([...plain.matchAll(new RegExp(`^ *${word}: +(\\d+)`, 'gm'))].at(-1)?.[1] ?? 0);
}

function failedIn({ code, total, passed, skipped }) {
  // A file that ends with an error or runs no test counts as at least one failure.
  const failed = total - passed - skipped;
  return failed === 0 && (code !== 0 || total === 0) ? 1 : failed;
}

function show(result) {
  const { name, code, signal, output, total, passed, skipped, seconds } = result;
  const failed = failedIn(result);
  const place = `${String(results.length).padStart(width)}/${files.length}`;
  const verdict = failed > 0 ? `${failed} FAILED` : skipped > 0 ? `${skipped} skipped` : '';
  print(`${place}  ${name.padEnd(44)} ${String(passed).padStart(5)}  ${seconds.toFixed(1).padStart(6)} s  ${verdict}`);
  if (failed === 0) return;
  if (total === 0) print(`${name} ran no test: does it call .run()?`);
  if (signal !== null || code !== 0) print(`${name} ended with ${signal ?? `exit code ${code}`}`);
  print(output);
}

function report() {
  const seconds = Object.fromEntries(results.map((result) => [result.name, Math.round(result.seconds * 10) / 10]));
  mkdirSync(dirname(timesFile), { recursive: true });
  writeFileSync(timesFile, JSON.stringify({ ...times, ...seconds }));
  const slowest = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_SHOWN);
  print(`\nslowest of ${results.length} files:`);
  for (const { name, seconds } of slowest) print(`  ${seconds.toFixed(1).padStart(6)} s  ${name}`);
  const failures = results.filter((result) => failedIn(result) > 0);
  if (failures.length > 0) print(`\nfailed: ${failures.map(({ name }) => name).join(', ')}`);
  const sum = (of) => results.reduce((total, result) => total + of(result), 0);
  const [passed, skipped, failed] = [sum(({ passed }) => passed), sum(({ skipped }) => skipped), sum(failedIn)];
  const incomplete =
    results.length < files.length ? `, interrupted after ${results.length} of ${files.length} files` : '';
  print(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}${incomplete}`);
  if (failed > 0 || incomplete !== '') process.exitCode = 1;
}

function readTimes() {
  try {
    return JSON.parse(readFileSync(timesFile, 'utf8'));
  } catch {
    return {};
  }
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

function usage(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
