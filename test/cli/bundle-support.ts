/** Stores and tars for the tests of `bundle`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLevel } from '../../src/index.js';
import { jsonLines } from '../support/cli.js';
import { plain, plainAnchor, plainBlock, plainBlocks, plainQC } from '../support/plain-model.js';

/** Bytes that no bundle may contain. */
export const SECRET = 'a-payload-that-stays-secret';

/** A store with large blocks in value files, a table with all rounds, and an empty log. */
export async function makeStore(location: string): Promise<void> {
  const values = { batchBytesMin: 1, valueBytesMin: 10_000, waitBytesMin: 1 };
  {
    await using store = await openLevel(location, { model: plain, minFreeBytes: 0, values });
    await store.persist({
      inner: Buffer.from(SECRET),
      commitQCs: [plainQC(0), plainQC(1)],
      blocks: [...plainBlocks('0a', 0, 300), ...plainBlocks('0b', 0, 300), plainBlock('0c', 0, SECRET.repeat(1000))],
    });
    await store.persist({ anchor: plainAnchor(1, { '0a': 10, '0b': 1 }) });
  }
  await (await openLevel(location, { model: plain, minFreeBytes: 0, values })).close();
}

/** Unpacks a tar; returns the directory of the bundle. */
export function unpacked(tar: string, into: string): string {
  mkdirSync(into);
  execFileSync('tar', ['-xf', tar, '-C', into]);
  return join(into, 'lanestore-bundle');
}

/** The value of a JSON file. */
export function json(path: string) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** The entries that a bundle lists. */
export function entriesIn(bundle: string): Record<string, unknown>[] {
  const names = readdirSync(join(bundle, 'entries')).sort();
  return names.flatMap((name) => jsonLines(readFileSync(join(bundle, 'entries', name), 'utf8')));
}
