/** `npm run failover`: nothing is lost or signed twice; weakened, it finds that two nodes sign. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasPostgres } from '../support/postgres/cluster.js';

const PROGRAM = fileURLToPath(new URL('../../examples/failover/main.js', import.meta.url));

async function failover(...args: string[]) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { status: status as number | null, stdout };
}

const test = suite('failover');

test('an acknowledged round survives, and the old node neither writes nor signs', async () => {
  const { status, stdout } = await failover();
  assert.is(status, 0, stdout);
  assert.match(stdout, /\d+ rounds acknowledged, 0 lost, 0 views signed twice/);
  for (const refusal of ['UNKNOWN_OUTCOME', '0 synchronous standbys', '2 of the servers are primaries', 'FENCED'])
    assert.ok(stdout.includes(refusal), refusal);
  assert.not.match(stdout, /BAD/);
});

test('weakened: the revived node and the node that was replaced sign again', async () => {
  const { status, stdout } = await failover('--weakened');
  assert.is(status, 1, stdout);
  assert.match(stdout, / 0 lost, 2 views signed twice/);
});

if (hasPostgres()) {
  test.run();
}
