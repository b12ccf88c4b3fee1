/**
 * Under the permission model of Node.js: everything works with the options that docs/embedding.md
 * lists; without one of them, the error names it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/index.js';
import { SHIPPED_MAIN } from '../support/cli.js';
import { entriesIn, fixture, loadExpected, packageRoot } from '../support/fixtures.js';
import { plain } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import type { NodeVersion } from './nodes.js';
import { outcomes, SCENARIO, STEPS } from './outcomes.js';

const page = readFileSync(join(packageRoot, 'docs', 'embedding.md'), 'utf8');

/** The options of the page, with real paths: of this checkout, and of a directory for stores. */
function listedOptions(stores: string): string[] {
  const [, command = ''] = /^node --permission ((?:.|\n)*?)\n```$/m.exec(page) ?? [];
  const options = command.split(/[\s\\]+/).filter((word) => word.startsWith('--'));
  assert.is(options.length, 7, command);
  return options.map((option) => option.replace('/opt/node', packageRoot).replace('/var/lib/node', stores));
}

function start(node: NodeVersion, options: readonly string[], args: readonly string[]) {
  return spawnSync(node.path, [node.permission, '--no-warnings', ...options, ...args], { encoding: 'utf8' });
}

function scenario(node: NodeVersion, options: readonly string[], directory: string, ...steps: string[]) {
  return outcomes(start(node, options, [SCENARIO, directory, ...steps]));
}

/** Adds the tests of one version of Node.js. */
export function addPermissionCases(test: ReturnType<typeof suite>, node: NodeVersion): void {
  const inNode = (name: string) => `Node.js ${node.version}, permission model: ${name}`;

  test(
    inNode('with the listed options, everything that a node does with its stores works'),
    inTemp((dir) => {
      assert.equal(
        scenario(node, listedOptions(dir), dir, ...STEPS),
        STEPS.map((step) => ({ step })),
      );
    }),
  );

  test(
    inNode('with the listed options, the command line works'),
    inTemp((dir) => {
      const options = listedOptions(dir);
      const run = (...args: string[]) => start(node, options, [SHIPPED_MAIN, ...args]);
      const location = join(dir, 'store');
      const imported = run('import', fixture('wal', 'state'), location);
      assert.is(imported.status, 0, imported.stderr);
      assert.equal(entriesIn(run('manifest', location).stdout), loadExpected('wal'));
      for (const args of [
        ['verify', location],
        ['inspect', location],
        ['snapshot', location, join(dir, 'snapshot')],
        ['export', location, join(dir, 'exported'), '--layout', 'wal-crc'],
      ]) {
        const { status, stderr } = run(...args);
        assert.is(status, 0, `${args[0]}: ${stderr}`);
      }
      const denied = run('import', '/etc', join(dir, 'other'));
      assert.is(denied.status, 3, denied.stderr);
      assert.match(denied.stderr, /^LANESTORE_IO: .*refuses to read \/etc; --allow-fs-read allows it/);
    }),
  );

  test(
    inNode('without one of the listed options, only a call that needs it is refused, with LANESTORE_IO that names it'),
    inTemp((dir) => {
      const options = listedOptions(dir);
      assert.equal(scenario(node, options, dir, 'level', 'wal'), [{ step: 'level' }, { step: 'wal' }]);
      const without = (option: string) => options.filter((candidate) => !candidate.startsWith(option));
      const refusals: [option: string, works: string[], refused: string[], message: RegExp][] = [
        ['--allow-addons', ['none'], ['reopen', 'wal'], /refuses to load addons; --allow-addons allows it/],
        ['--allow-fs-read=/etc', ['none'], ['reopen', 'wal'], /refuses to read \/etc\/alpine-release; --allow-fs-read/],
        [
          '--allow-child-process',
          ['none', 'reopen', 'view', 'snapshot'],
          ['verify'],
          /refuses to start another process; --allow-child-process/,
        ],
        [`--allow-fs-read=${dir}`, ['none'], ['reopen', 'view', 'wal'], /refuses to read \S+; --allow-fs-read/],
        [`--allow-fs-write=${dir}`, ['none'], ['reopen', 'view'], /refuses to write to \S+; --allow-fs-write/],
        ['--allow-fs-read=/proc', ['none', 'reopen', 'view', 'verify'], [], /^$/],
      ];
      for (const [option, works, refused, message] of refusals) {
        const said = scenario(node, without(option), dir, ...works, ...refused);
        assert.equal(
          said.map(({ step, code }) => [step, code]),
          [...works.map((step) => [step, undefined]), ...refused.map((step) => [step, 'LANESTORE_IO'])],
          `without ${option}`,
        );
        for (const outcome of said.slice(works.length)) assert.match(outcome.message ?? '', message);
      }
      assert.equal(scenario(node, options, dir, 'reopen', 'verify').at(-1), { step: 'verify' }, 'the store is intact');
    }),
  );

  test(
    inNode('granted only the directory: an existing store opens; a new one whose name is not durable is not made'),
    inTemp((dir) => {
      const location = join(dir, 'store');
      const options = [...listedOptions(dir).filter((option) => !option.endsWith(dir))];
      const granted = [...options, `--allow-fs-read=${location}`, `--allow-fs-write=${location}`];
      const [refused] = scenario(node, granted, dir, 'reopen');
      assert.is(refused?.code, 'LANESTORE_IO');
      assert.match(refused?.message ?? '', /refuses to read \S+; --allow-fs-read/);
      assert.not.ok(existsSync(location));
      mkdirSync(location);
      assert.equal(scenario(node, granted, dir, 'reopen', 'reopen'), [{ step: 'reopen' }, { step: 'reopen' }]);
    }),
  );

  test(
    inNode('a store that another process writes to is LANESTORE_LOCKED, also when its files look damaged'),
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      const store = await openLevel(location, { model: plain });
      try {
        const current = join(location, 'level', 'CURRENT');
        const intact = readFileSync(current);
        const names = readdirSync(dir);
        for (const bytes of [intact, 'half']) {
          writeFileSync(current, bytes);
          const [said] = scenario(node, listedOptions(dir), dir, 'reopen');
          assert.is(said?.code, 'LANESTORE_LOCKED', said?.message);
        }
        writeFileSync(current, intact);
        assert.equal(readdirSync(dir), names);
      } finally {
        await store.close();
      }
    }),
  );
}
