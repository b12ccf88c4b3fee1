/** Stores for the tests of `compact`. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { openLevel, openView } from '../../src/index.js';
import { plain, plainAnchor, plainBlock, plainQC } from '../support/plain-model.js';

/** Number and size of the blocks of the store. */
export const [BLOCKS, BLOCK_BYTES] = [400, 40_000];

/**
 * A store of 16 MB with many tables, half of whose blocks were pruned. Returns the options of its
 * model too.
 */
export async function makeStore(dir: string): Promise<{ readonly location: string; readonly model: string[] }> {
  const location = join(dir, 'store');
  {
    const level = { writeBufferBytes: 1024 * 1024 };
    await using store = await openLevel(location, { model: plain, minFreeBytes: 0, values: false, level });
    for (let number = 0; number < BLOCKS; number++) {
      // Bytes that no compression would shorten.
      const data = Buffer.alloc(BLOCK_BYTES, createHash('sha256').update(String(number)).digest());
      await store.persist({ blocks: [plainBlock('0a', number, data)], commitQCs: [plainQC(number)] });
    }
    await store.persist({ anchor: plainAnchor(BLOCKS / 2, { '0a': BLOCKS / 2 }) });
  }
  const file = join(dir, 'model.mjs');
  const source = new URL('../support/plain-model.js', import.meta.url);
  writeFileSync(file, `export { plain as model } from ${JSON.stringify(source)};\n`);
  return { location, model: ['--model', file] };
}

/** A digest of all keys and values, stale ones too. */
export async function contentOf(location: string): Promise<string> {
  const hash = createHash('sha256');
  await using view = await openView(location, { model: plain });
  assert.equal([view.findingsTotal, view.witness.verdict], [0, 'equal']);
  for await (const { key, value } of view.entries()) hash.update(key).update(value);
  return hash.digest('hex');
}
