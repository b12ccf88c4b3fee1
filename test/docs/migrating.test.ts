/** The transcript in docs/migrating.md is what the commands print. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN } from '../support/cli.js';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('docs/migrating.md');
const page = readFileSync(join(packageRoot, 'docs/migrating.md'), 'utf8');

/** The commands of the page, each with what it prints: data, then notes. */
function transcript(): { command: string; output: string }[] {
  const from = page.indexOf('```console\n') + '```console\n'.length;
  const steps = page.slice(from, page.indexOf('\n```', from)).split(/^\$ /m).slice(1);
  return steps.map((step) => {
    const end = step.indexOf('\n');
    return end === -1 ? { command: step, output: '' } : { command: step.slice(0, end), output: step.slice(end + 1) };
  });
}

/** What is another one at every run: ids, times, LevelDB's files and their sizes, the disk. */
function settled(output: string): string[] {
  return output
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/^store {7}[0-9a-f]{32}$/m, 'store <id>')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !/^ {2}(?:level\/|values\/|witness )/.test(line) && !line.startsWith('files  '));
}

test(
  'every command prints what the page says',
  inTemp((dir) => {
    mkdirSync(join(dir, 'bin'));
    writeFileSync(join(dir, 'bin', 'lanestore'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    chmodSync(join(dir, 'bin', 'lanestore'), 0o755);
    mkdirSync(join(dir, 'test'));
    symlinkSync(join(packageRoot, 'test/fixtures'), join(dir, 'test/fixtures'));
    const env = { ...process.env, PATH: `${join(dir, 'bin')}:${process.env.PATH}` };
    const steps = transcript();
    assert.ok(steps.length >= 8, `${steps.length} commands`);
    for (const { command, output } of steps) {
      const { stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: dir, encoding: 'utf8', env });
      const printed = `${stdout}${stderr}`.replaceAll(packageRoot, '~/lanestore').replaceAll(dir, '~/lanestore');
      assert.equal(settled(printed), settled(output), `$ ${command}`);
    }
    for (const verb of ['import', 'inspect', 'verify', 'diff', 'export']) {
      assert.ok(
        steps.some(({ command }) => command.startsWith(`lanestore ${verb} `)),
        verb,
      );
    }
  }),
);

test.run();
