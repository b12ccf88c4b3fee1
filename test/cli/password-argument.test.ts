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
]) {
  test(`is not printed: ${args.join(' ')}`, () => {
    const { stdout, stderr } = run(...args);
    assert.match(stderr, /command comes first|write it as|shown by ps/);
    assert.not.match(`${stdout}${stderr}`, /SECRET/);
  });
}

test.run();
