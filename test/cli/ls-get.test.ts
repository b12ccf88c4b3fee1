/** `lanestore ls` and `lanestore get` as real processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { decode } from 'cbor-x';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, headerHash, openView } from '../../src/index.js';
import { jsonLines, MAIN, run, runBytes, shapeOf } from '../support/cli.js';
import { rawBatch, rawGet } from '../support/faults.js';
import { fixture, loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: ls, get');
const LANE = '2bd4e778e505998cbe6a052353e359648370d4cdbf51f3c8c986e4ce9fbeb8fe';
const KEY = `lane/${LANE}/00000000000000000038`;

function stored(check: (location: string) => Promise<void>): () => Promise<void> {
  return inTemp(async (dir) => {
    const location = join(dir, 'store');
    const { status, stderr } = run('import', fixture('wal', 'state'), location);
    assert.is(status, 0, stderr);
    await check(location);
  });
}

test(
  'ls lists every key, or the keys under a prefix, typed short or in full',
  stored(async (location) => {
    const all = run('ls', location);
    assert.is(all.status, 0, all.stderr);
    assert.is(all.stdout.trim().split('\n').length, 69);
    assert.match(all.stdout, new RegExp(`^${KEY} +628 {2}block header 982976c6fcbd39ef…$`, 'm'));
    for (const prefix of [`lane/${LANE}/`, 'lane/2bd4/', 'lane/2bd4…/', 'lane/2bd4']) {
      assert.is(run('ls', location, prefix).stdout.trim().split('\n').length, 15, prefix);
    }
    const entries = jsonLines(run('ls', location, 'qc/31', '--json').stdout);
    assert.is(entries.length, 1);
    assert.equal(shapeOf(entries[0]!), ['bytes', 'crc', 'hashes', 'key', 'kind', 'number', 'stored']);
    assert.is((entries[0]!.hashes as { vote: string }).vote, loadExpected('wal').commitQCs[0]!.voteHash);
    assert.is(run('ls', location, 'lane/ffff/').status, 5);
    assert.match(run('ls', location, 'lane/7/').stderr, /2 lanes begin with 7/);
  }),
);

test(
  'get prints an entry decoded, with its hashes, or its bytes in every form',
  stored(async (location) => {
    const block = loadExpected('wal').lanes[LANE]![0]!;
    for (const key of [KEY, 'lane/2bd4/38', 'lane/2bd4…/38', 'lane/2bd4.../38']) {
      const { status, stdout, stderr } = run('get', location, key, '--json');
      assert.is(status, 0, stderr);
      const entry = JSON.parse(stdout);
      assert.equal([entry.key, entry.kind, entry.number], [KEY, 'block', '38']);
      assert.is(entry.hashes.header, block.headerHash);
      assert.is(entry.hashes.message, block.messageHash);
    }
    const people = run('get', location, 'lane/2bd4/38').stdout;
    assert.match(people, new RegExp(`^ {2}header ${block.headerHash}$`, 'm'));
    const value = await rawGet(location, KEY);
    assert.equal(runBytes('get', location, KEY, '--raw').stdout, value);
    const body = runBytes('get', location, KEY, '--cbor').stdout;
    assert.equal(body, value.subarray(2, -5));
    assert.ok('block' in decode(body));
    const wire = runBytes('get', location, KEY, '--proto').stdout;
    assert.is(Buffer.from(headerHash(autobahn.block.fromWire(wire).block.header)).toString('hex'), block.headerHash);
    for (const key of ['anchor', 'meta/tip', 'meta/schema', 'qc/31'])
      assert.is(run('get', location, key).status, 0, key);
    assert.is(run('get', location, KEY, '--raw', '--cbor').status, 2);
    assert.match(run('get', location, 'qc/99').stderr, /there is no qc\/0+99/);
    assert.match(run('get', location, 'lame/1').stderr, /is not a key; keys are/);
    assert.is(run('get', location, 'meta/tip', '--proto').status, 2);
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

test(
  'a reader that closes the pipe early is no error, and leaves no copy',
  stored(async (location) => {
    for (const args of [
      ['ls', location],
      ['get', location, 'anchor'],
      ['manifest', location],
    ]) {
      const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.destroy();
      let stderr = '';
      child.stderr.on('data', (data) => {
        stderr += data;
      });
      const [status] = await once(child, 'exit');
      assert.equal([status, stderr], [0, ''], args[0]);
    }
    const view = await openView(location, { model: autobahn });
    await view.close();
  }),
);

test.run();
