/**
 * The transcripts in docs/inspecting.md match the output of the commands, and the scripts of the
 * page run.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inTemp } from '../support/temp.js';
import { blocksOf, cloneIn, readPage, settled, stepsOf } from './transcript.js';

const test = suite('docs/inspecting.md');
const page = readPage('inspecting.md');

/** Third-party tools, and how to check that they are installed. */
const TOOLS: readonly (readonly [command: string, check: readonly [string, ...string[]]])[] = [
  ['ldb', ['ldb', '--version']],
  ['/usr/bin/python3', ['/usr/bin/python3', '-c', 'import plyvel, cbor2']],
];

function absentTools(): string[] {
  const absent = TOOLS.filter(([, [file, ...args]]) => spawnSync(file, args).status !== 0);
  return absent.map(([command]) => command);
}

test(
  'every command prints the output on the page, with the scripts of the page',
  inTemp((dir) => {
    const absent = absentTools();
    if (process.env.CI === 'true')
      assert.equal(absent, [], 'apt-get install rocksdb-tools python3-plyvel python3-cbor2');
    for (const tool of absent) process.stdout.write(`\n  skipped: the commands with ${tool}, which is not installed\n`);
    const run = cloneIn(dir);
    for (const { language, text } of blocksOf(page)) {
      if (language === 'console') continue;
      const name = /^(?:#|\/\/) (\w+\.(?:py|mjs))\b/.exec(text)?.[1];
      if (name === undefined)
        throw new Error(`a block that is neither a transcript nor a script with its name:\n${text}`);
      writeFileSync(join(dir, name), text);
    }
    const steps = stepsOf(page);
    for (const { command, output } of steps) {
      if (absent.some((tool) => command.startsWith(`${tool} `))) continue;
      assert.equal(settled(run(command)), settled(output), `$ ${command}`);
    }
    for (const tool of ['lanestore inspect', 'lanestore ls', 'lanestore get', 'lanestore manifest', 'lanestore diff']) {
      assert.ok(
        steps.some(({ command }) => command.startsWith(`${tool} `)),
        tool,
      );
    }
    assert.ok(steps.filter(({ command }) => TOOLS.some(([tool]) => command.startsWith(`${tool} `))).length >= 7);
  }),
);

test.run();
