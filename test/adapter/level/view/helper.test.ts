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
import { verify } from '../../../../src/adapter/level/index.js';
import { isLanestoreError, type LanestoreError } from '../../../../src/errors.js';
import { packageRoot } from '../../../support/fixtures.js';
import { plain } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { makeStore, withEnv } from './helper-support.js';

const test = suite('the helper process of verify');
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

test.run();
