/** The long part of `cli.test.ts`: unreadable input, closed pipes, the demo for people. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN, run } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('command line, recordings');
function write(dir: string, name: string, text: string): string {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
}

test(
  'replay reads .gz too, and prints every acknowledgement on request',
  inTemp((dir) => {
    const file = join(dir, 'rounds.jsonl.gz');
    writeFileSync(file, gzipSync(readFileSync(fixture('wal-no-anchor', 'rounds.jsonl'))));
    const { status, stdout, stderr } = run('replay', file, join(dir, 'store'), '--acks', '--in-flight', '2');
    assert.is(status, 0, stderr);
    const count = (kind: string) => stdout.split('\n').filter((line) => line.startsWith(`${kind} `)).length;
    assert.equal([count('submitted'), count('durable'), count('block'), count('qc')], [6, 6, 42, 6]);
  }),
);

test(
  'unreadable input ends with 3 and a remedy; no store is made',
  inTemp((dir) => {
    const cases: [file: string, code: string, text: RegExp][] = [
      [join(dir, 'absent'), 'LANESTORE_IO', /absent/],
      [write(dir, 'not-json', '{"blocks": ['), 'LANESTORE_INVALID', /not-json, line 1/],
      [write(dir, 'no-object', '[]\n\n7'), 'LANESTORE_INVALID', /line 1/],
      [write(dir, 'bad-entry', '{}\n{"blocks":["AAAA"]}'), 'LANESTORE_INVALID', /bad-entry, line 2/],
    ];
    for (const [file, code, text] of cases) {
      const { status, stderr } = run('replay', file, join(dir, 'store'));
      assert.is(status, 3, file);
      assert.ok(stderr.startsWith(`${code}: `), stderr);
      assert.match(stderr, text);
      assert.match(stderr, /what to do: /);
    }
    const manifest = run('manifest', join(dir, 'nowhere'));
    assert.is(manifest.status, 3);
    assert.match(manifest.stderr, /^LANESTORE_NOT_A_STORE: /);
    assert.not.ok(existsSync(join(dir, 'nowhere')));
  }),
);

test(
  'a reader that closes the pipe early is no error',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('replay', fixture('wal', 'rounds.jsonl'), location).status, 0);
    const child = spawn(process.execPath, [MAIN, 'manifest', location], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const [status] = await once(child, 'exit');
    assert.is(status, 0);
    assert.is(stderr, '');
  }),
);

test(
  'the demo kills, recovers and compares, in 80 columns and without colour',
  inTemp((dir) => {
    mkdirSync(join(dir, 'work'));
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'demo', '--pace-ms', '20'], {
      cwd: join(dir, 'work'),
      encoding: 'utf8',
    });
    assert.is(status, 0, stdout + stderr);
    assert.match(stdout, /killed in round \d+: \d+ rounds acknowledged, [1-9]\d* in flight/);
    assert.match(stdout, /ok {4}every entry equals the recorded one/);
    assert.match(stdout, /ok {4}\d+ signatures/);
    assert.not.match(stdout, /FAIL/);
    assert.not.ok(stdout.includes('\u001b'), 'no escape sequences');
    for (const line of stdout.split('\n')) assert.ok([...line].length <= 80, line);
    assert.ok(existsSync(join(dir, 'work', 'lanestore-demo', '1', 'level', 'CURRENT')), 'the store stays');
  }),
);

test.run();
