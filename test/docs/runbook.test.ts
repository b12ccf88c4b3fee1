/**
 * docs/runbook.md: a numbered procedure for every code, with commands and options that exist; the
 * procedure after a rollback works.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_CODES } from '../../src/errors.js';
import { run } from '../support/cli.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('docs/runbook.md');
const page = readFileSync(join(packageRoot, 'docs', 'runbook.md'), 'utf8');
/** System tools that the page may call. */
const TOOLS = ['cp', 'df', 'dmesg', 'findmnt', 'fuser', 'iostat', 'ls', 'mv', 'smartctl'];

test('every code has a section with numbered steps', () => {
  for (const code of Object.keys(ERROR_CODES)) {
    const [, section] = new RegExp(`^##+ ${code}\\n([\\s\\S]*?)(?=^##+ |$(?![\\s\\S]))`, 'm').exec(page) ?? [];
    assert.ok(section !== undefined, code);
    assert.match(section, /^1\. /m, code);
  }
});

test('every command of lanestore, and each of its options, exists', () => {
  const commands = [...page.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)]
    .flatMap(([, text = '']) => text.split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([tool]) => tool !== '');
  assert.ok(commands.length > 25, `${commands.length} commands`);
  const known: string[] = JSON.parse(run('help', '--json').stdout).commands.map(({ name }: { name: string }) => name);
  const help = new Map<string, string>();
  for (const [tool = '', verb = '', ...args] of commands) {
    if (tool !== 'lanestore') {
      assert.ok(TOOLS.includes(tool), tool);
      continue;
    }
    assert.ok(known.includes(verb), verb);
    if (!help.has(verb)) help.set(verb, run('help', verb).stdout);
    for (const option of args.filter((arg) => arg.startsWith('--') && arg !== '--json'))
      assert.ok(help.get(verb)?.includes(`${option} `), `${verb} ${option}`);
  }
});

test.run();
