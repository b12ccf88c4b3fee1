/**
 * When calls settle and hooks fire, the effect of a rejected write, and how many calls may wait
 * (docs/architecture.md, Rules of the planner, rules 6 and 7).
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LanestoreError } from '../../../src/errors.js';
import { refused, rejection } from '../../support/faults.js';
import { type PlainBlock, plain, plainAnchor, plainBlock, plainBlocks, plainQC } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';
import { contentOf, gate, openPlain, type PlainStore, withStore } from './plain-store.js';
import { type Operation, WatchedFiles } from './watched-files.js';

const test = suite('wal: settling');
const A = '0a';
const B = '0b';

/** Runs `use` with a store whose file operations a test can hold or fail. */
async function withWatched(dir: string, use: (store: PlainStore, files: WatchedFiles) => Promise<void>, options = {}) {
  const files = new WatchedFiles();
  await withStore(dir, (store) => use(store, files), { files, ...options });
}

/** True if the promise settles once every ready callback has run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let is = false;
  const note = () => {
    is = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return is;
}

const inLane = (lane: string) => (operation: Operation) => operation.path.includes(join('blocks', lane));
const isAnchor = ({ path, kind }: Operation) => path.includes('avail_inner') && kind === 'write';

/** Holds matching operations until the gate opens. */
function hold(files: WatchedFiles, match: (operation: Operation) => boolean) {
  const door = gate();
  files.before = (operation) => (match(operation) ? door.passed : undefined);
  return door;
}

/** Fails matching operations. */
function refuse(files: WatchedFiles, match: (operation: Operation) => boolean): void {
  files.before = (operation) => {
    if (match(operation)) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  };
}

test(
  'hooks fire for each entry as soon as it is durable, once, in the order of its log',
  inTemp((dir) =>
    withWatched(dir, async (store, files) => {
      const seen: string[] = [];
      const syncs = (lane: string) =>
        files.done.filter(({ kind, path }) => kind === 'sync' && path.includes(lane)).length;
      await store.persist({ blocks: [plainBlock(A, 0), plainBlock(B, 0)] });
      const before = { [A]: syncs(`blocks/${A}`), [B]: syncs(`blocks/${B}`) };
      const blocks = [plainBlock(A, 1), plainBlock(B, 1), plainBlock(A, 2)];
      const count = { [A]: 0, [B]: 0 };
      await store.persist(
        { anchor: plainAnchor(0), commitQCs: [plainQC(0), plainQC(1)], blocks },
        {
          anchor: ({ index }) => seen.push(`anchor ${index}`),
          commitQC: ({ index }) => seen.push(`qc ${index}`),
          block: (block) => {
            assert.ok(blocks.includes(block), "the caller's own object");
            const { lane } = block as { lane: '0a' | '0b' };
            count[lane]++;
            assert.is(syncs(`blocks/${lane}`) - before[lane]!, count[lane], 'synced, and the next write not begun');
            assert.is(store.cursors.lanes.get(lane)?.next, block.number + 1n);
            seen.push(`${lane} ${block.number}`);
          },
        },
      );
      assert.is(seen[0], 'anchor 0');
      assert.equal(
        seen.filter((entry) => entry.startsWith('qc')),
        ['qc 0', 'qc 1'],
      );
      assert.equal(
        seen.filter((entry) => entry.startsWith(A)),
        [`${A} 1`, `${A} 2`],
      );
      assert.is(seen.length, 6);
    }),
  ),
);

test(
  'ignored CommitQCs keep their place: their hooks fire after the entries stored before them',
  inTemp((dir) =>
    withWatched(dir, async (store, files) => {
      const seen: bigint[] = [];
      const hooks = { commitQC: ({ index }: { index: bigint }) => void seen.push(index) };
      await store.persist({ commitQCs: [plainQC(0)] });
      const door = hold(files, ({ path, kind }) => path.includes('commitqcs') && kind === 'sync');
      const first = store.persist({ commitQCs: [0, 1, 1, 0, 2].map((i) => plainQC(i)) }, hooks);
      const ignored = store.persist({ commitQCs: [plainQC(2), plainQC(1)] }, hooks);
      assert.not.ok(await settled(ignored));
      assert.equal(seen, [0n], 'only the entry that was durable before');
      door.open();
      await Promise.all([first, ignored]);
      assert.equal(seen, [0n, 1n, 1n, 0n, 2n, 2n, 1n]);
    }),
  ),
);

test(
  'the anchor is durable before anything else of its round begins; an older one waits for it',
  inTemp((dir) =>
    withWatched(dir, async (store, files) => {
      await store.persist({ commitQCs: [plainQC(0)], blocks: plainBlocks(A, 0, 3) });
      const done = files.done.length;
      const door = hold(files, isAnchor);
      const seen: string[] = [];
      const round = store.persist(
        { anchor: plainAnchor(0, { [A]: 1 }), blocks: [plainBlock(A, 3)], inner: new Uint8Array(1) },
        { anchor: () => seen.push('new') },
      );
      const older = store.persist({ anchor: plainAnchor(0) }, { anchor: () => seen.push('equal') });
      assert.not.ok(await settled(Promise.race([round, older])));
      assert.equal(files.done.slice(done), []);
      assert.equal(store.cursors.lanes.get(A), { first: 0n, next: 3n }, 'planning runs ahead, the cursors do not');
      door.open();
      await Promise.all([round, older]);
      assert.equal(seen, ['new', 'equal']);
      assert.equal(store.cursors.lanes.get(A), { first: 1n, next: 4n });
    }),
  ),
);

test(
  'lanes do not wait for each other; calls on one lane run in order',
  inTemp((dir) =>
    withWatched(dir, async (store, files) => {
      await store.persist({ blocks: [plainBlock(A, 0), plainBlock(B, 0)] });
      const door = hold(files, inLane(A));
      const slow = store.blocks.maybePruneAndPersistLane(A, undefined, [plainBlock(A, 1)]);
      const behind = store.blocks.maybePruneAndPersistLane(A, undefined, [plainBlock(A, 2)]);
      await store.blocks.maybePruneAndPersistLane(B, undefined, plainBlocks(B, 1, 4));
      assert.equal(store.cursors.lanes.get(B)?.next, 4n);
      const empty = store.persist({});
      const both = store.persist({ blocks: [plainBlock(B, 4), plainBlock(A, 3)] });
      for (const waiting of [slow, behind, empty, both]) assert.not.ok(await settled(waiting));
      assert.equal(store.cursors.lanes.get(B)?.next, 5n);
      door.open();
      await Promise.all([slow, behind, empty, both]);
      assert.equal(store.cursors.lanes.get(A)?.next, 4n);
    }),
  ),
);

test(
  'a hook that throws: everything is durable, the other hooks fire, the call rejects with the first value',
  inTemp((dir) =>
    withWatched(dir, async (store) => {
      const seen: bigint[] = [];
      const thrown = await rejection(
        store.persist(
          { blocks: plainBlocks(A, 0, 3) },
          {
            block: ({ number }) => {
              seen.push(number);
              throw `hook ${number}`;
            },
          },
        ),
      );
      assert.is(thrown, 'hook 0');
      assert.equal(seen, [0n, 1n, 2n]);
      const anchored = await rejection(
        store.persist(
          { anchor: plainAnchor(0), commitQCs: [plainQC(1)], blocks: [plainBlock(A, 3)] },
          {
            anchor: () => {
              throw 'the anchor hook';
            },
          },
        ),
      );
      assert.is(anchored, 'the anchor hook');
      assert.equal(store.cursors.lanes.get(A), { first: 0n, next: 4n });
      assert.is(store.commitQCs.next, 2n);
    }),
  ),
);

test(
  'a hook may call the store',
  inTemp((dir) =>
    withWatched(dir, async (store) => {
      let next: Promise<void> | undefined;
      await store.persist(
        { blocks: [plainBlock(A, 0)] },
        {
          block: () => {
            next = store.persist({ blocks: [plainBlock(A, 1)] });
          },
        },
      );
      await next;
      assert.is(store.cursors.lanes.get(A)?.next, 2n);
    }),
  ),
);

test(
  'entries are encoded at the call: later changes by the caller do not matter',
  inTemp(async (dir) => {
    await withWatched(dir, async (store) => {
      const block = plainBlock(A, 0, 'before');
      const done = store.persist({ blocks: [block] });
      block.data.fill(0x78);
      await done;
    });
    await withWatched(dir, async (store) => {
      const [block] = store.takeRecovered().blocks.get(A)!;
      assert.is(Buffer.from(block!.data).toString(), 'before');
    });
  }),
);

test(
  'recovered entries belong to the caller: changes to them do not reach the disk',
  inTemp(async (dir) => {
    // A model whose entries are their bytes and alias the buffer that they were read from.
    const bytesOf = (block: { data: Uint8Array }) => block.data;
    const block = {
      ...plain.block,
      toWire: bytesOf,
      fromWire: (data: Uint8Array) => ({ lane: A, number: BigInt(data[0]!), data }),
    };
    const model = { ...plain, block };
    const blocks = [0, 1, 2].map((number) => plainBlock(A, number, new Uint8Array([number, 7])));
    await withStore(dir, (store) => store.persist({ blocks }), { model });
    await withStore(
      dir,
      async (store) => {
        for (const block of store.takeRecovered().blocks.get(A)!) block.data.fill(0xff);
        await store.persist({ anchor: plainAnchor(0, { [A]: 1 }) });
      },
      { model },
    );
    await withStore(
      dir,
      async (store) => {
        const left = store.takeRecovered().blocks.get(A)!;
        assert.equal(
          left.map(({ data }) => [...data]),
          [
            [1, 7],
            [2, 7],
          ],
        );
      },
      { model },
    );
  }),
);

test(
  'a rejected write: its round, all later ones and later calls reject unwritten; close and a new open work',
  inTemp(async (dir) => {
    await withWatched(dir, async (store, files) => {
      await store.persist({ blocks: [plainBlock(A, 0), plainBlock(B, 0)] });
      const door = gate();
      files.before = async (operation) => {
        if (!inLane(A)(operation)) return;
        await door.passed;
        throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      };
      const hooked: bigint[] = [];
      const waiting = [
        store.persist({ blocks: [plainBlock(A, 1)] }, { block: ({ number }) => hooked.push(number) }),
        store.persist({ blocks: [plainBlock(A, 2)] }, { block: ({ number }) => hooked.push(number) }),
        store.persist({ anchor: plainAnchor(5, { [A]: 2 }), blocks: [plainBlock(A, 3), plainBlock(B, 1)] }),
        store.dropLanes([A]),
      ];
      const refusals = waiting.map((call) => refused(call, 'LANESTORE_FAILED', /no space left/));
      // Writes that do not depend on the failed one are made: the anchor, then the block of the
      // other lane.
      while (store.cursors.lanes.get(B)?.next !== 2n) await new Promise((resolve) => setTimeout(resolve, 1));
      const done = files.done.length;
      door.open();
      const [first, ...others] = await Promise.all(refusals);
      assert.ok(
        others.every((refusal) => refusal === first),
        'one cause for all',
      );
      assert.is((first!.cause as { code?: string }).code, 'ENOSPC');
      assert.equal(hooked, []);
      assert.equal(files.done.slice(done), [], 'nothing was written after it');
      files.before = () => {};
      assert.is(await refused(store.persist({ blocks: [plainBlock(B, 2)] }), 'LANESTORE_FAILED'), first);
      await refused(store.persist({}), 'LANESTORE_FAILED');
      await refused(store.ready(), 'LANESTORE_FAILED');
      await refused(store.dropLanes([B]), 'LANESTORE_FAILED');
    });
    // The anchor was written before the failure; entries below it are gone.
    const { lanes, anchor, commitQCs } = await withStore(dir, async (store) => contentOf(store));
    assert.equal([anchor, commitQCs, lanes], [5, [5], { [B]: [0, 1] }]);
  }),
);

test(
  'a rejected write stops the other logs before their next entry',
  inTemp((dir) =>
    withWatched(dir, async (store, files) => {
      await store.persist({ blocks: [plainBlock(A, 0), plainBlock(B, 0)] });
      const door = gate();
      let inA = false;
      files.before = async (operation) => {
        if (inLane(B)(operation)) await door.passed;
        else if (inLane(A)(operation)) {
          inA = true;
          throw new Error('no space left');
        }
      };
      const round = store.persist({ blocks: [plainBlock(A, 1), ...plainBlocks(B, 1, 5)] });
      const refusal = refused(round, 'LANESTORE_FAILED');
      while (!inA) await new Promise((resolve) => setTimeout(resolve, 1));
      door.open();
      await refusal;
      assert.equal(
        store.cursors.lanes.get(B),
        { first: 0n, next: 2n },
        'the entry being written is durable, and no later one',
      );
    }),
  ),
);

for (const [what, match] of [
  ['the anchor', isAnchor],
  ['the QC log', ({ path, kind }: Operation) => path.includes('commitqcs') && kind === 'sync'],
  ['inner', ({ path, kind }: Operation) => path.includes('/inner_') && kind === 'write'],
  ['a truncation', ({ kind }: Operation) => kind === 'rename'],
  ['a new lane', ({ kind }: Operation) => kind === 'makeDirectory'],
] as const) {
  test(
    `a rejected write of ${what} makes the store fail`,
    inTemp(async (dir) => {
      await withWatched(dir, async (store, files) => {
        await store.persist({ commitQCs: [plainQC(0)], blocks: plainBlocks(A, 0, 3) });
        refuse(files, match);
        const round = {
          anchor: plainAnchor(0, { [A]: 1 }),
          inner: new Uint8Array(1),
          commitQCs: [plainQC(1)],
          blocks: [plainBlock(A, 3), plainBlock(B, 0)],
        };
        await refused(store.persist(round), 'LANESTORE_FAILED', /no space left/);
        files.before = () => {};
        await refused(store.persist({}), 'LANESTORE_FAILED');
      });
      const { lanes, commitQCs } = await withStore(dir, async (store) => contentOf(store));
      assert.ok(commitQCs.includes(0) && lanes[A]!.includes(2), 'acknowledged entries are recovered');
    }),
  );
}

test(
  'a log whose file was changed from outside: nothing is removed, the store fails',
  inTemp(async (dir) => {
    let shift = 0n;
    const model = { ...plain, block: { ...plain.block, number: (block: PlainBlock) => block.number + shift } };
    await withWatched(
      dir,
      async (store, files) => {
        await store.persist({ blocks: plainBlocks(A, 0, 3) });
        const done = files.done.length;
        shift = 1n;
        const error = await refused(store.persist({ anchor: plainAnchor(0, { [A]: 2 }) }), 'LANESTORE_FAILED');
        assert.is((error.cause as LanestoreError).code, 'LANESTORE_CORRUPT');
        assert.equal(
          files.done.slice(done).filter(({ path }) => path.includes('blocks')),
          [],
        );
      },
      { model },
    );
  }),
);

test(
  'a refused round changes nothing, neither on disk nor for the next round',
  inTemp((dir) =>
    withWatched(dir, async (store, files) => {
      await store.persist({ blocks: [plainBlock(A, 0)] });
      const done = files.done.length;
      await refused(store.persist({ blocks: [plainBlock(A, 1), plainBlock(A, 3)] }), 'LANESTORE_OUT_OF_SEQUENCE');
      const huge = { ...plainBlock(A, 1), lane: 'not hex' };
      await refused(store.persist({ anchor: plainAnchor(0), blocks: [huge] }), 'LANESTORE_INVALID');
      assert.is(files.done.length, done);
      await store.persist({ blocks: [plainBlock(A, 1)] });
      assert.is(store.cursors.lanes.get(A)?.next, 2n);
    }),
  ),
);

test(
  'a too large round is LANESTORE_INVALID; a round beyond the queue is LANESTORE_CAPACITY until there is room',
  inTemp((dir) =>
    withWatched(
      dir,
      async (store, files) => {
        await refused(store.persist({ inner: new Uint8Array(1001) }), 'LANESTORE_INVALID', /1001/);
        const door = hold(files, ({ kind }) => kind === 'write');
        const first = store.persist({ inner: new Uint8Array(900) });
        await refused(store.persist({ inner: new Uint8Array(200) }), 'LANESTORE_CAPACITY');
        const empty = store.persist({});
        const ready = store.ready();
        const controller = new AbortController();
        const aborted = store.ready(controller.signal);
        controller.abort('enough');
        assert.is(await rejection(aborted), 'enough');
        assert.not.ok(await settled(ready));
        door.open();
        await Promise.all([first, empty, ready]);
        await store.persist({ inner: new Uint8Array(200) });
      },
      { maxRoundBytes: 1000, maxQueuedBytes: 1000 },
    ),
  ),
);

test(
  'close waits for accepted calls, and refuses new calls and calls that wait for room',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const store = await openPlain(dir, { files, maxQueuedBytes: 100 });
    const door = hold(files, inLane(A));
    const accepted = store.persist({ blocks: [plainBlock(A, 0, 'x'.repeat(80))] });
    const ready = store.ready();
    const closed = store.close();
    await refused(ready, 'LANESTORE_CLOSED');
    await refused(store.persist({}), 'LANESTORE_CLOSED');
    assert.not.ok(await settled(closed));
    door.open();
    await accepted;
    await closed;
    await store.close();
    await refused(store.ready(), 'LANESTORE_CLOSED');
    assert.equal((await withStore(dir, async (again) => contentOf(again))).lanes, { [A]: [0] });
  }),
);

test.run();
