/** The command line as real processes: output, exit codes, pipes closed early. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN, run } from '../support/cli.js';
import { entriesIn, fixture, loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('command line');
test(
  'replay, then manifest: what the original loads; a second replay stores nothing new',
  inTemp((dir) => {
    const location = join(dir, 'deep', 'store');
    const first = run('replay', fixture('wal', 'rounds.jsonl'), location);
    assert.is(first.status, 0, first.stderr);
    assert.match(first.stdout, /40 rounds in .*\n {2}blocks {5}232 stored, 0 stored before/);
    const shown = run('manifest', location);
    assert.is(shown.status, 0, shown.stderr);
    assert.equal(entriesIn(shown.stdout), loadExpected('wal'));
    const second = run('replay', fixture('wal', 'rounds.jsonl'), location);
    assert.is(second.status, 0, second.stderr);
    assert.match(second.stdout, /blocks {5}0 stored, 232 stored before/);
    assert.equal(entriesIn(run('manifest', location).stdout), loadExpected('wal'));
  }),
);

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
  'a damaged store ends with 1 and its findings',
  inTemp((dir) => {
    const location = join(dir, 'store');
    assert.is(run('replay', fixture('wal-no-anchor', 'rounds.jsonl'), location).status, 0);
    writeFileSync(join(location, 'witness'), '');
    const { status, stdout, stderr } = run('manifest', location);
    assert.is(status, 1);
    assert.match(stderr, /^LANESTORE_CORRUPT: .*\n {2}witness: .*has 0 bytes/);
    assert.equal(entriesIn(stdout), loadExpected('wal-no-anchor'));
  }),
);

test('usage errors end with 2', () => {
  assert.is(run().status, 2);
  assert.is(run('frobnicate').status, 2);
  assert.is(run('toString').status, 2);
  assert.is(run('manifest').status, 2);
  assert.is(run('manifest', 'a', 'b').status, 2);
  assert.is(run('manifest', 'a', '--colour').status, 2);
  assert.is(run('replay', 'a', 'b', '--in-flight', 'many').status, 2);
});

test('help goes to stdout and ends with 0', () => {
  for (const args of [['help'], ['--help'], ['replay', '--help'], ['manifest', '-h'], ['demo', '--help']]) {
    const { status, stdout, stderr } = run(...args);
    assert.is(status, 0);
    assert.match(stdout, /^usage: lanestore/);
    assert.is(stderr, '');
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
  }
});

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
  'replay and demo print one JSON object on request, and nothing else',
  inTemp((dir) => {
    const replayed = run('replay', fixture('wal-no-anchor', 'rounds.jsonl'), join(dir, 'store'), '--json');
    assert.is(replayed.status, 0, replayed.stderr);
    const result = JSON.parse(replayed.stdout);
    assert.equal([result.rounds, result.blocks, result.blocksSkipped], [6, 42, 0]);
    assert.ok(result.durableMs.p50 > 0 && result.durableMs.p99 >= result.durableMs.p50);
    const { status, stdout } = spawnSync(process.execPath, [MAIN, 'demo', '--pace-ms', '20', '--json'], {
      cwd: dir,
      encoding: 'utf8',
    });
    assert.is(status, 0, stdout);
    const demo = JSON.parse(stdout);
    assert.ok(demo.checks.length >= 4 && demo.checks.every(({ ok }: { ok: boolean }) => ok), stdout);
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

function write(dir: string, name: string, text: string): string {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
}

test.run();
