/**
 * Views of a store with value files: separated values are read from links and copies while the node
 * keeps writing.
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView } from '../../../../src/adapter/level/index.js';
import { blockKey } from '../../../../src/keys/index.js';
import { plain, plainAnchor, plainBlock } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

const test = suite('separated values: views');
const values = { fileBytes: 32 * 1024, valueBytesMin: 1024, batchBytesMin: 1024, waitBytesMin: 1 };
const big = (number: number) => plainBlock('0a', number, new Uint8Array(5000).fill(number % 251));

async function contentOf(location: string): Promise<[bigint, number | undefined][]> {
  await using view = await openView(location, { model: plain });
  assert.equal(view.findings, []);
  const found: [bigint, number | undefined][] = [];
  for await (const item of view.blocks('0a'))
    found.push([item.number, 'entry' in item ? item.entry.data[0] : undefined]);
  return found;
}

test(
  'a view reads separated values, and keeps them while the node reuses its files',
  inTemp(async (dir) => {
    await using store = await openLevel(dir, { model: plain, values });
    for (let n = 0; n < 20; n++) await store.persist({ blocks: [big(n)] });
    await using view = await openView(dir, { model: plain });
    const held = readdirSync(join(dir, 'values')).filter((name) => statSync(join(dir, 'values', name)).nlink > 1);
    assert.ok(held.length >= 2, 'full files are linked');
    for (let n = 20; n < 80; n++) {
      await store.persist({ blocks: [big(n)] });
      await store.persist({ anchor: plainAnchor(n, { '0a': n - 5 }) });
    }
    for (let n = 0; n < 20; n++) {
      const entry = await view.get(blockKey('0a', BigInt(n)));
      assert.is(entry?.finding, undefined);
      assert.ok(entry !== undefined && entry.stored !== 'inline' && entry.stored.length === entry.value.length);
      assert.equal((await view.block('0a', BigInt(n)))?.data, big(n).data, `block ${n}`);
    }
    assert.equal(
      await contentOf(dir),
      Array.from({ length: 6 }, (_, i) => [BigInt(74 + i), (74 + i) % 251]),
    );
  }),
);

test(
  'a value file that is missing is a finding, after one more copy',
  inTemp(async (dir) => {
    {
      await using store = await openLevel(dir, { model: plain, values });
      for (let n = 0; n < 12; n++) await store.persist({ blocks: [big(n)] });
    }
    const view = await openView(dir, { model: plain });
    const first = await view.get(blockKey('0a', 0n));
    await view.close();
    assert.ok(first !== undefined && first.stored !== 'inline');
    rmSync(join(dir, first.stored.file));
    await using damaged = await openView(dir, { model: plain });
    assert.is(damaged.refusal?.code, 'LANESTORE_CORRUPT');
    const [finding] = damaged.findings;
    assert.is(finding?.kind, 'value-missing');
    assert.equal([finding?.lane, finding?.number, finding?.file, finding?.offset], ['0a', 0n, first.stored.file, 0]);
    assert.is(damaged.tries, 2);
  }),
);

test.run();
