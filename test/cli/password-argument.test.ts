/** A password in an argument is refused, and not printed back. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../support/cli.js';

const test = suite('cli: password in an argument');

for (const args of [
  ['postgres://u:SECRET@h/db'],
  ['ls', ' postgres://u:SECRET@h/db'],
  ['ls', 'host=h password=SECRET'],
  ['ls', 'postgres://h/db?password=SECRET'],
  ['ls', 'postgresql:u:SECRET@h'],
  ['ls', 'password=SECRET host=h'],
  ['import', 'x', 'y', '--committee', 'postgres://u:SECRET@h/db'],
  ['votes', 'import', 'x', '--sinks=postgres://u:SECRET@h/db'],
  ['ls', 'x', '--json', 'postgres://u:SE:CRET@h/db'],
]) {
  test(`is not printed: ${args.join(' ')}`, () => {
    const { stdout, stderr } = run(...args);
    assert.match(stderr, /shown by ps/);
    assert.not.match(`${stdout}${stderr}`, /SECRET|SE:CRET/);
  });
}

test('a reason that speaks of a password is no connection string', () => {
  const { stderr } = run('release', 'absent', '--as-is', '--reason', 'the password = lost', '--yes');
  assert.not.match(stderr, /shown by ps/);
});

test.run();
