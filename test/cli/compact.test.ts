/** `compact`: frees space and keeps the content. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compactStore } from '../../src/adapter/level/index.js';
import { openLevel } from '../../src/index.js';
import { run } from '../support/cli.js';
import { tree } from '../support/faults.js';
import { plain, plainBlock } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { BLOCK_BYTES, contentOf, makeStore } from './compact-support.js';

const test = suite('cli: compact');

test(
  'the content stays, the size shrinks, and a dry run changes nothing',
  inTemp(async (dir) => {
    const { location, model } = await makeStore(dir);
    await (await openLevel(location, { model: plain, values: false })).close();
    const [content, before] = [await contentOf(location), tree(dir)];
    const dry = run('compact', location, '--dry-run', '--json', ...model);
    assert.is(dry.status, 0, dry.stderr);
    const asked = run('compact', location, ...model);
    assert.equal([asked.status, asked.stdout.startsWith(`will compact ${location}, as of batch `)], [2, true]);
    assert.match(asked.stderr, /give --yes if you are sure/);
    assert.equal(tree(dir), before, 'nothing is changed, and nothing is left');
    const { status, stdout, stderr } = run('compact', location, '--yes', '--json', ...model);
    assert.is(status, 0, stderr);
    const report = JSON.parse(stdout);
    assert.equal([report.before, report.seq], [JSON.parse(dry.stdout).before, JSON.parse(dry.stdout).seq]);
    assert.ok(report.after.bytes < report.before.bytes, stdout);
    assert.is(await contentOf(location), content);
    await using store = await openLevel(location, { model: plain, values: false });
    assert.is(String(store.seq), report.seq);
  }),
);

test(
  'compressed tables stay compressed',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const level = { writeBufferBytes: 64 * 1024, compression: true };
    {
      await using store = await openLevel(location, { model: plain, minFreeBytes: 0, values: false, level });
      for (let number = 0; number < 100; number++)
        await store.persist({ blocks: [plainBlock('0a', number, Buffer.alloc(BLOCK_BYTES, 'abc'))] });
    }
    const { before, after } = await compactStore(location, { model: plain });
    assert.ok(after !== undefined && after.bytes <= before.bytes, `${before.bytes}, then ${after?.bytes}`);
  }),
);

test.run();
