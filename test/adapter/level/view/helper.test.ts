/**
 * `verify` reads the database in another process. When that process fails for another reason than
 * damage, `verify` gives no verdict on the store.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, verify } from '../../../../src/adapter/level/index.js';
import { isLanestoreError, type LanestoreError } from '../../../../src/errors.js';
import { flipInFile } from '../../../support/faults.js';
import { packageRoot } from '../../../support/fixtures.js';
import { plain, plainBlocks } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

const STARVED_WORKER = fileURLToPath(new URL('./starved-worker.js', import.meta.url));

const test = suite('the helper process of verify');

async function makeStore(location: string): Promise<void> {
  await using store = await openLevel(location, { model: plain });
  await store.persist({ blocks: plainBlocks('0a', 0, 300) });
}

/** Verifies a sound store and expects an error without a verdict. */
async function notJudged(location: string): Promise<LanestoreError> {
  let error: unknown;
  try {
    const { findings } = await verify(location, { model: plain });
    return assert.unreachable(`a report with ${JSON.stringify(findings)}`) as never;
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(isLanestoreError(error), String(error));
  assert.is(error.code, 'LANESTORE_IO', error.message);
  assert.ok(error.cause !== undefined, 'it has a cause');
  assert.is(error.findings, undefined);
  return error;
}

async function withEnv<T>(name: string, value: string, use: () => Promise<T>): Promise<T> {
  const before = process.env[name];
  process.env[name] = value;
  try {
    return await use();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

/** The running helper processes of this process. */
function helpers(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim().split(' ').filter(Boolean);
  return children.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('reader-child');
    } catch {
      return false;
    }
  });
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(
    `ended by ${signal}, as by an operator or the kernel: LANESTORE_IO, and the copy is removed`,
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      await makeStore(location);
      const killer = setInterval(() => {
        for (const pid of helpers()) process.kill(pid, signal);
      }, 1);
      try {
        assert.match((await notJudged(location)).message, new RegExp(signal));
      } finally {
        clearInterval(killer);
      }
      assert.equal(readdirSync(dir), ['store']);
      assert.equal((await verify(location, { model: plain })).findings, []);
    }),
  );
}

test(
  'aborted before it has begun, without its modules, or with options that Node.js refuses: LANESTORE_IO',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const abort = join(dir, 'abort.cjs');
    writeFileSync(abort, 'process.abort();');
    const wrong = [`--require ${abort}`, `--require ${join(dir, 'absent.cjs')}`, '--no-such-option'];
    for (const options of wrong) await withEnv('NODE_OPTIONS', options, () => notJudged(location));
  }),
);

test(
  'output of scripts in NODE_OPTIONS is ignored',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const noisy = join(dir, 'noisy.cjs');
    writeFileSync(noisy, 'for (let i = 0; i < 20_000; i++) console.log("{} not a line of ours");');
    const report = await withEnv('NODE_OPTIONS', `--require ${noisy}`, () => verify(location, { model: plain }));
    assert.equal([report.findings, report.refusal], [[], undefined]);
  }),
);

test(
  'a missing executable, and an environment that is too large: LANESTORE_IO',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const { execPath } = process;
    process.execPath = join(dir, 'absent');
    try {
      assert.match((await notJudged(location)).message, /ENOENT/);
    } finally {
      process.execPath = execPath;
    }
    const error = await withEnv('LANESTORE_TEST_LARGE', 'x'.repeat(2 ** 20), () => notJudged(location));
    assert.match(error.message, /E2BIG/);
  }),
);

test(
  'a package without the file of the helper, as from a bundler: LANESTORE_IO',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const bundle = join(dir, 'bundle');
    cpSync(fileURLToPath(new URL('../../../../src', import.meta.url)), bundle, { recursive: true });
    writeFileSync(join(bundle, 'package.json'), '{"type": "module"}');
    symlinkSync(join(packageRoot, 'node_modules'), join(bundle, 'node_modules'));
    rmSync(join(bundle, 'adapter', 'level', 'view', 'reader-child.js'));
    const index = JSON.stringify(pathToFileURL(join(bundle, 'adapter', 'level', 'index.js')).href);
    const model = JSON.stringify(new URL('../../../support/plain-model.js', import.meta.url).href);
    const code = `
      import { verify } from ${index};
      import { plain } from ${model};
      await verify(${JSON.stringify(location)}, { model: plain }).then(
        ({ findings }) => process.stdout.write('report ' + JSON.stringify(findings)),
        ({ code, message }) => process.stdout.write(code + ' ' + message.includes('reader-child.js is missing')),
      );`;
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
    assert.equal([stdout, status], ['LANESTORE_IO true', 0]);
  }),
);

test(
  'no descriptors left: the caller keeps running and gets a report or LANESTORE_IO',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const { lines, status, stderr } = starved('verify', location);
    assert.equal([lines.at(-1), status], ['done', 0], stderr);
    const results = lines.slice(0, -1).map((line) => line.replace(/^\d+ /, ''));
    assert.equal(new Set(results), new Set(['sound 0', 'LANESTORE_IO']));
    assert.equal(readdirSync(dir), ['store']);
  }),
);

test(
  'no descriptors left for the child of the demo: LANESTORE_IO',
  inTemp(async (dir) => {
    const { lines, status, stderr } = starved('demo', join(dir, 'absent'), join(dir, 'store'));
    assert.equal([lines.at(-1), status], ['done', 0], stderr);
    assert.equal(new Set(lines.slice(0, -1).map((line) => line.replace(/^\d+ /, ''))), new Set(['LANESTORE_IO']));
  }),
);

test(
  'killed while it salvages: the report has the damage, and the reason why the rest is not shown',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    await (await openLevel(location, { model: plain })).close();
    const level = join(location, 'level');
    const table = readdirSync(level).filter((name) => name.endsWith('.ldb'));
    flipInFile(join(level, table.sort().at(-1)!), 800);
    const report = await withEnv('NODE_OPTIONS', '--no-such-option', () => verify(location, { model: plain }));
    assert.is(report.refusal?.code, 'LANESTORE_CORRUPT');
    assert.equal(
      report.findings.map(({ kind }) => kind),
      ['table-damaged'],
    );
    assert.match(report.notes.join('\n'), /missing here: the process that reads the database for this one failed/);
  }),
);

/** Runs a worker that has few descriptors. */
function starved(...args: readonly string[]): { lines: string[]; status: number | null; stderr: string } {
  const command = 'ulimit -n 120; exec "$0" "$@"';
  const { stdout, status, stderr } = spawnSync('sh', ['-c', command, process.execPath, STARVED_WORKER, ...args], {
    encoding: 'utf8',
  });
  return { lines: stdout.trim().split('\n'), status, stderr };
}

test.run();
