/**
 * Arguments of a wrong type are TypeErrors and change nothing. Invalid lane ids are
 * LANESTORE_INVALID.
 */
import { Cases } from './case.js';
import { mistaken, refused } from './expect.js';
import type { Stage, Store } from './stage.js';

/** Cases of arguments of the wrong type. */
export const argumentCases = new Cases('arguments');
const cases = argumentCases;

type Call = (...args: unknown[]) => Promise<unknown>;

/** The store without parameter types, as in JavaScript. */
interface Untyped {
  readonly persist: Call;
  readonly dropLanes: Call;
  readonly blocks: { readonly maybePruneAndPersistLane: Call };
  readonly commitQCs: { readonly maybePruneAndPersist: Call };
  readonly anchor: { readonly persist: Call };
  readonly ready: Call;
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

/** Values that resemble `value`, but would store nothing if the call accepted them. */
function lookalikes(value: unknown): unknown[] {
  return [Promise.resolve(value), (async () => value)(), [value], new Map([['blocks', value]]), () => value];
}

/**
 * Checks that each call rejects with a TypeError, and that block 2 of lane 0 and CommitQC 1 can
 * still be stored.
 */
async function allMistaken(stage: Stage, mistakes: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const [i, mistake] of mistakes.entries()) {
    await mistaken(mistake).catch((error: Error) => {
      throw new Error(`call ${i}: ${error.message}`, { cause: error });
    });
  }
  stage.expectCursors({ lanes: { 0: [0, 2] }, qc: [0, 1] });
  await stage.store.persist({ commitQCs: [stage.qc(1)], blocks: [stage.block(0, 2)] });
  await stage.expectStored({ commitQCs: stage.qcs(0, 2), blocks: { 0: stage.blocks(0, 0, 3) } });
}

cases.add(
  'a value that is not a round is a TypeError: a promise, a list, an object with unknown parts',
  async (stage) => {
    await stage.store.persist({ commitQCs: [stage.qc(0)], blocks: stage.blocks(0, 0, 2) });
    const store = untyped(stage.store);
    const blocks = [stage.block(0, 2)];
    const round = { blocks };
    await allMistaken(stage, [
      ...lookalikes(round).map((wrong) => () => store.persist(wrong)),
      () => store.persist(blocks),
      () => store.persist([]),
      () => store.persist(new Date(0)),
      () => store.persist({ block: blocks }),
      () => store.persist({ ...round, commitQC: [stage.qc(1)] }),
      () => store.persist({ ...round, commitQcs: [stage.qc(1)] }),
      () => store.persist({ ...round, anchors: [] }),
      () => store.persist({ ...round, Inner: new Uint8Array(1) }),
      () => store.persist(Object.create({ block: blocks })),
    ]);
  },
);

cases.add('parts of a round with a wrong type, which would store nothing, are TypeErrors', async (stage) => {
  await stage.store.persist({ commitQCs: [stage.qc(0)], blocks: stage.blocks(0, 0, 2) });
  const store = untyped(stage.store);
  const blocks = [stage.block(0, 2)];
  const anchor = stage.anchor(0);
  const lists = [Promise.resolve(blocks), '', 'ab', new Uint8Array(), null, 0, false, {}, () => blocks];
  await allMistaken(stage, [
    ...lists.map((wrong) => () => store.persist({ blocks: wrong })),
    ...lists.map((wrong) => () => store.persist({ commitQCs: wrong, blocks })),
    ...lists.map((wrong) => () => store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, wrong)),
    ...lists.map((wrong) => () => store.commitQCs.maybePruneAndPersist(undefined, wrong)),
    ...lists.map((wrong) => () => store.dropLanes(wrong)),
    () => store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined),
    () => store.commitQCs.maybePruneAndPersist(undefined),
    () => store.dropLanes(undefined),
    () => store.persist({ anchor: Promise.resolve(anchor), blocks }),
    () => store.persist({ inner: Promise.resolve(new Uint8Array(1)), blocks }),
    () => store.anchor.persist(Promise.resolve(anchor)),
    () => store.anchor.persist(),
    () => store.blocks.maybePruneAndPersistLane(stage.lane(0), Promise.resolve(stage.qc(0)), blocks),
    () => store.commitQCs.maybePruneAndPersist(Promise.resolve(stage.qc(0)), []),
    () => store.ready(5),
    () => store.ready({ signal: new AbortController().signal }),
  ]);
});

cases.add('hooks that would never fire are TypeErrors: misspelled, not an object, not functions', async (stage) => {
  await stage.store.persist({ commitQCs: [stage.qc(0)], blocks: stage.blocks(0, 0, 2) });
  const store = untyped(stage.store);
  const round = { blocks: [stage.block(0, 2)] };
  const hook = () => undefined;
  await allMistaken(stage, [
    ...lookalikes({ block: hook }).map((wrong) => () => store.persist(round, wrong)),
    () => store.persist(round, null),
    () => store.persist(round, hook),
    () => store.persist(round, { blocks: hook }),
    () => store.persist(round, { block: hook, commitQCs: hook }),
    () => store.persist(round, { block: hook, Anchor: hook }),
    () => store.persist(round, { block: Promise.resolve(hook) }),
    () => store.persist(round, { anchor: null }),
    () => store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, round.blocks, { block: hook }),
    () => store.commitQCs.maybePruneAndPersist(undefined, [stage.qc(1)], null),
  ]);
});

cases.add(
  'a round may be an object of a class, with fields and getters; an undefined part is absent',
  async (stage) => {
    const [blocks, commitQCs] = [stage.blocks(0, 0, 2), [stage.qc(0)]];
    const fired: string[] = [];
    class Built {
      readonly blocks = new Set(blocks);
      get commitQCs() {
        return commitQCs;
      }
    }
    class Hooks {
      block() {
        fired.push('block');
      }
    }
    await stage.store.persist(new Built() as unknown as Parameters<Store['persist']>[0], new Hooks());
    await stage.store.persist(
      { anchor: undefined, inner: undefined, commitQCs: undefined, blocks: undefined },
      { anchor: undefined, commitQC: undefined, block: undefined },
    );
    if (fired.length !== 2) throw new Error(`${fired.length} hooks fired, not 2`);
    await stage.expectStored({ commitQCs, blocks: { 0: blocks } });
  },
);

cases.add('a signal that is not an AbortSignal is a TypeError', async (stage) => {
  const store = untyped(stage.store);
  for (const signal of [5, 'now', {}, null, new AbortController()]) await mistaken(() => store.ready(signal));
});

cases.add('a refusal is a rejection, never a synchronous throw', async (stage) => {
  const store = untyped(stage.store);
  const calls: Promise<unknown>[] = [
    store.persist(null),
    store.persist({ commitQCs: [stage.qc(3)] }),
    store.blocks.maybePruneAndPersistLane('ZZ', undefined, []),
    store.commitQCs.maybePruneAndPersist(undefined, [stage.qc(3)]),
    store.anchor.persist(null),
    store.dropLanes(5),
    store.persist([]),
    store.persist({}, { blocks: 1 }),
    store.anchor.persist(),
  ];
  const settled = await Promise.allSettled(calls);
  if (settled.some(({ status }) => status !== 'rejected')) throw new Error('a call resolved');
});

cases.add('an invalid lane id is LANESTORE_INVALID', async (stage) => {
  for (const lane of ['', 'a', 'AB', 'xy', '0a/', 'ab'.repeat(65)]) {
    await refused(stage.store.blocks.maybePruneAndPersistLane(lane, undefined, []), 'LANESTORE_INVALID');
    await refused(stage.store.dropLanes([lane]), 'LANESTORE_INVALID');
  }
  stage.expectCursors({});
});
