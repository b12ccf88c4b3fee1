/** The transcript in docs/migrating.md matches the output of the commands. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inTemp } from '../support/temp.js';
import { cloneIn, readPage, settled, stepsOf } from './transcript.js';

const test = suite('docs/migrating.md');

test(
  'every command prints the output on the page',
  inTemp((dir) => {
    const run = cloneIn(dir);
    const steps = stepsOf(readPage('migrating.md'));
    assert.ok(steps.length >= 8, `${steps.length} commands`);
    for (const { command, output } of steps) assert.equal(settled(run(command)), settled(output), `$ ${command}`);
    for (const verb of ['import', 'inspect', 'verify', 'diff', 'export']) {
      assert.ok(
        steps.some(({ command }) => command.startsWith(`lanestore ${verb} `)),
        verb,
      );
    }
  }),
);

test.run();
