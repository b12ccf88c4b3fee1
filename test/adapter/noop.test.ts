/**
 * The backend that stores nothing: it accepts and refuses like the others, moves its cursors, and
 * keeps no entry.
 */

import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { openNoop } from '../../src/adapter/noop.js';
import type { Persistence } from '../../src/adapter/persistence.js';
import { LanestoreError } from '../../src/errors.js';
import { refused } from '../support/faults.js';
import { Ledger } from '../support/held-level.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
  plainBlocks,
  plainQC,
} from '../support/plain-model.js';

const test = suite('noop');

type Store = Persistence<PlainBlock, PlainQC, PlainAnchor>;

function open(): Promise<Store> {
  return openNoop({ model: plain });
}

/** Calls with every kind of answer; later calls build on earlier ones. */
const CALLS: readonly ((store: Store) => Promise<unknown>)[] = [
  (store) => store.persist({ blocks: plainBlocks('0a', 3, 6), commitQCs: [plainQC(0)] }),
  (store) => store.persist({ blocks: plainBlocks('0a', 3, 6) }),
  (store) => store.persist({ blocks: [plainBlock('0a', 7)] }),
  (store) => store.persist({ commitQCs: [plainQC(2)] }),
  (store) => store.persist({ commitQCs: [plainQC(0), plainQC(1)], inner: new Uint8Array(3) }),
  (store) => store.anchor.persist(plainAnchor(10, { '0a': 20, '0b': 4 })),
  (store) => store.anchor.persist(plainAnchor(9, { '0a': 40 })),
  (store) => store.persist({ anchor: { index: 11n, qc: plainQC(12) } }),
  (store) => store.persist({ blocks: [plainBlock('0a', 6)] }),
  (store) => store.persist({ blocks: [plainBlock('0a', 20), plainBlock('0b', 4)] }),
  (store) => store.persist({ blocks: [plainBlock('0c', 2n ** 64n - 1n)] }),
  (store) => store.blocks.maybePruneAndPersistLane('0a', plainQC(11, { '0a': 21 }), plainBlocks('0a', 21, 23)),
  (store) => store.blocks.maybePruneAndPersistLane('0a', undefined, [plainBlock('0b', 5)]),
  (store) => store.commitQCs.maybePruneAndPersist(plainQC(12), [plainQC(13)]),
  (store) => store.commitQCs.maybePruneAndPersist(undefined, [plainQC(15)]),
  (store) => store.dropLanes(['0a', '0d']),
  (store) => store.persist({ blocks: [plainBlock('0a', 2)] }),
  (store) => store.persist({ blocks: [plainBlock('0a', 20)] }),
  (store) => store.persist(5 as never),
  (store) => store.persist({ inner: 'text' as never }),
  (store) => store.dropLanes(['XY']),
  (store) => store.ready(),
  (store) => store.close(),
  (store) => store.persist({}),
  (store) => store.dropLanes([]),
  (store) => store.ready(),
  (store) => store.close(),
];

async function answer(call: Promise<unknown>): Promise<string> {
  try {
    return `resolved ${await call}`;
  } catch (error) {
    return error instanceof LanestoreError ? `${error.code}: ${error.message}` : `${(error as Error).name}`;
  }
}

test('every answer equals that of the LevelDB backend: messages, codes and cursors', async () => {
  const noop = await open();
  const level = await openLevel({ db: new MemoryLevel<string, Uint8Array>(), model: plain });
  const kinds = new Set<string>();
  for (const [i, call] of CALLS.entries()) {
    const expected = await answer(call(level));
    assert.is(await answer(call(noop)), expected, `call ${i}`);
    assert.equal(noop.cursors, level.cursors, `after call ${i}`);
    assert.is(noop.commitQCs.next, level.commitQCs.next);
    kinds.add(expected.split(':')[0]!);
  }
  assert.is(kinds.size, 6, 'resolved, out of sequence, wrong lane, invalid, closed, a TypeError');
});

test('cursors move only when a round settles, and rounds are planned ahead of them', async () => {
  const store = await open();
  const before = store.cursors;
  const rounds = [0, 1, 2].map((number) =>
    store.persist({ blocks: [plainBlock('0a', number)], commitQCs: [plainQC(number)] }),
  );
  assert.equal(store.cursors, before);
  await Promise.all(rounds);
  assert.equal(store.cursors, {
    lanes: new Map([['0a', { first: 0n, next: 3n }]]),
    commitQCs: { first: 0n, next: 3n },
  });
  assert.equal(
    before,
    { lanes: new Map(), commitQCs: { first: 0n, next: 0n } },
    'the object does not change afterwards',
  );
});

test('calls settle in order, including empty ones and drops, and close() settles last', async () => {
  const store = await open();
  const ledger = new Ledger();
  ledger.watch('1', store.persist({ blocks: [plainBlock('0a', 0)] }));
  ledger.watch('2', store.persist({}));
  ledger.watch('3', store.dropLanes(['0a']));
  ledger.watch(
    '4',
    store.persist({ blocks: [plainBlock('0a', 0)] }, { block: () => assert.unreachable() }).catch(() => 0),
  );
  ledger.watch('5', store.persist({ blocks: [plainBlock('0a', 1)] }));
  ledger.watch('close', store.close());
  const settled = (await ledger.all()).filter((name) => name !== '4');
  assert.equal(settled, ['1', '2', '3', '5', 'close']);
});

test('a future anchor, then appends: the cursors move without a disk (upstream 381e3c3d7)', async () => {
  const store = await open();
  const fired: bigint[] = [];
  await store.commitQCs.maybePruneAndPersist(plainQC(50), [], ({ index }) => void fired.push(index));
  await store.commitQCs.maybePruneAndPersist(
    undefined,
    [plainQC(51), plainQC(51), plainQC(52)],
    ({ index }) => void fired.push(index),
  );
  assert.is(store.commitQCs.next, 53n);
  assert.equal(fired, [51n, 51n, 52n]);
  await refused(store.commitQCs.maybePruneAndPersist(undefined, [plainQC(54)]), 'LANESTORE_OUT_OF_SEQUENCE');
});

test('nothing is recovered at open, and takeRecovered() returns nothing on every call', async () => {
  const store = await open();
  await store.persist({ blocks: [plainBlock('0a', 0)], inner: new Uint8Array(1) });
  for (let i = 0; i < 2; i++) assert.equal(store.takeRecovered(), { commitQCs: [], blocks: new Map() });
  await store[Symbol.asyncDispose]();
  await refused(store.persist({}), 'LANESTORE_CLOSED');
});

test('ready() resolves at once, or rejects with the reason of an aborted signal', async () => {
  const store = await open();
  await store.ready();
  const reason = new Error('enough');
  let thrown: unknown;
  await store.ready(AbortSignal.abort(reason)).catch((error: unknown) => {
    thrown = error;
  });
  assert.is(thrown, reason);
});

test.run();
