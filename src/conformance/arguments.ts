/** Programming mistakes are TypeErrors, and harm nothing; lane ids that are none are LANESTORE_INVALID. */
import { Cases } from './case.js';
import { mistaken, refused } from './expect.js';
import type { Store } from './stage.js';

/** Cases of arguments of the wrong type. */
export const argumentCases = new Cases('arguments');
const cases = argumentCases;

type Call = (...args: unknown[]) => Promise<unknown>;

/** The store, as code without types sees it. */
interface Untyped {
  readonly persist: Call;
  readonly dropLanes: Call;
  readonly blocks: { readonly maybePruneAndPersistLane: Call };
  readonly commitQCs: { readonly maybePruneAndPersist: Call };
  readonly anchor: { readonly persist: Call };
}

function untyped(store: Store): Untyped {
  return store as unknown as Untyped;
}

cases.add('wrong types are TypeErrors, and nothing is stored', async (stage) => {
  await stage.store.persist({ commitQCs: [stage.qc(0)], blocks: stage.blocks(0, 0, 2) });
  const store = untyped(stage.store);
  const block = stage.block(0, 2);
  const mistakes: (() => Promise<unknown>)[] = [
    () => store.persist(),
    () => store.persist(null),
    () => store.persist('round'),
    () => store.persist({ inner: 'text', blocks: [block] }),
    () => store.persist({ inner: [1, 2], blocks: [block] }),
    () => store.persist({ inner: new ArrayBuffer(2), blocks: [block] }),
    () => store.persist({ blocks: 5 }),
    () => store.persist({ commitQCs: 5, blocks: [block] }),
    () => store.persist({ blocks: [block] }, { block: 'not a function' }),
    () => store.persist({ blocks: [block] }, { commitQC: {} }),
    () => store.persist({ blocks: [block] }, { anchor: 1 }),
    () => store.blocks.maybePruneAndPersistLane(5, undefined, [block]),
    () => store.blocks.maybePruneAndPersistLane(undefined, undefined, []),
    () => store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, 5),
    () => store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, [block], 'not a function'),
    () => store.commitQCs.maybePruneAndPersist(undefined, 5),
    () => store.commitQCs.maybePruneAndPersist(undefined, [stage.qc(1)], 'not a function'),
    () => store.dropLanes(5),
    () => store.dropLanes([stage.lane(0), 5]),
  ];
  for (const mistake of mistakes) await mistaken(mistake);
  stage.expectCursors({ lanes: { 0: [0, 2] }, qc: [0, 1] });
  await stage.store.persist({ commitQCs: [stage.qc(1)], blocks: [block] });
  stage.expectCursors({ lanes: { 0: [0, 3] }, qc: [0, 2] });
  await stage.expectStored({ commitQCs: stage.qcs(0, 2), blocks: { 0: stage.blocks(0, 0, 3) } });
});

cases.add('a refusal is a rejection, never thrown at the call', async (stage) => {
  const store = untyped(stage.store);
  const calls: Promise<unknown>[] = [
    store.persist(null),
    store.persist({ commitQCs: [stage.qc(3)] }),
    store.blocks.maybePruneAndPersistLane('ZZ', undefined, []),
    store.commitQCs.maybePruneAndPersist(undefined, [stage.qc(3)]),
    store.anchor.persist(stage.disagreeingAnchor(0, 1)),
    store.dropLanes(5),
  ];
  const settled = await Promise.allSettled(calls);
  if (settled.some(({ status }) => status !== 'rejected')) throw new Error('one of them resolved');
});

cases.add('a lane id that is none is LANESTORE_INVALID', async (stage) => {
  for (const lane of ['', 'a', 'AB', 'xy', '0a/', 'ab'.repeat(65)]) {
    await refused(stage.store.blocks.maybePruneAndPersistLane(lane, undefined, []), 'LANESTORE_INVALID');
    await refused(stage.store.dropLanes([lane]), 'LANESTORE_INVALID');
  }
  stage.expectCursors({});
});
