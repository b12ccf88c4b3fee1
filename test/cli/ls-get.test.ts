/** `lanestore ls` and `lanestore get` as real processes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { jsonLines, type Result, run, runLines, shapeOf } from '../support/cli.js';
import { rawBatch, rawGet } from '../support/faults.js';
import { loadExpected } from '../support/fixtures.js';
import { KEY, LANE, stored } from './ls-get-support.js';

const test = suite('cli: ls, get');

test(
  'ls lists every key, or the keys under a prefix, typed short or in full',
  stored(async (location) => {
    const prefixes = [`lane/${LANE}/`, 'lane/2bd4/', 'lane/2bd4…/', 'lane/2bd4'];
    const results = await runLines(location, [
      ['ls', location],
      ['ls', location, 'qc/31', '--json'],
      ['ls', location, 'lane/ffff/'],
      ['ls', location, 'lane/7/'],
      ...prefixes.map((prefix) => ['ls', location, prefix]),
    ]);
    const [all, qc, absent, ambiguous, ...lanes] = results as [Result, Result, Result, Result, ...Result[]];
    assert.is(all.status, 0, all.stderr);
    assert.is(all.stdout.trim().split('\n').length, 69);
    assert.match(all.stdout, new RegExp(`^${KEY} +628 {2}block header 982976c6fcbd39ef…$`, 'm'));
    for (const [place, { stdout }] of lanes.entries()) {
      assert.is(stdout.trim().split('\n').length, 15, prefixes[place]);
    }
    const entries = jsonLines(qc.stdout);
    assert.is(entries.length, 1);
    assert.equal(shapeOf(entries[0]!), ['bytes', 'crc', 'hashes', 'key', 'kind', 'number', 'stored']);
    assert.is((entries[0]!.hashes as { vote: string }).vote, loadExpected('wal').commitQCs[0]!.voteHash);
    assert.is(absent.status, 5);
    assert.match(ambiguous.stderr, /2 lanes begin with 7/);
  }),
);

test(
  'damage is listed, printed as far as it decodes, and ends with 1',
  stored(async (location) => {
    const value = await rawGet(location, 'qc/00000000000000000032');
    value[100]! ^= 1;
    await rawBatch(location, [
      { type: 'put', key: 'qc/00000000000000000032', value },
      { type: 'put', key: 'qc/7', value: new Uint8Array([1]) },
    ]);
    const listed = run('ls', location, 'qc/');
    assert.is(listed.status, 1);
    assert.match(listed.stdout, /0032 .*record-crc/);
    assert.match(listed.stdout, /^qc\/7 .*stray/m);
    const got = run('get', location, 'qc/32', '--json');
    assert.is(got.status, 1);
    assert.is(JSON.parse(got.stdout).finding.kind, 'record-crc');
    assert.match(got.stderr, /record-crc/);
  }),
);

test.run();
