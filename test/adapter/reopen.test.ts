/** States that occur often and are easily misread at the next open. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { ENTRY_NUMBER_MAX, U64_MAX } from '../../src/keys/index.js';
import { refused } from '../support/faults.js';
import { type HeldLevel, onHeld } from '../support/held-level.js';
import type { PlainStore } from '../support/history-run.js';
import { plain, plainAnchor, plainBlock, plainBlocks, plainQC } from '../support/plain-model.js';

const test = suite('reopen');

/**
 * Runs `write`, closes, opens, runs `look`, closes, and opens once more, because `look` may write.
 */
async function across(
  db: HeldLevel,
  write: (store: PlainStore) => Promise<unknown>,
  look: (store: PlainStore) => unknown,
): Promise<void> {
  for (const use of [write, look, () => undefined]) {
    const store: PlainStore = await openLevel({ db, model: plain });
    await use(store);
    await store.close();
  }
}

test(
  'an emptied lane still expects its next number, with an anchor and without one',
  onHeld((db) =>
    across(
      db,
      async (store) => {
        await store.persist({ blocks: [...plainBlocks('0a', 3, 6), ...plainBlocks('0b', 0, 2)] });
        await store.blocks.maybePruneAndPersistLane('0a', plainQC(0, { '0a': 6 }), []);
        await store.blocks.maybePruneAndPersistLane('0b', plainQC(0, { '0b': 50 }), []);
      },
      async (store) => {
        assert.equal([...store.takeRecovered().blocks.keys()], []);
        assert.equal(
          store.cursors.lanes,
          new Map([
            ['0a', { first: 6n, next: 6n }],
            ['0b', { first: 50n, next: 50n }],
          ]),
        );
        await refused(
          store.persist({ blocks: [plainBlock('0a', 0)] }),
          'LANESTORE_OUT_OF_SEQUENCE',
          /expects block 6$/,
        );
        await refused(
          store.persist({ blocks: [plainBlock('0b', 2)] }),
          'LANESTORE_OUT_OF_SEQUENCE',
          /expects block 50$/,
        );
        await store.persist({ blocks: [plainBlock('0a', 6), plainBlock('0b', 50)] });
      },
    ),
  ),
);

test(
  'the stored anchor defines where a lane without blocks begins, and an older anchor has no effect',
  onHeld((db) =>
    across(
      db,
      (store) => store.persist({ anchor: plainAnchor(7, { '0a': 30 }), blocks: plainBlocks('0b', 2, 4) }),
      async (store) => {
        assert.equal(store.takeRecovered().anchor, plainAnchor(7, { '0a': 30 }));
        await store.anchor.persist(plainAnchor(6, { '0b': 9 }));
        assert.equal(store.cursors.lanes.get('0b'), { first: 2n, next: 4n });
        await refused(
          store.persist({ blocks: [plainBlock('0a', 29)] }),
          'LANESTORE_OUT_OF_SEQUENCE',
          /expects block 30$/,
        );
        await store.persist({ blocks: [plainBlock('0a', 30)] });
      },
    ),
  ),
);

test(
  'a QC log that the QC side of the port truncated beyond the stored anchor opens with its entries',
  onHeld((db) =>
    across(
      db,
      async (store) => {
        await store.anchor.persist(plainAnchor(3));
        await store.commitQCs.maybePruneAndPersist(plainQC(8), [plainQC(9)]);
      },
      async (store) => {
        const { anchor, commitQCs } = store.takeRecovered();
        assert.is(anchor?.index, 3n);
        assert.equal(
          commitQCs.map(({ index }) => index),
          [8n, 9n],
        );
        await store.anchor.persist(plainAnchor(5));
        assert.equal(store.cursors.commitQCs, { first: 8n, next: 10n });
        await store.anchor.persist(plainAnchor(9));
        assert.equal(store.cursors.commitQCs, { first: 9n, next: 10n });
      },
    ),
  ),
);

test(
  'a lane that the lane side of the port truncated beyond the stored anchor opens with its entries',
  onHeld((db) =>
    across(
      db,
      async (store) => {
        await store.persist({ anchor: plainAnchor(3, { '0a': 1 }), blocks: plainBlocks('0a', 1, 6) });
        await store.blocks.maybePruneAndPersistLane('0a', plainQC(9, { '0a': 4 }), [plainBlock('0a', 6)]);
      },
      (store) => assert.equal(store.takeRecovered().blocks.get('0a'), plainBlocks('0a', 4, 7)),
    ),
  ),
);

test(
  'a full lane and a full QC log open, keep their last entry, and accept no more',
  onHeld((db) =>
    across(
      db,
      (store) =>
        store.persist({
          anchor: plainAnchor(ENTRY_NUMBER_MAX, { '0a': ENTRY_NUMBER_MAX }),
          blocks: [plainBlock('0a', ENTRY_NUMBER_MAX)],
        }),
      async (store) => {
        assert.equal(store.takeRecovered().blocks.get('0a'), [plainBlock('0a', ENTRY_NUMBER_MAX)]);
        assert.is(store.commitQCs.next, U64_MAX);
        await refused(
          store.persist({ blocks: [plainBlock('0a', ENTRY_NUMBER_MAX)] }),
          'LANESTORE_OUT_OF_SEQUENCE',
          /is full/,
        );
        await refused(store.persist({ commitQCs: [plainQC(U64_MAX)] }), 'LANESTORE_INVALID');
        await store.anchor.persist(plainAnchor(ENTRY_NUMBER_MAX, { '0a': U64_MAX }));
        assert.equal(store.cursors.lanes.get('0a'), { first: U64_MAX, next: U64_MAX });
      },
    ),
  ),
);

test(
  'load: false gives the same plans, and recovers no entry',
  onHeld(async (db) => {
    const first = await openLevel({ db, model: plain });
    await first.persist({
      anchor: plainAnchor(2, { '0a': 4 }),
      blocks: plainBlocks('0a', 4, 9),
      inner: new Uint8Array([1]),
    });
    await first.close();
    const store = await openLevel({ db, model: plain, load: false });
    assert.equal(store.takeRecovered(), { commitQCs: [], blocks: new Map() });
    await refused(store.persist({ blocks: [plainBlock('0a', 8)] }), 'LANESTORE_OUT_OF_SEQUENCE', /expects block 9$/);
    await refused(
      store.persist({ blocks: [plainBlock('0b', 8)], commitQCs: [plainQC(4)] }),
      'LANESTORE_OUT_OF_SEQUENCE',
    );
    await store.persist({
      blocks: [plainBlock('0a', 9)],
      commitQCs: [plainQC(3)],
      anchor: plainAnchor(1, { '0a': 9 }),
    });
    assert.equal(store.cursors.lanes.get('0a'), { first: 4n, next: 10n });
    await store.close();
  }),
);

test.run();
