/** The long part of `runbook.test.ts`: every command of the page runs. */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { run } from '../support/cli.js';
import { fixture, packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('docs: runbook, commands');
const page = readFileSync(join(packageRoot, 'docs', 'runbook.md'), 'utf8');
/** A validator of the fixture. */
const SIGNER = '2bd4e778e505998cbe6a052353e359648370d4cdbf51f3c8c986e4ce9fbeb8fe';

/** System tools that need a device, or the kernel's log: their commands are not run. */
const OF_HARDWARE: readonly string[] = ['dmesg', 'iostat', 'smartctl'];

/** True for commands that ask before they change a store. */
function needsYes([verb = '', ...args]: readonly string[]): boolean {
  return (verb === 'release' && !args.includes('--dry-run')) || verb === 'accept-rollback';
}

test(
  'a newer database under the present witness opens; an older one is refused',
  inTemp(async (dir) => {
    const [location, newer] = [join(dir, 'store'), join(dir, 'newer')];
    const older = join(dir, 'older');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    cpSync(location, older, { recursive: true });
    const store = await openLevel(location, { model: autobahn });
    await store.persist({ inner: new Uint8Array([1]) });
    await store.close();
    cpSync(location, newer, { recursive: true });
    for (const [copy, status] of [
      [older, 1],
      [newer, 0],
    ] as const) {
      renameSync(join(location, 'level'), join(dir, `level-before-${status}`));
      cpSync(join(copy, 'level'), join(location, 'level'), { recursive: true });
      const verified = run('verify', location);
      assert.is(verified.status, status, verified.stdout + verified.stderr);
      if (status === 1) assert.match(verified.stdout + verified.stderr, /witness-ahead/);
    }
  }),
);

test(
  'every command of lanestore on the page runs, and ends as its procedure describes',
  inTemp(async (dir) => {
    const [location, old, target] = ['store', 'old', 'target'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ];
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    cpSync(location, old, { recursive: true });
    const store = await openLevel(old, { model: autobahn });
    await store.persist({ inner: new Uint8Array([1]) });
    await store.close();
    renameSync(join(old, 'level'), join(dir, 'level-lost'));
    cpSync(join(location, 'level'), join(old, 'level'), { recursive: true });
    const seq: string = JSON.parse(run('inspect', old, '--json').stdout).seq;
    const lines = new Set(
      [...page.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)]
        .flatMap(([, text = '']) => text.split('\n'))
        .map((line) => line.trim())
        .filter((line) => line.startsWith('lanestore ')),
    );
    assert.ok(lines.size >= 12, `${lines.size} commands`);
    // A copy on another disk is a copy here; a text in quotes is one argument.
    for (const [count, line] of [...lines].entries()) {
      const [, ...words] = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
      const [verb = ''] = words;
      // A release is tried on a copy that none has opened before.
      const fresh = `${target}-${count}`;
      if (verb === 'release') cpSync(location, fresh, { recursive: true });
      const place = verb === 'accept-rollback' ? old : ['import', 'release'].includes(verb) ? fresh : location;
      const args = words.map((word) => {
        if (word === 'SOURCE') return fixture('wal', 'state');
        if (word === '4711') return seq;
        if (word === 'LOCATION') return place;
        if (word === '/mnt/other/snapshot') return fresh;
        return word.startsWith('/mnt/other/') || word.startsWith('/path/') ? location : word;
      });
      // No key was bound to an imported store.
      if (verb === 'release') args.push('--signer', SIGNER);
      const { status, stderr } = run(...args, ...(needsYes(args) ? ['--yes'] : []));
      assert.is(status, 0, `${line}: ${stderr}`);
    }
  }),
);

test(
  'every system command on the page runs on the store of a node, except those that need its hardware',
  inTemp(async (dir) => {
    const place = (name: string) => join(dir, name);
    assert.is(run('import', fixture('wal', 'state'), place('store')).status, 0);
    const store = await openLevel(place('store'), { model: autobahn });
    try {
      const lines = [...page.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)]
        .flatMap(([, text = '']) => text.split('\n'))
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('lanestore '));
      const runs = [...new Set(lines)].filter((line) => !OF_HARDWARE.includes(line.split(' ')[0] ?? ''));
      assert.ok(runs.length >= 9, `${runs.length} commands`);
      for (const [count, line] of runs.entries()) {
        // Each command has a copy of its own, except fuser: it must see the node.
        const location = line.startsWith('fuser') ? place('store') : place(`copy-${count}`);
        if (location !== place('store')) cpSync(fixture('wal', 'state'), join(location, 'level'), { recursive: true });
        const command = line
          .replace('/path/of/the/copy/level', fixture('wal', 'state'))
          .replace('/mnt/other/', `${dir}/other-${count}-`)
          .replaceAll('LOCATION', location);
        const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
        assert.is(status, 0, `${line}: ${stderr}`);
      }
    } finally {
      await store.close();
    }
  }),
);

test.run();
