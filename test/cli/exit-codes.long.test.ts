/** The long part of `exit-codes.test.ts`: keys that are missing, and keys that are absent. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { begin, type CommandLines, run } from '../support/cli.js';
import { rawBatch } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: absent and missing keys');
const HERE = process.cwd();
test(
  'a missing key that a store must hold is damage; a missing key that it need not hold is absent',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const none: CommandLines = [
      ['get', location, 'qc/99'],
      ['get', location, 'lane/ffff/1'],
      ['ls', location, 'qc/99'],
      ['ls', location, 'lane/ffff/'],
      ['ls', location, 'zebra'],
    ];
    const ambiguous: CommandLines = [
      ['get', location, 'qc/35x'],
      ['get', location, 'lane/7/50'],
      ['ls', location, 'lane/7/'],
    ];
    const checkAbsent = async (args: readonly string[]) => {
      const [{ status, stdout, stderr }, json] = await Promise.all([
        begin(HERE, ...args),
        begin(HERE, ...args, '--json'),
      ]);
      assert.equal([status, stdout], [5, ''], args.join(' '));
      assert.match(stderr, /^(?:there is no qc\/0+99 in|no lane begins with ffff|no key of .* begins with)/);
      assert.match(stderr, /\nwhat to do: lanestore ls lists the keys; nothing was changed\n$/);
      assert.equal(JSON.parse(json.stderr).code, 'ABSENT');
    };
    await Promise.all([
      ...ambiguous.map(async (args) => assert.is((await begin(HERE, ...args)).status, 2, args.join(' '))),
      ...none.map(checkAbsent),
    ]);
    await rawBatch(location, [{ type: 'del', key: 'qc/00000000000000000035' }]);
    const missing: CommandLines = [
      ['get', location, 'qc/35'],
      ['ls', location, 'qc/35'],
      ['ls', location],
    ];
    const checkDamaged = async (args: readonly string[]) => {
      const { status, stderr } = await begin(HERE, ...args);
      assert.is(status, 1, args.join(' '));
      assert.match(stderr, /^qc\/0+35: missing: /);
    };
    const rest = begin(HERE, 'ls', location, 'qc/36');
    await Promise.all(missing.map(checkDamaged));
    assert.is((await rest).status, 0, 'the rest of the store is not read');
  }),
);

test.run();
