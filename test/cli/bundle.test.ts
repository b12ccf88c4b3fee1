/**
 * `bundle`: what is in the tar, and what is not; of a sound store, and of one of a newer format.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUNDLE_FILES } from '../../src/cli/bundle-parts.js';
import { run } from '../support/cli.js';
import { dump, rewriteBody, tree } from '../support/faults.js';
import { fixture, packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { entriesIn, json, makeStore, unpacked } from './bundle-support.js';

const test = suite('cli: bundle');

test(
  'every entry as a hash, and every file that README.txt and the page name',
  inTemp(async (dir) => {
    const [store, tar] = [join(dir, 'store'), join(dir, 'bundle.tar')];
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    const before = tree(store);
    const { status, stdout, stderr } = run('bundle', store, tar, '--json');
    assert.equal([status, stderr], [0, '']);
    assert.equal(tree(store), before, 'nothing is changed');
    const report = JSON.parse(stdout);
    assert.equal([report.file, report.isRedacted, report.findingsTotal], [tar, true, 0]);
    assert.is(report.bytes, statSync(tar).size);
    const listed = execFileSync('tar', ['-tf', tar], { encoding: 'utf8' }).trim().split('\n');
    assert.equal(
      listed,
      report.files.map(({ name }: { name: string }) => `lanestore-bundle/${name}`),
    );
    const bundle = unpacked(tar, join(dir, 'out'));
    for (const { name, bytes } of report.files) assert.is(statSync(join(bundle, name)).size, bytes, name);
    const readme = readFileSync(join(bundle, 'README.txt'), 'utf8');
    const page = readFileSync(join(packageRoot, 'docs/inspecting.md'), 'utf8');
    for (const [name, what] of BUNDLE_FILES) {
      assert.ok(
        listed.some((path) => path.startsWith(`lanestore-bundle/${name}`)),
        name,
      );
      assert.ok(readme.includes(`${name.padEnd(18)} ${what}\n`), name);
      assert.ok(page.includes(`| \`${name}\` | ${what} |`), `docs/inspecting.md: ${name}`);
    }
    for (const name of ['CURRENT', 'LOG'])
      assert.equal(readFileSync(join(bundle, 'level', name)), readFileSync(join(store, 'level', name)));
    for (const { name, type, bytes, links } of json(join(bundle, 'files.json'))) {
      if (type === 'file') assert.equal([links, bytes], [1, statSync(join(store, name)).size], name);
    }
    const content = await dump(store);
    const hashes = [...content].map(([key, hex]) => [key, createHash('sha256').update(hex, 'hex').digest('hex')]);
    assert.equal(
      entriesIn(bundle).map(({ key, sha256 }) => [key, sha256]),
      hashes,
    );
    const { seq, witness, anchor } = json(join(bundle, 'store.json'));
    assert.equal([seq, witness.verdict, anchor], ['3', 'equal', '31']);
  }),
);

test(
  'a newer format is bundled without entries, and ends with its own code',
  inTemp(async (dir) => {
    const [store, tar] = [join(dir, 'store'), join(dir, 'bundle.tar')];
    await makeStore(store);
    await rewriteBody(store, 'meta/schema', (body) => ({ ...body, format: 99 }));
    const { status, stderr } = run('bundle', store, tar);
    assert.is(status, 3);
    assert.match(stderr, /^LANESTORE_SCHEMA: /m);
    const bundle = unpacked(tar, join(dir, 'out'));
    assert.is(json(join(bundle, 'findings.json')).error.code, 'LANESTORE_SCHEMA');
    assert.ok(readdirSync(join(bundle, 'level')).some((name) => name.startsWith('MANIFEST')));
  }),
);

test.run();
