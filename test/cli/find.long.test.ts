/** `find`: every version of a key, in tables and logs, of sound and of damaged stores. */
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel, openView, type ViewPlace } from '../../src/index.js';
import { blockKey, prefixRange } from '../../src/keys/index.js';
import { run } from '../support/cli.js';
import { tree, withRaw } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { plain, plainBlock } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: find');
const QC = 'qc/00000000000000000035';

interface Found {
  readonly key: string;
  readonly versions: readonly Readonly<Record<string, unknown>>[];
  readonly versionsTotal: number;
  readonly notes: readonly string[];
}

function find(location: string, key: string, status: number): Found {
  const { status: actual, stdout, stderr } = run('find', location, key, '--json');
  assert.is(actual, status, stderr);
  return JSON.parse(stdout);
}

async function makeStore(location: string): Promise<void> {
  assert.is(run('import', fixture('wal', 'state'), location).status, 0);
}

test(
  'a deletion and the version below it are found, the newest first, also while a store is open',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const before = tree(location);
    const [put, ...none] = find(location, 'qc/35', 0).versions;
    assert.equal(none, []);
    assert.equal(tree(location), before, 'nothing is changed');
    const crc = JSON.parse(run('get', location, 'qc/35', '--json').stdout).crc;
    assert.equal([put?.isDeleted, put?.stored, put?.crc, put?.fault], [false, 'inline', crc, null]);

    await withRaw(location, (db) => db.del(QC, { sync: true }));
    const { key, versions, versionsTotal } = find(location, 'qc/35', 0);
    assert.equal([key, versionsTotal], [QC, versions.length]);
    assert.equal([versions[0]?.isDeleted, versions[0]?.bytes, versions[0]?.stored], [true, null, null]);
    assert.equal([versions[1]?.sequence, versions[1]?.crc], [put?.sequence, crc]);
    assert.ok(Number(versions[0]?.sequence) > Number(put?.sequence));
    assert.match(run('find', location, 'qc/35').stdout, /^ +\d+ {2}level\/\d+\.log +log {6}deleted\n/);

    const open = join(dir, 'open');
    await makeStore(open);
    await using store = await openLevel(open, { model: autobahn });
    await store.ready();
    assert.is(find(open, 'anchor', 0).versions.length, 1);
  }),
);

test(
  'a damaged value, an unreadable file and an absent key each end with their own code',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await makeStore(location);
    const { status, stderr } = run('find', location, 'qc/99');
    assert.is(status, 5);
    assert.match(stderr, /^no table and no log of .* has qc\/0+99\n/);
    assert.is(run('find', location, 'zebra').status, 2);
    assert.is(run('find', location, 'lane/7/50').status, 2, 'two lanes');
    await withRaw(location, (db) => db.put(QC, Buffer.from('no record'), { sync: true }));
    const [damaged, sound] = find(location, 'qc/35', 1).versions;
    assert.match(String(damaged?.fault), /not a record/);
    assert.is(sound?.fault, null);
    const table = readdirSync(join(location, 'level')).find((name) => name.endsWith('.ldb')) ?? '';
    truncateSync(join(location, 'level', table), 20);
    const { notes } = find(location, 'meta/schema', 1);
    assert.ok(
      notes.some((text) => text.startsWith(`level/${table}: `)),
      notes.join(),
    );
  }),
);

test(
  'a reference shows the place that the view reads',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    {
      const values = { batchBytesMin: 1, valueBytesMin: 1000, waitBytesMin: 1 };
      await using store = await openLevel(location, { model: plain, minFreeBytes: 0, values });
      await store.persist({ blocks: [plainBlock('0a', 0, Buffer.alloc(5000, 1))] });
    }
    await using view = await openView(location, { model: plain });
    let place: ViewPlace | undefined;
    for await (const found of view.places(prefixRange(blockKey('0a', 0n)))) place = found;
    assert.ok(place !== undefined);
    assert.is.not(place.stored, 'inline');
    const [version] = find(location, 'lane/0a/0', 0).versions;
    assert.equal([version?.stored, version?.bytes], [place.stored, place.bytes]);
  }),
);

test.run();
