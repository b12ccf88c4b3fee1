/** The long part of `ls-get.test.ts`: every form of `get`, pipes that are closed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { decode } from 'cbor-x';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, headerHash, openView } from '../../src/index.js';
import { MAIN, run, runBytes } from '../support/cli.js';
import { rawGet } from '../support/faults.js';
import { loadExpected } from '../support/fixtures.js';
import { KEY, LANE, stored } from './ls-get-support.js';

const test = suite('cli: get in every form');

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
