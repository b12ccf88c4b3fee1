/**
 * Collection of value files: values that pin files are moved, and no value comes back after a
 * truncation, a drop or a new beginning of its lane.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type PlainBlock, plainAnchor } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { WatchedFiles } from '../../wal/watched-files.js';
import { big, diskBytes, onValues, openSmall, type PlainStore, placeOf, run, SMALL_FILES } from './support.js';

const test = suite('separated values: collection');

/**
 * Lane 0a stands still with a block in each file. Lane 0b has been truncated past its blocks, so
 * the blocks of 0a pin all files.
 */
async function pinned(store: PlainStore): Promise<void> {
  for (let n = 0; n < 12; n++) {
    await store.persist({ blocks: [big('0a', n)] });
    await store.persist({ blocks: [big('0b', 5 * n), ...[1, 2, 3, 4].map((i) => big('0b', 5 * n + i))] });
  }
}

test(
  'few values that pin many files are moved together, and can be read at every moment',
  inTemp(async (dir) => {
    const store = await openSmall(dir);
    await pinned(store);
    const before = diskBytes(dir);
    await store.persist({ anchor: plainAnchor(1, { '0b': 60 }) });
    for (let i = 0; i < 200 && store.valueUsage.fileBytes > 8 * SMALL_FILES.fileBytes; i++) {
      assert.equal(await store.block('0a', BigInt(i % 12)), big('0a', i % 12));
      await run(store, '0c', i, i + 1, 2);
    }
    const { liveBytes } = store.valueUsage;
    await store.close();
    const after = diskBytes(dir);
    const bound = 2 * liveBytes + 8 * SMALL_FILES.fileBytes;
    assert.ok(after <= bound && after < before, `${before} bytes before, ${after} after, ${liveBytes} live`);
    const files = new Set<bigint>();
    for (let n = 0; n < 12; n++) files.add((await placeOf(dir, '0a', n)).file);
    assert.ok(files.size < 6, `12 values are in ${files.size} files`);
    await using again = await openSmall(dir);
    assert.equal(
      again.takeRecovered().blocks.get('0a'),
      Array.from({ length: 12 }, (_, n) => big('0a', n)),
    );
  }),
);

const renewed = [big('0a', 3, 6000), big('0a', 4, 6001), big('0a', 5, 100)];

/**
 * Changes of lane 0a after its values are copied and before the batch that moves them is composed.
 */
const RACES: Record<string, { meanwhile: (store: PlainStore) => Promise<void>; left: PlainBlock[] }> = {
  'a truncation': {
    meanwhile: (store) => store.blocks.maybePruneAndPersistLane('0a', plainAnchor(2, { '0a': 9 }).qc, []),
    left: [9, 10, 11].map((n) => big('0a', n)),
  },
  'a truncation of all': {
    meanwhile: (store) => store.blocks.maybePruneAndPersistLane('0a', plainAnchor(2, { '0a': 30 }).qc, []),
    left: [],
  },
  'a drop': { meanwhile: (store) => store.dropLanes(['0a']), left: [] },
  'a drop, then a new lane with the same numbers': {
    meanwhile: async (store) => {
      const dropped = store.dropLanes(['0a']);
      await store.persist({ blocks: renewed });
      await dropped;
    },
    left: renewed,
  },
};

for (const [what, { meanwhile, left }] of Object.entries(RACES)) {
  for (const waiting of [true, false]) {
    test(
      `${what} while values are moved, ${waiting ? 'done' : 'under way'} when the move is decided`,
      inTemp(async (dir) => {
        const files = new WatchedFiles();
        const store = await openSmall(dir, { files });
        await pinned(store);
        // The next file that is written belongs to the collector; its sync is held until the
        // lane has changed.
        let release = () => {};
        const held = new Promise<void>((resolve) => {
          onValues(files, ({ kind }) => {
            if (kind !== 'sync') return undefined;
            files.before = () => {};
            resolve();
            return new Promise<void>((go) => {
              release = go;
            });
          });
        });
        await store.persist({ anchor: plainAnchor(1, { '0b': 60 }) });
        await held;
        const change = meanwhile(store);
        if (waiting) await change;
        release();
        await change;
        await run(store, '0c', 0, 20, 2);
        for (let n = 0; n < 12; n++) {
          assert.equal(
            await store.block('0a', BigInt(n)),
            left.find(({ number }) => number === BigInt(n)),
            `${n}`,
          );
        }
        await store.close();
        // Recovery would find a key that came back.
        await using again = await openSmall(dir);
        assert.equal(again.takeRecovered().blocks.get('0a') ?? [], left);
      }),
    );
  }
}

test.run();
