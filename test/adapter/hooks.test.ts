/**
 * Durable hooks (rule 7) behave the same in every backend: once per entry, in order, whatever a
 * hook throws.
 */

import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fireEach, fireHooks } from '../../src/adapter/hooks.js';
import { openLevel } from '../../src/adapter/level/index.js';
import { openNoop } from '../../src/adapter/noop.js';
import type { DurableHooks, Persistence } from '../../src/adapter/persistence.js';
import { refused } from '../support/faults.js';
import { Ledger, turns } from '../support/held-level.js';
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

const test = suite('hooks');

type Store = Persistence<PlainBlock, PlainQC, PlainAnchor>;
type Hooks = DurableHooks<PlainBlock, PlainQC, PlainAnchor>;

/** Hooks that record their arguments; the `at`-th call throws `what`. */
function noting(fired: string[], at = -1, what: unknown = undefined): Hooks {
  const note = (line: string) => {
    fired.push(line);
    if (fired.length - 1 === at) throw what;
  };
  return {
    anchor: ({ index }) => note(`anchor ${index}`),
    commitQC: ({ index }) => note(`qc ${index}`),
    block: ({ lane, number }) => note(`${lane}/${number}`),
  };
}

/**
 * The rejection of `promise`. The flag distinguishes a rejection with undefined from a resolved
 * promise.
 */
async function outcome(promise: Promise<unknown>): Promise<readonly [rejected: boolean, thrown: unknown]> {
  try {
    await promise;
    return [false, undefined];
  } catch (thrown) {
    return [true, thrown];
  }
}

const ROUND = {
  anchor: plainAnchor(1, { '0a': 1 }),
  commitQCs: [plainQC(0), plainQC(1), plainQC(2)],
  blocks: [plainBlock('0b', 5), plainBlock('0a', 2), plainBlock('0b', 6)],
};
const FIRED = ['anchor 1', 'qc 0', 'qc 1', 'qc 2', '0b/5', '0a/2', '0b/6'];

/** A store that holds blocks [0, 2) of lane 0a. */
const BACKENDS: Record<string, () => Promise<Store>> = {
  level: () => openLevel({ db: new MemoryLevel<string, Uint8Array>(), model: plain }),
  noop: () => openNoop({ model: plain }),
};

async function filled(open: () => Promise<Store>): Promise<Store> {
  const store = await open();
  await store.persist({ blocks: plainBlocks('0a', 0, 2) });
  return store;
}

for (const [backend, open] of Object.entries(BACKENDS)) {
  test(`${backend}: each entry fires its hook once, with the caller's own object; ignored CommitQCs too`, async () => {
    const store = await filled(open);
    const fired: string[] = [];
    const objects: unknown[] = [];
    const hooks = noting(fired);
    await store.persist(ROUND, {
      anchor: (anchor) => {
        hooks.anchor?.(anchor);
        objects.push(anchor);
      },
      commitQC: (qc) => {
        hooks.commitQC?.(qc);
        objects.push(qc);
      },
      block: (block) => {
        hooks.block?.(block);
        objects.push(block);
      },
    });
    assert.equal(fired, FIRED);
    const given = [ROUND.anchor, ...ROUND.commitQCs, ...ROUND.blocks];
    for (const [i, object] of objects.entries()) assert.is(object, given[i]);
    await store.close();
  });

  test(`${backend}: lane and QC calls fire a hook for each entry, ignored CommitQCs too, no anchor's CommitQC`, async () => {
    const store = await filled(open);
    const fired: string[] = [];
    const hooks = noting(fired);
    await store.blocks.maybePruneAndPersistLane('0a', plainQC(4, { '0a': 1 }), plainBlocks('0a', 2, 4), hooks.block);
    await store.commitQCs.maybePruneAndPersist(plainQC(4), [plainQC(3), plainQC(4), plainQC(5)], hooks.commitQC);
    await store.commitQCs.maybePruneAndPersist(plainQC(4), [plainQC(5)], hooks.commitQC);
    assert.equal(fired, ['0a/2', '0a/3', 'qc 3', 'qc 4', 'qc 5', 'qc 5']);
    await store.close();
  });

  test(`${backend}: a hook that throws: the other hooks fire, the call rejects once, the store stays usable`, async () => {
    for (const at of FIRED.keys()) {
      for (const what of [new Error('in the hook'), 'text', undefined]) {
        const store = await filled(open);
        const fired: string[] = [];
        const [rejected, thrown] = await outcome(store.persist(ROUND, noting(fired, at, what)));
        assert.ok(rejected, `at ${at}`);
        assert.is(thrown, what);
        assert.equal(fired, FIRED);
        assert.equal(
          store.cursors.lanes,
          new Map([
            ['0a', { first: 1n, next: 3n }],
            ['0b', { first: 5n, next: 7n }],
          ]),
        );
        await store.persist({ blocks: [plainBlock('0a', 3)], commitQCs: [plainQC(3)] });
        await store.close();
      }
    }
  });

  test(`${backend}: of two hooks that throw, the first error surfaces`, async () => {
    const store = await filled(open);
    const fail = (index: unknown) => {
      throw index;
    };
    const hooks = {
      block: ({ number }: PlainBlock) => fail(`block ${number}`),
      commitQC: ({ index }: PlainQC) => fail(`qc ${index}`),
    };
    assert.equal(await outcome(store.persist(ROUND, hooks)), [true, 'qc 0']);
    await store.close();
  });

  test(`${backend}: a throwing hook rejects its own round only, not other rounds of the same batch`, async () => {
    const store = await filled(open);
    const ledger = new Ledger();
    const throwing = { block: () => assert.unreachable('in the hook') };
    ledger.watch('1', store.persist({ blocks: [plainBlock('0a', 2)] }));
    ledger.watch(
      '2',
      store.persist(
        { blocks: [plainBlock('0a', 3)] },
        { block: () => Promise.reject('ignored').catch(() => 0) as never },
      ),
    );
    ledger.watch(
      '3',
      store.persist({ blocks: [plainBlock('0a', 4)] }, throwing).catch(() => Promise.reject('thrown')),
    );
    ledger.watch('4', store.persist({ blocks: [plainBlock('0a', 5)] }));
    assert.equal(new Set(await ledger.all()), new Set(['1', '2', '3: thrown', '4']));
    assert.equal(store.cursors.lanes.get('0a'), { first: 0n, next: 6n });
    await store.close();
  });

  test(`${backend}: a refused round fires no hook, and a hook that is not a function is refused before planning`, async () => {
    const store = await filled(open);
    const fired: string[] = [];
    await refused(
      store.persist({ ...ROUND, blocks: plainBlocks('0a', 9, 10) }, noting(fired)),
      'LANESTORE_OUT_OF_SEQUENCE',
    );
    for (const hooks of [{ anchor: 1 }, { block: {} }, { commitQC: 'x' }]) {
      const [rejected, thrown] = await outcome(store.persist(ROUND, hooks as never));
      assert.ok(rejected && thrown instanceof TypeError);
    }
    await turns();
    assert.equal(fired, []);
    await store.persist(ROUND, { anchor: undefined, block: undefined });
    await store.close();
  });

  test(`${backend}: hooks fire after persist() has returned, never inside of it`, async () => {
    const store = await filled(open);
    const fired: string[] = [];
    const done = [
      store.persist({ blocks: [plainBlock('0a', 2)] }, noting(fired)),
      store.persist({ commitQCs: [plainQC(0)] }, noting(fired)),
    ];
    assert.equal(fired, []);
    await Promise.all(done);
    assert.equal(fired, ['0a/2', 'qc 0']);
    await store.close();
  });
}

test('after a throwing hook everything of the round is durable', async () => {
  const db = new MemoryLevel<string, Uint8Array>();
  const store = await filled(() => openLevel({ db, model: plain }));
  await outcome(store.persist({ ...ROUND, inner: new Uint8Array([7]) }, noting([], 0, new Error('in the hook'))));
  await store.close();
  const again = await openLevel({ db, model: plain });
  const { anchor, inner, commitQCs, blocks } = again.takeRecovered();
  assert.equal(anchor, ROUND.anchor);
  assert.equal(inner, new Uint8Array([7]));
  assert.equal(commitQCs, [plainQC(1, { '0a': 1 }), plainQC(2)]);
  assert.equal([...blocks.keys()], ['0a', '0b']);
  await again.close();
});

test('fireEach: no hook is no failure, and an earlier failure stays the first one', () => {
  assert.is(fireEach([1, 2], undefined), undefined);
  assert.equal(fireEach([1], undefined, { thrown: 'earlier' }), { thrown: 'earlier' });
  const fail = (value: number) => {
    throw value;
  };
  assert.equal(fireEach([1, 2], fail), { thrown: 1 });
  assert.equal(fireEach([1, 2], fail, { thrown: 'earlier' }), { thrown: 'earlier' });
  assert.equal(fireHooks({ anchor: undefined, commitQCs: [], blocks: [] }, { anchor: fail as never }), undefined);
});

test.run();
