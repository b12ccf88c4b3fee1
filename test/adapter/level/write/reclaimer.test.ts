/**
 * Pruning alone frees space: stores on disks that are full of pruned entries, and the rules of
 * compaction.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FreeSpace } from '../../../../src/adapter/level/disk-watermark.js';
import { inTemp } from '../../../support/temp.js';
import { bytesBelow, fillTwice, held, MIB } from './reclaimer-support.js';

const store = suite('a store under the watermark, pruned');
const rules = suite('the reclaimer');

/** A disk that contains only the store. */
function diskOf(location: string, bytes: number): FreeSpace {
  const readNow = () => bytes - bytesBelow(location);
  return { readNow, read: async () => readNow() };
}

store(
  'has room again: what was pruned is compacted away',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    mkdirSync(location);
    await fillTwice({ location, freeSpace: diskOf(location, 48 * MIB), values: { batchBytesMin: 2 ** 40 } });
  }),
);

store(
  'has room again: value files that nobody refers to are removed',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    mkdirSync(location);
    const values = { fileBytes: MIB, waitBytesMin: 1 };
    await fillTwice({ location, freeSpace: diskOf(location, 64 * MIB), values });
  }),
);

rules(
  'does nothing while there is room, then one compaction at a time, over the stale keys of neighbours',
  inTemp(async (dir) => {
    writeFileSync(join(dir, '000005.ldb'), new Uint8Array(300));
    writeFileSync(join(dir, '000006.log'), new Uint8Array(50));
    const lanes = Array.from({ length: 10 }, (_, i) => `${i}a`);
    const { reclaimer, compactions, space, soon, begun, sheds } = held(dir, lanes);
    space.hasRoom = true;
    reclaimer.kick();
    await soon();
    assert.equal([compactions.length, sheds()], [0, 0]);
    space.hasRoom = false;
    for (let i = 0; i < 5; i++) {
      reclaimer.kick();
      await begun(i + 1);
      reclaimer.kick();
      await soon();
      assert.is(compactions.length, i + 1, 'one at a time');
      compactions[i]!.end();
    }
    await soon();
    const [zero, five] = ['0'.repeat(20), '5'.padStart(20, '0')];
    const expected = [0, 2, 4, 6, 8].map((i) => [`lane/${i}a/${zero}`, `lane/${i + 1}a/${five}`]);
    assert.equal(
      compactions.map(({ from, to }) => [from, to]),
      expected,
    );
    assert.equal([space.allowed, sheds()], [Array(5).fill(300), 1]);
    await reclaimer.stop();
  }),
);

rules(
  'compacts once after a refusal; again only after another refusal, or for a call that waits',
  inTemp(async (dir) => {
    const { reclaimer, compactions, starts, space, soon, begun } = held(dir, ['0a']);
    space.isAwaited = false;
    reclaimer.kick();
    await soon();
    assert.is(compactions.length, 0, 'nothing was refused, and nothing waits');
    reclaimer.refused();
    await begun(1);
    starts.set('0a', 9n);
    compactions[0]!.end();
    await soon();
    for (let kicks = 0; kicks < 100; kicks++) {
      starts.set('0a', 10n + BigInt(kicks));
      reclaimer.kick();
      await soon();
    }
    assert.is(compactions.length, 1, 'longer than it rests: the round was given up');
    reclaimer.refused();
    await begun(2);
    compactions[1]!.end();
    await soon();
    starts.set('0a', 200n);
    space.isAwaited = true;
    reclaimer.kick();
    await begun(3);
    compactions[2]!.end();
    await reclaimer.stop();
  }),
);

store.run();
rules.run();
