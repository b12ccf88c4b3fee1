/** docs/howto.md: its program compiles unchanged, and runs on a store that a node writes to. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { run } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { compiledProgram } from './program.js';
import { readPage } from './transcript.js';

const test = suite('docs/howto.md');

test(
  'its program reads, checks and copies the store of a running node',
  inTemp(async (dir) => {
    const runProgram = compiledProgram('howto', readPage('howto.md'));
    const [location, target] = [join(dir, 'store'), join(dir, 'snapshot')];
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const node = await openLevel(location, { model: autobahn });
    const output = runProgram(location, target);
    const seq = node.seq;
    await node.close();
    assert.match(output, new RegExp(`^batch ${seq}: CommitQCs \\[31, 40\\)$`, 'm'));
    assert.match(output, /^lane 2bd4e778: blocks \[38, 53\), [1-9]\d* transactions$/m);
    assert.match(output, /^\d+ records, \d+ checked, 0 findings$/m);
    assert.match(output, new RegExp(`^a snapshot as of batch ${seq}: \\d+ records$`, 'm'));
    // The snapshot may not sign, as the page says.
    assert.match(run('votes', 'show', target).stdout, /quarantine/);
    assert.throws(() => runProgram(location, target), /LANESTORE_NOT_A_STORE[\s\S]*what to do: /);
  }),
);

test.run();
