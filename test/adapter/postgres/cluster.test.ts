/** Servers of tests: their programs are whole for a user who cannot reach this checkout. */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyPrograms, hasPostgres } from '../../support/postgres/cluster.js';
import { inTemp } from '../../support/temp.js';

if (hasPostgres()) {
  const test = suite('postgres: servers for tests');

  test(
    'the links of their programs stay within them',
    inTemp((dir) => {
      const programs = copyPrograms(dir);
      const paths = readdirSync(programs, { recursive: true, encoding: 'utf8' }).map((name) => join(programs, name));
      const links = paths.filter((path) => lstatSync(path).isSymbolicLink()).map((path) => readlinkSync(path));
      assert.ok(links.length > 5, `${links.length} links`);
      assert.equal(
        links.filter((link) => link.startsWith('/') && !link.startsWith(dir)),
        [],
      );
    }),
  );

  test.run();
}
