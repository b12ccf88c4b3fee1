/** The long part of `migrations.test.ts`: each layout of the original, signatures. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyState } from '../migrations/states.js';
import { run } from '../support/cli.js';
import { fixture, loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: migrations, each layout');

test(
  'each layout of the original gives the manifest that the original loads',
  inTemp(() => {
    for (const name of ['wal-crc', 'file-per-entry', 'wal-no-anchor', 'wal-quiet-lane']) {
      const { status, stdout, stderr } = run('manifest', fixture(name, 'state'));
      assert.is(status, 0, stderr);
      const expected = loadExpected(name === 'wal-crc' || name === 'file-per-entry' ? 'wal' : name);
      assert.equal(JSON.parse(stdout), expected);
    }
  }),
);

test(
  'signatures are checked against a committee on request; a failed import ends with 3 and a reason',
  inTemp((dir) => {
    const source = copyState('wal', dir, 'source');
    const committee = join(dir, 'manifest.json');
    writeFileSync(committee, run('manifest', source).stdout);
    const signed = run('import', source, join(dir, 'a'), '--verify-signatures', '--committee', committee);
    assert.is(signed.status, 0, signed.stderr);
    writeFileSync(committee, JSON.stringify(loadExpected('wal-quiet-lane').committee));
    const wrong = run('import', source, join(dir, 'b'), '--verify-signatures', '--committee', committee);
    assert.is(wrong.status, 3);
    assert.match(wrong.stderr, /^LANESTORE_IMPORT: .*not one of the committee/);
    assert.match(wrong.stderr, /what to do: /);
    assert.is(run('import', source, join(dir, 'b'), '--verify-signatures').status, 2);
    assert.is(run('import', source).status, 2);
    assert.is(run('export', source, join(dir, 'b')).status, 2);
    assert.is(run('export', source, join(dir, 'b'), '--layout', 'tar').status, 2);
    assert.is(run('diff', source, join(dir, 'nowhere')).status, 3);
    mkdirSync(join(dir, 'taken'));
    writeFileSync(join(dir, 'taken', 'x'), '');
    assert.match(run('import', source, join(dir, 'taken')).stderr, /taken exists already/);
    assert.equal(readdirSync(dir).sort(), ['a', 'manifest.json', 'source', 'taken']);
  }),
);

test.run();
