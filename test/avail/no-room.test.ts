/**
 * A store that has no room for long, or is never idle: what the state keeps meanwhile, what flush()
 * waits for, and how close() ends.
 */
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { type AvailState, openAvail } from '../../src/avail/index.js';
import { LanestoreError } from '../../src/errors.js';
import { autobahn, type SignedBlock } from '../../src/model/autobahn/index.js';
import { refused, rejection } from '../support/faults.js';
import { bounded } from '../support/hang.js';
import { turns } from '../support/held-level.js';
import { inTemp } from '../support/temp.js';
import { full, Played } from './played.js';
import { pending, trafficOf, trustingNetwork } from './support.js';

const test = bounded(suite('avail: a store without room, or never idle'));
const { net, committee } = trustingNetwork({ validators: 4 });
const traffic = trafficOf(net, 20, 2);
const INNER_BYTES_MAX = 100;

async function played(use: (disk: Played, state: AvailState) => Promise<void>) {
  const disk = new Played(net.laneIds);
  await use(disk, await openAvail({ store: await disk.store, committee }));
}

/** Refuses entries that are too large and, while `isFull()`, everything else. */
function bounding(disk: Played, isFull: () => boolean): void {
  disk.refuse = ({ inner }) => {
    if ((inner?.length ?? 0) > INNER_BYTES_MAX) return new LanestoreError('LANESTORE_INVALID', 'too large');
    return isFull() ? full() : undefined;
  };
}

const codeOf = ({ code }: LanestoreError) => code;

/** Bytes of buffers that are still referenced. */
function bufferBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}

test('consensus states that are superseded while the store has no room are not kept', () =>
  played(async (disk, state) => {
    disk.refuse = () => full();
    const before = bufferBytes();
    const MIB = 1024 * 1024;
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) {
      const control = new AbortController();
      const call = state.persistInner(new Uint8Array(MIB).fill(i), control.signal).catch((error: unknown) => error);
      await turns(1);
      if (i % 2 === 0) {
        control.abort('enough');
        assert.is(await call, 'enough');
      } else calls.push(call);
    }
    const keptBytes = bufferBytes() - before;
    assert.ok(keptBytes < 4 * MIB, `${keptBytes} bytes are kept for one state of 1 MiB`);
    disk.refuse = undefined;
    disk.room();
    await turns();
    assert.is(disk.calls.length, 1);
    assert.is(disk.calls[0]?.round.inner?.[0], 99, 'the last one');
    disk.settle(0);
    assert.equal(new Set(await Promise.all(calls)), new Set([undefined]), 'all calls resolve');
  }));

test('a too large state is refused at once, also without room; the one before it is stored when there is room', () =>
  played(async (disk, state) => {
    let isFull = true;
    bounding(disk, () => isFull);
    const first = state.persistInner(new Uint8Array(50).fill(1));
    await turns();
    const large = rejection(state.persistInner(new Uint8Array(INNER_BYTES_MAX + 1)));
    assert.not(await pending(large), 'the refusal needs no room');
    const smaller = state.persistInner(new Uint8Array(20).fill(2));
    const larger = refused(state.persistInner(new Uint8Array(INNER_BYTES_MAX + 2)), 'LANESTORE_INVALID');
    const flushed = state.flush();
    await larger;
    assert.ok(await pending(Promise.race([first, smaller, flushed])));
    isFull = false;
    disk.room();
    await turns();
    assert.equal(
      disk.calls.map(({ round }) => round.inner),
      [new Uint8Array(20).fill(2)],
    );
    disk.settle(0);
    await Promise.all([first, smaller, flushed]);
  }));

test('states that are each larger than all before are bounded; a smaller state supersedes them', () =>
  played(async (disk, state) => {
    const call = (bytes: number) => state.persistInner(new Uint8Array(bytes)).then(() => 'stored', codeOf);
    const ends = Array.from({ length: 70 }, (_, i) => call(i + 1));
    ends.push(call(64));
    await turns();
    assert.equal(
      disk.calls.map(({ round }) => round.inner?.length),
      [64],
    );
    disk.settle(0);
    const expected = Array.from({ length: 71 }, (_, i) => (i < 64 || i === 70 ? 'stored' : 'LANESTORE_CAPACITY'));
    assert.equal(await Promise.all(ends), expected);
  }));

test('any sequence, with room or without: each state is refused for its size, or it or a later one is stored', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          { weight: 6, arbitrary: fc.record({ bytes: fc.integer({ min: 1, max: INNER_BYTES_MAX + 20 }) }) },
          { weight: 2, arbitrary: fc.constant('room' as const) },
          { weight: 2, arbitrary: fc.constant('full' as const) },
          { weight: 2, arbitrary: fc.constant('turn' as const) },
        ),
        { maxLength: 25 },
      ),
      (steps) =>
        played(async (disk, state) => {
          let isFull = false;
          bounding(disk, () => isFull);
          const ends: Promise<{ end: unknown; stored: number }>[] = [];
          const sizes: number[] = [];
          const stored = () => Math.max(-1, ...disk.calls.slice(0, settled).map(({ round }) => round.inner?.[0] ?? -1));
          let settled = 0;
          const settle = async () => {
            for (; settled < disk.calls.length; await turns(1)) disk.settle(settled++);
          };
          const flushes: Promise<void>[] = [];
          for (const step of steps) {
            if (step === 'turn') await turns(1);
            else if (step === 'full') isFull = true;
            else if (step === 'room') {
              isFull = false;
              disk.room();
              await turns(1);
              await settle();
            } else {
              const call = state.persistInner(new Uint8Array(step.bytes).fill(sizes.length));
              sizes.push(step.bytes);
              const end = call.then(() => 'stored', codeOf);
              ends.push(end.then((how) => ({ end: how, stored: stored() })));
              if (sizes.length % 3 === 0) flushes.push(state.flush());
            }
          }
          isFull = false;
          for (let i = 0; i < 4; i++) {
            disk.room();
            await turns();
            await settle();
          }
          for (const [call, { end, stored: then }] of (await Promise.all(ends)).entries()) {
            // A state that is too large may be superseded before the store has seen it.
            if ((sizes[call] as number) > INNER_BYTES_MAX && end === 'LANESTORE_INVALID') continue;
            assert.ok(end === 'stored' && then >= call, `call ${call} ended when ${then} was stored`);
          }
          const last = sizes.findLastIndex((bytes) => bytes <= INNER_BYTES_MAX);
          assert.is(stored(), last, 'the last one that fits wins');
          await Promise.all(flushes);
          await state.close();
        }),
    ),
    { numRuns: 100 },
  ));

test('flush() waits for entries pushed before it, not for a stream that never ends', () =>
  played(async (disk, state) => {
    const [first, second] = traffic.blocks as [(typeof traffic.blocks)[0], (typeof traffic.blocks)[0]];
    await state.pushBlock(first[0]!);
    await state.pushCommitQC(traffic.qcs[0]!);
    const inner = state.persistInner(new Uint8Array([1]));
    await state.pushAppQC(traffic.anchors[0]!.appQC, traffic.qcs[0]!);
    const flushed = state.flush();
    await turns();
    // From here on a round is always in flight, and an entry is always waiting.
    for (const block of second.slice(0, 10)) {
      void state.pushBlock(block);
      void state.persistInner(new Uint8Array([2]));
      await turns();
    }
    const before = disk.calls.findIndex(({ round }) => round.anchor !== undefined);
    assert.ok(await pending(flushed));
    disk.settle(before);
    assert.ok(await pending(flushed), 'the consensus state is not durable yet');
    disk.settle(1 - before);
    await inner;
    assert.not(await pending(flushed), 'everything pushed before it is durable');
    await flushed;
    assert.ok(disk.calls.length > 2, 'other rounds are in flight');
  }));

test('flush() waits for lanes to be dropped from the store', () =>
  played(async (disk, state) => {
    const three = new (committee.constructor as new (keys: readonly Uint8Array[]) => typeof committee)(
      committee.keys.slice(0, 3),
    );
    await state.pushAppQC(traffic.anchors[5]!.appQC, traffic.qcs[5]!);
    await turns();
    disk.settle(0);
    // A block of the leaving lane is in flight: once the lane has left, flush() does not wait for
    // it.
    await state.pushBlock(traffic.blocks[3]![10]!);
    await turns();
    const before = state.flush();
    disk.refuseDrops = true;
    state.changeCommittee({ committee: three, firstRoad: 5n });
    await before;
    const flushed = state.flush();
    assert.ok(await pending(flushed));
    disk.refuseDrops = false;
    disk.room();
    await flushed;
    assert.equal(disk.dropped, [[net.laneIds[3]]]);
  }));

test('close(signal) without room ends with the signal; entries not handed over are lost, and the store closes', () =>
  played(async (disk, state) => {
    await state.pushBlock(traffic.blocks[0]![0]!);
    await turns();
    disk.refuse = () => full();
    await state.pushBlock(traffic.blocks[1]![0]!);
    const inner = refused(state.persistInner(new Uint8Array([1])), 'LANESTORE_CLOSED');
    await turns();
    assert.is(disk.waiting, 1, 'it waits for room');
    const control = new AbortController();
    const patient = rejection(state.close());
    const closing = rejection(state.close(control.signal));
    assert.ok(await pending(Promise.race([patient, closing, inner])));
    control.abort('no longer');
    assert.not(await pending(closing), 'it must not wait for room that may never come');
    assert.equal(
      [await closing, await patient, await rejection(state.close())],
      ['no longer', 'no longer', 'no longer'],
    );
    await inner;
    assert.is(disk.waiting, 0, 'no call waits in the store any more');
    assert.equal((await state.stopped) instanceof LanestoreError, true);
    disk.refuse = undefined;
    disk.settle(0);
    await turns();
    assert.is(disk.calls.length, 1, 'nothing more is handed over');
    assert.is(state.range(net.laneIds[0]!).durable, 1n, 'a round in flight becomes durable by itself');
  }));

test('close(signal) without an abort resolves when everything is durable, and leaves the signal alone', () =>
  played(async (disk, state) => {
    await state.pushBlock(traffic.blocks[0]![0]!);
    const control = new AbortController();
    const closing = state.close(control.signal);
    await turns();
    disk.settle(0);
    await closing;
    control.abort();
    await state.close(AbortSignal.abort());
  }));

test(
  'on a full disk: the state closes by its signal, then the store; the next open recovers all durable entries',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const [lane] = net.laneIds as [string];
    const [first, second] = traffic.blocks[0] as [SignedBlock, SignedBlock];
    {
      await using store = await openLevel(location, { model: autobahn });
      const state = await openAvail({ store, committee });
      await state.pushBlock(first);
      await state.close();
    }
    const freeSpace = { read: async () => 0, readNow: () => 0 };
    const store = await openLevel(location, { model: autobahn, freeSpace });
    const state = await openAvail({ store, committee });
    assert.is(await state.pushBlock(second), 'added');
    await turns();
    const reason = new Error('no longer');
    const control = new AbortController();
    const closing = rejection(state.close(control.signal));
    assert.ok(await pending(closing));
    control.abort(reason);
    assert.is(await closing, reason);
    await store.close();
    await using again = await openLevel(location, { model: autobahn });
    assert.equal(again.cursors.lanes.get(lane), { first: 0n, next: 1n });
  }),
);

test('a signal that is no AbortSignal is a TypeError: nothing waits, and closing has not begun', () =>
  played(async (disk, state) => {
    const wrong = 5 as unknown as AbortSignal;
    const calls = [
      () => state.flush(wrong),
      () => state.close(wrong),
      () => state.persistInner(new Uint8Array(1), wrong),
      () => state.waitForAppQC(0n, wrong),
      () => state.waitForCommitQC(0n, wrong),
      () => state.headers().receiveBatch(wrong),
    ];
    for (const call of calls) {
      const error = await rejection(call());
      assert.instance(error, TypeError);
      assert.match((error as Error).message, /signal must be an AbortSignal, got a number/);
    }
    const stored = state.persistInner(new Uint8Array(1));
    await turns(1);
    disk.settle(0);
    await stored;
  }));

test.run();
