/**
 * Random histories of a node, moved from every layout to every other one: the content stays the
 * same, and so do the cursors that the layout can store.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  autobahn,
  type CommitQC,
  type Cursors,
  exportState,
  importState,
  type Layout,
  type OriginalLayout,
  openLevel,
  openWal,
} from '../../src/index.js';
import { type Manifest, manifestOf } from '../../src/inspector/index.js';
import { padU64 } from '../../src/keys/index.js';
import { ORIGINAL_LAYOUTS } from '../../src/migrations/index.js';
import { SEED } from '../support/history.js';
import { innerState } from '../support/inner.js';
import { makeNetwork } from '../support/network.js';
import { withTemp } from '../support/temp.js';
import { manifestIn, OPTIONS } from './states.js';

const test = suite('migrations: round trip');

interface HistorySeed {
  readonly validators: number;
  /**
   * For each road index: the number of new blocks of each lane before it; and, if an anchor
   * follows, how many roads older than this one it is.
   */
  readonly roads: readonly { readonly blocks: readonly number[]; readonly anchorLag: number | undefined }[];
  readonly tail: readonly number[];
  readonly inner: boolean;
  readonly segmentBytes: number;
}

const history: fc.Arbitrary<HistorySeed> = fc.record({
  validators: fc.integer({ min: 1, max: 4 }),
  roads: fc.array(
    fc.record({
      blocks: fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
      anchorLag: fc.option(fc.nat(3), { nil: undefined }),
    }),
    { maxLength: 8 },
  ),
  tail: fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
  inner: fc.boolean(),
  segmentBytes: fc.constantFrom(500, 3000, 20 * 1024 * 1024),
});

/** Writes a history into a level store through the port. */
async function write(location: string, seed: HistorySeed): Promise<{ manifest: Manifest; cursors: Cursors }> {
  const network = makeNetwork({ validators: seed.validators, signed: false });
  const made = (counts: readonly number[]) =>
    network.laneIds.flatMap((_, lane) =>
      Array.from({ length: counts[lane] ?? 0 }, () => network.block(lane, { payloadBytes: 100 })),
    );
  const store = await openLevel(location, { model: autobahn });
  const qcs: CommitQC[] = [];
  let anchored = -1;
  for (const { blocks, anchorLag } of seed.roads) {
    await store.persist({ blocks: made(blocks) });
    const qc = network.commitQC();
    qcs.push(qc);
    await store.persist({ commitQCs: [qc] });
    const at = anchorLag === undefined ? -1 : qcs.length - 1 - anchorLag;
    const target = qcs[at];
    const orders = target?.vote.laneRanges.some(({ first, next }) => next > first) ?? false;
    if (target !== undefined && orders && at > anchored) {
      await store.persist({ anchor: network.anchor(target) });
      anchored = at;
    }
  }
  await store.persist({ blocks: made(seed.tail), inner: seed.inner ? innerState(9) : undefined });
  const { cursors } = store;
  await store.close();
  const again = await openLevel(location, { model: autobahn });
  const manifest = manifestOf(again.takeRecovered());
  await again.close();
  return { manifest, cursors };
}

function move(from: string, to: string, layout: OriginalLayout | 'level', segmentBytes: number): Promise<unknown> {
  const options = { ...OPTIONS, segmentBytes };
  return layout === 'level' ? importState(from, to, options) : exportState(from, to, layout, options);
}

test('every pair of layouts', () =>
  fc.assert(
    fc.asyncProperty(history, (seed) =>
      withTemp(async (dir) => {
        const layouts: readonly (OriginalLayout | 'level')[] = ['level', ...ORIGINAL_LAYOUTS];
        const { manifest, cursors } = await write(join(dir, 'first-level'), seed);
        for (const layout of ORIGINAL_LAYOUTS) {
          await move(join(dir, 'first-level'), join(dir, `first-${layout}`), layout, seed.segmentBytes);
        }
        for (const from of layouts) {
          assert.equal(await manifestIn(join(dir, `first-${from}`)), manifest, from);
          for (const to of layouts) {
            const target = join(dir, `${from}-to-${to}`);
            await move(join(dir, `first-${from}`), target, to, seed.segmentBytes);
            assert.equal(await manifestIn(target), manifest, `${from} to ${to}`);
            await checkCursors(target, to, cursors);
          }
        }
      }),
    ),
    { seed: SEED, numRuns: 8 },
  ));

/**
 * Checks that each lane continues where it did before. In a WAL an emptied lane keeps its next
 * number in the name of its segment.
 */
async function checkCursors(location: string, layout: Layout, before: Cursors): Promise<void> {
  if (layout === 'file-per-entry') return;
  if (layout === 'level') {
    const store = await openLevel(location, { model: autobahn, createIfMissing: false });
    for (const [lane, cursor] of before.lanes) {
      if (cursor.first < cursor.next) assert.equal(store.cursors.lanes.get(lane), cursor);
    }
    assert.equal(store.cursors.commitQCs, before.commitQCs);
    await store.close();
    return;
  }
  for (const [lane, { first, next }] of before.lanes) {
    const segments = readdirSync(join(location, 'blocks', lane)).sort();
    assert.is(segments[0], padU64(first + 1n), `${lane}: [${first}, ${next})`);
    if (first === next) assert.is(statSync(join(location, 'blocks', lane, padU64(first + 1n))).size, 0);
  }
  const store = await openWal(location, { model: autobahn, createIfMissing: false });
  for (const [lane, cursor] of before.lanes) {
    if (cursor.next > 0n) assert.equal(store.cursors.lanes.get(lane), cursor, lane);
  }
  assert.equal(store.cursors.commitQCs, before.commitQCs);
  await store.close();
  assert.not.ok(existsSync(join(location, 'torn')));
}

test.run();
