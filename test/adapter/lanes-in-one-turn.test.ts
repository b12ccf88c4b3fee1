/** A node that drives each lane on its own passes one CommitQC with every lane. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { LanestoreError } from '../../src/errors.js';
import { refused } from '../support/faults.js';
import { LANES, type PlainQC, plain, plainBlocks, plainQC } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('lanes on their own, in one turn of the event loop');

/** A model that counts how often it checks a CommitQC; it refuses an index above 2^32. */
function counting() {
  const checked: bigint[] = [];
  const model = {
    ...plain,
    commitQC: {
      ...plain.commitQC,
      check(qc: PlainQC) {
        checked.push(qc.index);
        if (qc.index > 2n ** 32n) throw new LanestoreError('LANESTORE_INVALID', 'index is too high');
        plain.commitQC.check(qc);
      },
    },
  };
  return { model, checked };
}

test(
  'one CommitQC is checked once for all lanes, again in the next turn, and another one on its own',
  inTemp(async (dir) => {
    const { model, checked } = counting();
    await using store = await openLevel(dir, { model });
    await store.persist({ blocks: LANES.flatMap((lane) => plainBlocks(lane, 0, 4)) });
    const starts = (start: number) => Object.fromEntries(LANES.map((lane) => [lane, start]));
    const [one, two] = [plainQC(1, starts(1)), plainQC(2, starts(2))];
    const all = (qc: PlainQC) => Promise.all(LANES.map((lane) => store.blocks.maybePruneAndPersistLane(lane, qc, [])));
    await all(one);
    assert.equal(checked, [1n]);
    await nextTurn();
    await all(one);
    assert.equal(checked, [1n, 1n]);
    await nextTurn();
    await Promise.all([all(one), all(two)]);
    assert.equal(checked, [1n, 1n, 1n, 2n]);
    for (const lane of LANES) assert.equal(store.cursors.lanes.get(lane), { first: 2n, next: 4n });
  }),
);

test(
  'a CommitQC that is refused is refused for every lane, and nothing is truncated',
  inTemp(async (dir) => {
    const { model } = counting();
    await using store = await openLevel(dir, { model });
    await store.persist({ blocks: LANES.flatMap((lane) => plainBlocks(lane, 0, 4)) });
    const bad = plainQC(2n ** 33n, { '0a': 2, '0b': 2 });
    for (const lane of ['0a', '0b']) {
      await refused(store.blocks.maybePruneAndPersistLane(lane, bad, []), 'LANESTORE_INVALID', /too high/);
    }
    for (const lane of LANES) assert.equal(store.cursors.lanes.get(lane), { first: 0n, next: 4n });
  }),
);

test.run();
