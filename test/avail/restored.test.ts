/**
 * docs/embedding.md, "Restoring a lost validator": a new store, filled from a peer's in that order,
 * ends with what the peer has.
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { openAvail } from '../../src/avail/index.js';
import type { LaneId } from '../../src/keys/index.js';
import { autobahn, type SignedBlock } from '../../src/model/autobahn/index.js';
import { refused } from '../support/faults.js';
import { bounded } from '../support/hang.js';
import { makeNetwork } from '../support/network.js';
import { inTemp } from '../support/temp.js';
import { trafficOf } from './support.js';

const test = bounded(suite('avail: a lost validator is restored from a peer'));
const net = makeNetwork({ validators: 4 });
const traffic = trafficOf(net, 12, 2);
const ANCHOR_ROAD = 5;
/** The anchor of road 5 starts every lane at its 11th block. */
const FIRST_BLOCK = 2 * ANCHOR_ROAD;
const anchor = traffic.anchors[ANCHOR_ROAD]!;
const after = traffic.qcs.slice(ANCHOR_ROAD + 1);

/** What a store has, read from its files in a fresh open. */
async function contentOf(dir: string) {
  const store = await openLevel(dir, { model: autobahn });
  const { anchor: stored, commitQCs, blocks } = store.takeRecovered();
  const { commitQCs: roads, lanes } = store.cursors;
  await store.close();
  return { stored, commitQCs, blocks: [...blocks], roads, lanes: [...lanes] };
}

/** A peer that was never lost: it stored every round and pruned by the anchor. */
async function peer(dir: string): Promise<string> {
  const store = await openLevel(dir, { model: autobahn });
  for (const [road, qc] of traffic.qcs.entries())
    await store.persist({
      commitQCs: [qc],
      blocks: traffic.blocks.flatMap((lane) => lane.slice(2 * road, 2 * road + 2)),
      ...(road === ANCHOR_ROAD ? { anchor } : {}),
    });
  await store.close();
  return dir;
}

test(
  'by hand: a missing store is not created by accident; the anchor, the CommitQCs after it, each lane from its start',
  inTemp(async (dir) => {
    const at = join(dir, 'restored');
    await refused(openLevel(at, { model: autobahn, createIfMissing: false }), 'LANESTORE_NOT_A_STORE');
    const store = await openLevel(at, { model: autobahn, createIfMissing: true });
    await store.persist({ anchor });
    const block = (number: number) => traffic.blocks[0]![number]!;
    for (const wrong of [FIRST_BLOCK - 1, FIRST_BLOCK + 1])
      await refused(store.persist({ blocks: [block(wrong)] }), 'LANESTORE_OUT_OF_SEQUENCE');
    await refused(store.persist({ commitQCs: after.slice(1) }), 'LANESTORE_OUT_OF_SEQUENCE');
    for (const qc of after) await store.persist({ commitQCs: [qc] });
    for (const lane of traffic.blocks)
      for (const block of lane.slice(FIRST_BLOCK)) await store.persist({ blocks: [block] });
    await store.close();
    assert.equal(await contentOf(at), await contentOf(await peer(join(dir, 'peer'))));
  }),
);

test(
  'a lane of which the anchor has nothing accepts any number as its first',
  inTemp(async (dir) => {
    const { net: small, first } = laneThatJoinsLate();
    const store = await openLevel(dir, { model: autobahn });
    await store.persist({ anchor: small.anchor(small.commitQC({ lanes: [0] })) });
    await store.persist({ blocks: [first] });
    await store.close();
    const { blocks } = await contentOf(dir);
    assert.equal(new Map(blocks).get(autobahn.block.lane(first)), [first]);
  }),
);

/** A network whose second lane begins at block 7, and has no block in the first CommitQC. */
function laneThatJoinsLate(): { net: ReturnType<typeof makeNetwork>; first: SignedBlock } {
  const small = makeNetwork({ validators: 2 });
  small.block(0);
  const { laneIds } = small;
  let first: SignedBlock | undefined;
  for (let number = 0; number < 8; number++) first = small.block(1);
  assert.is(autobahn.block.lane(first!), laneIds[1] as LaneId);
  assert.is(autobahn.block.number(first!), 7n);
  return { net: small, first: first! };
}

test(
  'through openAvail, which verifies each entry',
  inTemp(async (dir) => {
    const at = join(dir, 'restored');
    const store = await openLevel(at, { model: autobahn });
    const state = await openAvail({ store, committee: net.committee });
    await state.pushAppQC(anchor.appQC, anchor.commitQC);
    for (const qc of after) await state.pushCommitQC(qc);
    for (const lane of traffic.blocks) for (const block of lane.slice(FIRST_BLOCK)) await state.pushBlock(block);
    await state.close();
    await store.close();
    assert.equal(await contentOf(at), await contentOf(await peer(join(dir, 'peer'))));
  }),
);

test.run();
