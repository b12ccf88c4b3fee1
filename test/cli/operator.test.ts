/** What an operator needs at night: a probe, and going on after a rollback, as real processes. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { treeHash } from '../migrations/states.js';
import { run } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { rolledBack } from './operator-support.js';

const test = suite('cli: operator');
test(
  'health: 0 for a sound store while a node runs on it, 1 for a rolled back one; nothing is changed',
  inTemp(async (dir) => {
    const [sound, old] = [join(dir, 'a store ü'), join(dir, 'old')];
    assert.is(run('import', fixture('wal', 'state'), sound).status, 0);
    const node = await openLevel(sound, { model: autobahn });
    const before = treeHash(sound);
    for (const args of [
      ['health', sound],
      ['inspect', sound, '--quick'],
    ]) {
      const { status, stdout, stderr } = run(...args);
      assert.is(status, 0, stderr);
      assert.match(stdout, new RegExp(`^OK: newest batch ${node.seq}, .*free\n$`));
    }
    assert.is(treeHash(sound), before);
    await node.close();
    const seq = await rolledBack(old);
    const { status, stdout } = run('health', old);
    assert.is(status, 1);
    assert.match(stdout, new RegExp(`^witness-ahead {2}witness: .*\n1 findings: newest batch ${seq},`));
    const health = JSON.parse(run('health', old, '--json').stdout);
    assert.equal([health.isHealthy, health.seq, health.findings[0].kind], [false, seq, 'witness-ahead']);
  }),
);

test.run();
