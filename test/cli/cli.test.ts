/** The command line as real processes: output, exit codes, pipes closed early. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN, run, runLines } from '../support/cli.js';
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

test('usage errors end with 2', async () => {
  const lines = [
    [],
    ['frobnicate'],
    ['toString'],
    ['manifest'],
    ['manifest', 'a', 'b'],
    ['manifest', 'a', '--colour'],
    ['replay', 'a', 'b', '--in-flight', 'many'],
  ];
  const results = await runLines(process.cwd(), lines);
  for (const [place, { status }] of results.entries()) assert.is(status, 2, lines[place]!.join(' '));
  assert.is(run('frobnicate').status, 2, 'as a process of its own');
});

test('help goes to stdout and ends with 0', async () => {
  const lines = [['help'], ['--help'], ['replay', '--help'], ['manifest', '-h'], ['demo', '--help']];
  for (const { status, stdout, stderr } of await runLines(process.cwd(), lines)) {
    assert.is(status, 0);
    assert.match(stdout, /^usage: lanestore/);
    assert.is(stderr, '');
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
  }
});

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

test.run();
