/** Separated values through the port: written, read, recovered, reused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isReference } from '../../../../src/adapter/level/format/value-ref.js';
import { openLevel } from '../../../../src/adapter/level/index.js';
import { blockKey } from '../../../../src/keys/index.js';
import { rawGet } from '../../../support/faults.js';
import { plain, plainAnchor, plainBlock } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

const test = suite('separated values: store');
const values = { fileBytes: 64 * 1024, valueBytesMin: 1024, batchBytesMin: 2048, waitBytesMin: 1 };
const big = (lane: string, number: number, bytes = 5000) =>
  plainBlock(lane, number, new Uint8Array(bytes).fill(number % 251));

test(
  'rounds of large blocks are written to value files and read back',
  inTemp(async (dir) => {
    {
      await using store = await openLevel(dir, { model: plain, values });
      for (let n = 0; n < 40; n++) {
        await store.persist({ blocks: [big('0a', n), big('0b', n)] });
        if (n >= 10) await store.persist({ anchor: plainAnchor(n - 10, { '0a': n - 9, '0b': n - 9 }) });
      }
      assert.equal((await store.block('0a', 39n))?.data, big('0a', 39).data);
      const read: bigint[] = [];
      for await (const block of store.readBlocks('0b')) read.push(block.number);
      assert.equal(read, [30, 31, 32, 33, 34, 35, 36, 37, 38, 39].map(BigInt));
    }
    assert.ok(isReference(await rawGet(dir, blockKey('0a', 39n))));
    for (const load of [true, false]) {
      await using store = await openLevel(dir, { model: plain, values, load });
      const { blocks } = store.takeRecovered();
      if (load)
        assert.equal(
          blocks.get('0a')?.map(({ data }) => data[0]),
          [30, 31, 32, 33, 34, 35, 36, 37, 38, 39],
        );
      assert.equal((await store.block('0b', 31n))?.data, big('0b', 31).data);
    }
  }),
);

test.run();
