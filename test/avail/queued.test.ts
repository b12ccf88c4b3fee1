/**
 * Many calls that wait for each other: the work is linear in their number, each signal has one
 * listener, and no call is woken in vain.
 */
import { getEventListeners } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openNoop } from '../../src/adapter/index.js';
import { openLevel } from '../../src/adapter/level/index.js';
import { openAvail } from '../../src/avail/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import { refused, rejection } from '../support/faults.js';
import { bounded } from '../support/hang.js';
import { turns } from '../support/held-level.js';
import { makeNetwork } from '../support/network.js';
import { plain, plainBlock } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { Played } from './played.js';
import { pending, trafficOf, trustingNetwork, voteFor } from './support.js';

const test = bounded(suite('avail: many calls that wait'));

test('4,000 CommitQCs that wait for the first: one push takes all of them, in as many steps, and without recursion', async () => {
  const { net, committee } = trustingNetwork({ validators: 1 });
  const qcs = Array.from({ length: 4000 }, () => net.commitQC());
  const state = await openAvail({ store: await openNoop({ model: autobahn }), committee });
  const waiting = qcs
    .slice(1)
    .toReversed()
    .map((qc) => state.pushCommitQC(qc).catch((error: unknown) => error));
  await turns();
  const looks = state.looks;
  await state.pushCommitQC(qcs[0]!);
  await turns();
  assert.is(state.nextCommitQC, 4000n);
  assert.equal(new Set(await Promise.all(waiting)), new Set(['added']));
  assert.ok(state.looks - looks <= 4000, `${state.looks - looks} looks at 3,999 calls`);
  await state.close();
});

test('blocks, votes and producers that wait for room are checked when there is room, not at every block', async () => {
  const { net, committee } = trustingNetwork({ validators: 4 });
  const { blocks, qcs, anchors } = trafficOf(net, 50, 10);
  const state = await openAvail({ store: await openNoop({ model: autobahn }), committee });
  const lane = blocks[0]!;
  const calls = [
    ...lane
      .slice(1)
      .toReversed()
      .map((block) => state.pushBlock(block)),
    ...lane.slice(30).map((block) => state.pushVote(voteFor(net, 1, block))),
  ];
  for (const call of calls) call.catch(() => undefined);
  await state.pushBlock(lane[0]!);
  await turns();
  assert.is(state.nextBlock(net.laneIds[0]!), 30n);
  assert.ok(state.looks <= 30, `${state.looks} looks for 30 blocks, with ${calls.length} calls that wait`);
  for (let road = 0; road < 48; road++) {
    await state.pushAppQC(anchors[road]!.appQC, qcs[road]!);
    await turns(2);
  }
  await Promise.all(calls);
  assert.is(state.nextBlock(net.laneIds[0]!), 500n);
  assert.ok(state.looks <= 2 * calls.length, `${state.looks} looks for ${calls.length} calls in all`);
  await state.close();
});

test('producers that wait for room continue one after another: none is woken in vain', async () => {
  const net = makeNetwork({ validators: 1 });
  const { blocks, qcs, anchors } = trafficOf(net, 12, 10);
  const store = await openNoop({ model: autobahn });
  const state = await openAvail({ store, committee: net.committee, secret: net.secret(0), announce: 'received' });
  const { payload } = blocks[0]![0]!.block;
  const abort = new AbortController();
  const calls = Array.from({ length: 130 }, (_, i) =>
    state.produceBlock(payload, i % 13 === 12 ? abort.signal : undefined),
  );
  const made = Promise.allSettled(calls);
  await turns();
  assert.is(state.nextBlock(net.laneIds[0]!), 30n);
  abort.abort('enough');
  for (let road = 0; road < 12; road++) {
    await state.pushAppQC(anchors[road]!.appQC, qcs[road]!);
    await turns();
  }
  const numbers = (await made).map((result) =>
    result.status === 'fulfilled' ? result.value.block.header.blockNumber : result.reason,
  );
  // Waiting calls continue in order of arrival. Two of the ten calls with the signal were among the
  // first 30.
  const expected = Array.from({ length: 122 }, (_, i) => BigInt(i));
  assert.equal(
    numbers.filter((number) => number !== 'enough'),
    expected,
  );
  assert.ok(state.looks <= 2 * calls.length, `${state.looks} looks for ${calls.length} calls`);
  await state.close();
});

test('one listener on a signal, however many calls wait with it, and none afterwards', async () => {
  const { net, committee } = trustingNetwork({ validators: 4 });
  const { blocks, qcs } = trafficOf(net, 9);
  const disk = new Played(net.laneIds);
  const state = await openAvail({ store: await disk.store, committee });
  const warnings: string[] = [];
  const warned = ({ name }: Error) => void warnings.push(name);
  process.on('warning', warned);
  try {
    const control = new AbortController();
    const { signal } = control;
    const [lane] = net.laneIds as [string];
    const calls = Array.from({ length: 20 }, () => [
      state.pushBlock(blocks[0]![5]!, signal),
      state.pushCommitQC(qcs[5]!, signal),
      state.block(lane, 5n, signal),
      state.commitQC(5n, signal),
      state.waitForAppQC(0n, signal),
      state.waitForLaneQCs(undefined, signal),
      state.headers().receiveBatch(signal),
      state.persistInner(new Uint8Array(1), signal),
      state.flush(signal),
    ]).flat();
    const ends = calls.map((call) => rejection(call));
    await turns();
    assert.is(getEventListeners(signal, 'abort').length, 1);
    control.abort('enough');
    assert.equal(new Set(await Promise.all(ends)), new Set(['enough']));
    assert.is(getEventListeners(signal, 'abort').length, 0);
    await turns();
    assert.equal(warnings, []);
  } finally {
    process.off('warning', warned);
  }
});

test(
  'calls of ready() on stores without room share one listener on a signal; 20,000 of them end with it',
  inTemp(async (dir) => {
    const freeSpace = { read: async () => 0, readNow: () => 0 };
    await using store = await openLevel(dir, { model: plain, freeSpace });
    await refused(store.persist({ blocks: [plainBlock('0a', 0)] }), 'LANESTORE_CAPACITY');
    const control = new AbortController();
    const calls = Array.from({ length: 20_000 }, () => rejection(store.ready(control.signal)));
    assert.ok(await pending(calls[0]!));
    assert.is(getEventListeners(control.signal, 'abort').length, 1);
    control.abort('enough');
    assert.equal(new Set(await Promise.all(calls)), new Set(['enough']));
  }),
);

test.run();
