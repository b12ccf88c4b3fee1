/**
 * The message of a command that cannot do its work, and the files that it leaves: advice that fits
 * the command, and no new file.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { treeHash } from '../migrations/states.js';
import { jsonLines, run, runIn } from '../support/cli.js';
import { entriesIn, fixture, loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: remedies');
const ROUNDS = readFileSync(fixture('wal', 'rounds.jsonl'), 'utf8').trim().split('\n');

test(
  'a replay whose recording is bad from the beginning makes no store',
  inTemp((dir) => {
    const bad: [name: string, text: string, expected: RegExp][] = [
      ['entry', '{}\n{"blocks":["AAAA"]}', /^LANESTORE_INVALID: .*line 2/],
      ['json', '{"blocks": [', /^LANESTORE_INVALID: .*line 1/],
      ['empty', '\n', /^LANESTORE_INVALID: .* contains nothing to store/],
      ['rounds', '{}\n{"blocks":[]}\n', /^LANESTORE_INVALID: .* contains nothing to store/],
      ['middle', ROUNDS.slice(1).join('\n'), /^LANESTORE_OUT_OF_SEQUENCE: /],
    ];
    for (const [name, text, expected] of bad) {
      const file = join(dir, name);
      writeFileSync(file, text);
      const { status, stderr } = run('replay', file, join(dir, 'deep', 'store'));
      assert.is(status, 3, name);
      assert.match(stderr, expected);
      assert.not.ok(existsSync(join(dir, 'deep')), name);
    }
    assert.match(
      run('replay', join(dir, 'middle'), join(dir, 'deep')).stderr,
      /what to do: replay a recording that continues/,
    );
    assert.match(run('replay', join(dir, 'entry'), join(dir, 'deep')).stderr, /what to do: fix what the message names/);
  }),
);

test(
  'a replay whose recording is bad further on stores the rounds before, and continues once it is repaired',
  inTemp((dir) => {
    const [file, store] = [join(dir, 'rounds'), join(dir, 'store')];
    writeFileSync(file, `{}\n${ROUNDS.slice(0, 20).join('\n')}\n{"blocks":["AAAA"]}\n`);
    assert.match(run('replay', file, store).stderr, /^LANESTORE_INVALID: .*line 22/);
    writeFileSync(file, ROUNDS.join('\n'));
    const rest = run('replay', file, store, '--json');
    assert.is(rest.status, 0, rest.stderr);
    const { blocks, blocksSkipped } = JSON.parse(rest.stdout);
    assert.ok(blocks > 0 && blocksSkipped > 0, rest.stdout);
    assert.equal(entriesIn(run('manifest', store).stdout), loadExpected('wal'));
  }),
);

test(
  'a demo whose recording is refused, at its beginning or further on, leaves no store',
  inTemp((dir) => {
    const bad: [name: string, rounds: string[], expected: RegExp][] = [
      ['entry', [...ROUNDS.slice(0, 9), '{"blocks":["AAAA"]}'], /^LANESTORE_INVALID: .*line 10/],
      ['first', ROUNDS.slice(1), /^LANESTORE_OUT_OF_SEQUENCE: /],
      ['further on', [...ROUNDS, ...ROUNDS], /^LANESTORE_OUT_OF_SEQUENCE: /],
    ];
    for (const [name, rounds, expected] of bad) {
      writeFileSync(join(dir, name), rounds.join('\n'));
      const { status, stderr } = runIn(dir, 'demo', name, '--pace-ms', '0');
      assert.is(status, 3, name);
      assert.match(stderr, expected);
      assert.not.ok(existsSync(join(dir, 'lanestore-demo')), name);
    }
  }),
);

test(
  'a state directory of the original, where a store is needed',
  inTemp((dir) => {
    const state = fixture('wal', 'state');
    const before = treeHash(state);
    for (const args of [
      ['verify', state],
      ['ls', state],
      ['get', state, 'anchor'],
      ['snapshot', state, join(dir, 'target')],
    ]) {
      const { status, stderr } = run(...args);
      assert.is(status, 3, args.join(' '));
      assert.match(
        stderr,
        /^LANESTORE_NOT_A_STORE: .*state is a state directory of the original \(wal\), not a store\n/,
      );
      assert.match(
        stderr,
        /\nwhat to do: lanestore import .*state STORE makes a store from it; inspect, manifest and diff/,
      );
      assert.not.match(stderr, /empty/);
      const { message, remedy } = JSON.parse(run(...args, '--json').stderr);
      assert.match(message, /not a store$/);
      assert.match(remedy, /lanestore import/);
    }
    assert.is(treeHash(state), before);
    assert.equal(readdirSync(dir), []);
  }),
);

test(
  'the database of another program: every command identifies it, and none advises an empty directory',
  inTemp(async (dir) => {
    const [foreign, store] = [join(dir, 'other'), join(dir, 'store')];
    mkdirSync(foreign);
    const db = new ClassicLevel(join(foreign, 'level'));
    await db.put('key', 'value');
    await db.close();
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    const before = treeHash(foreign);
    for (const args of [
      ...['verify', 'ls', 'inspect', 'manifest', 'migrate'].map((verb) => [verb, foreign]),
      ['get', foreign, 'anchor'],
      ['diff', foreign, store],
      ['diff', store, foreign],
      ['import', foreign, join(dir, 'target')],
      ['export', foreign, join(dir, 'target'), '--layout', 'wal'],
      ['snapshot', foreign, join(dir, 'target')],
      ['replay', fixture('wal', 'rounds.jsonl'), foreign],
    ]) {
      const { status, stderr } = run(...args);
      assert.is(status, 3, args.join(' '));
      assert.match(stderr, /\nwhat to do: it is the database of another program, .*: check the path\n/, args.join(' '));
    }
    assert.is(treeHash(foreign), before);
    assert.equal(readdirSync(dir).sort(), ['other', 'store']);
  }),
);

test(
  'advice fits a command that only reads: it mentions neither stored rounds nor an empty directory',
  inTemp((dir) => {
    mkdirSync(join(dir, 'empty'));
    const store = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    const committee = join(dir, 'committee');
    writeFileSync(committee, '{"committees": 5}');
    const nowhere = join(dir, 'nowhere');
    const commands = [
      ...['verify', 'ls', 'inspect', 'manifest'].map((verb) => [verb, nowhere]),
      ['get', nowhere, 'anchor'],
      ['diff', nowhere, store],
      ['diff', store, nowhere],
      ['verify', join(dir, 'empty')],
      ['inspect', join(dir, 'empty')],
      ['import', join(dir, 'empty'), join(dir, 'target')],
      ['export', nowhere, join(dir, 'target'), '--layout', 'wal'],
      ['verify', store, '--signatures', '--committee', committee],
      ['verify', store, '--signatures', '--committee', nowhere],
      ['get', store, 'qc/99'],
      ['get', store, 'lame/1'],
    ];
    for (const args of commands) {
      const { stderr } = run(...args);
      const [, remedy = ''] = stderr.split('what to do: ');
      assert.not.match(remedy, /stored|empty|for a new store|`cause`|then open again/, args.join(' '));
    }
    const taken = run('snapshot', store, dir);
    assert.match(taken.stderr, /what to do: choose an empty or absent directory for the target/);
    assert.equal(readdirSync(dir).sort(), ['committee', 'empty', 'store']);
  }),
);

test(
  'the advice of the library for a situation is printed',
  inTemp((dir) => {
    const started = run('import', fixture('wal-newer-node-started', 'state'), join(dir, 'store'));
    assert.is(started.status, 3);
    assert.match(started.stderr, /^LANESTORE_SCHEMA: /);
    assert.match(
      started.stderr,
      /\nwhat to do: make sure that no node runs on it, remove commitqcs\/0\.wal\.u, .* and try again; keep everything/,
    );
    writeFileSync(join(dir, 'middle'), ROUNDS.slice(1).join('\n'));
    assert.match(run('demo', join(dir, 'middle')).stderr, /\nwhat to do: name a recording that begins with the first/);
  }),
);

test(
  'diff --start-rules: an import agrees with its source; real differences are reported',
  inTemp((dir) => {
    const [source, store] = [fixture('wal-crash-after-anchor', 'state'), join(dir, 'store')];
    assert.is(run('import', source, store).status, 0);
    const plain = run('diff', source, store);
    assert.is(plain.status, 4);
    assert.match(plain.stderr, /diff --start-rules leaves them out/);
    for (const [a, b] of [
      [source, store],
      [store, source],
      [source, source],
    ] as const) {
      const { status, stdout, stderr } = run('diff', '--start-rules', a, b);
      assert.equal([status, stdout.split(':')[0]], [0, 'equal'], stderr);
    }
    const differing = run('diff', '--start-rules', '--json', fixture('wal', 'state'), store);
    assert.is(differing.status, 4);
    assert.ok(jsonLines(differing.stdout).length > 0);
    // The crash kept the anchor's CommitQC out of the log; a node that starts has it.
    const lines = jsonLines(run('diff', '--json', source, store).stdout);
    assert.ok(lines.some(({ kind }) => kind === 'first'));
  }),
);

test(
  'verify of a sound store prints only OK',
  inTemp((dir) => {
    const store = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    const { status, stdout, stderr } = run('verify', store);
    assert.equal([status, stderr], [0, '']);
    assert.match(stdout, /^OK: [^\n]*\n$/);
    assert.equal(JSON.parse(run('verify', store, '--json').stdout).notes, []);
  }),
);

test.run();
