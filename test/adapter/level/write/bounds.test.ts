/**
 * Bounds of things that use no queue bytes: calls without bytes, waiting calls of ready(), waiting
 * reads, open ranges.
 */
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AdmissionGate,
  admissionLimits,
  CALLS_MAX,
  freeOfCost,
  ROUND_ENTRIES,
} from '../../../../src/adapter/backpressure.js';
import { openLevel } from '../../../../src/adapter/level/index.js';
import { OPEN_RANGES_MAX } from '../../../../src/adapter/level/read/reader.js';
import { QUIET_READS_MAX } from '../../../../src/adapter/level/write/queue.js';
import { openNoop } from '../../../../src/adapter/noop.js';
import type { Persistence } from '../../../../src/adapter/persistence.js';
import { WAITERS_MAX } from '../../../../src/base/waiters.js';
import { refused, refusedSync, rejection } from '../../../support/faults.js';
import { onHeld, turns } from '../../../support/held-level.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainBlock,
  plainBlocks,
} from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { gate, openPlain } from '../../wal/plain-store.js';
import { WatchedFiles } from '../../wal/watched-files.js';

const test = suite('queue: bounds');

const sized = (bytes: number) => ({ ...freeOfCost(), bytes });

test('calls without bytes are LANESTORE_CAPACITY beyond a number, until half of them has left', async () => {
  const gate = new AdmissionGate(admissionLimits({}));
  for (let i = 0; i < CALLS_MAX; i++) gate.admit(freeOfCost());
  refusedSync(() => gate.admit(freeOfCost()), 'LANESTORE_CAPACITY');
  let ready = false;
  const waiting = gate.ready().then(() => {
    ready = true;
  });
  gate.dequeue(0, CALLS_MAX / 2 - 1);
  await Promise.resolve();
  assert.not.ok(ready);
  gate.dequeue(0, 1);
  await waiting;
  gate.admit(freeOfCost());
});

test('a refused call leaves the count as it was', () => {
  const gate = new AdmissionGate(admissionLimits({ maxRoundBytes: 10, maxQueuedBytes: 10 }));
  gate.admit(sized(10));
  for (let i = 0; i < CALLS_MAX; i++) {
    const isLarge = i % 2 === 1;
    refusedSync(() => gate.admit(sized(isLarge ? 11 : 1)), isLarge ? 'LANESTORE_INVALID' : 'LANESTORE_CAPACITY');
  }
  gate.dequeue(10, 1);
  gate.admit(sized(10));
});

test('calls of ready() beyond a number are refused themselves', async () => {
  const gate = new AdmissionGate(admissionLimits({ maxQueuedBytes: 1 }));
  gate.admit(sized(100));
  const waiting = Array.from({ length: WAITERS_MAX }, () => gate.ready());
  await refused(gate.ready(), 'LANESTORE_CAPACITY');
  gate.dequeue(100, 1);
  await Promise.all(waiting);
});

/**
 * Makes calls, some of them drops of lanes, up to the number that may wait, and a few more. The
 * further calls are refused and change nothing; all others settle; `ready` waits until half of them
 * have settled. The store holds blocks 0 and 1 of lane 0a; `release` ends the held write.
 */
async function callsAreCounted(store: Persistence<PlainBlock, PlainQC, PlainAnchor>, release = () => {}) {
  let settled = 0;
  const counted = (call: Promise<void>) => call.then(() => void settled++);
  const calls = Array.from({ length: 100 }, () => counted(store.dropLanes(['0b'])));
  while (calls.length < CALLS_MAX) calls.push(counted(store.persist({})));
  const beyond = [() => store.persist({}), () => store.dropLanes(['0a'])];
  const refusals = beyond.map((call) => refused(call(), 'LANESTORE_CAPACITY'));
  const waiting = store.ready().then(() => settled);
  release();
  await Promise.all([...calls, ...refusals]);
  const settledWhenReady = await waiting;
  assert.ok(settledWhenReady > CALLS_MAX / 4, `${settledWhenReady} calls had settled when ready() did`);
  await refused(store.persist({ blocks: [plainBlock('0a', 9)] }), 'LANESTORE_OUT_OF_SEQUENCE');
  await store.persist({ blocks: [plainBlock('0a', 2)] });
  await store.dropLanes(['0a']);
  await store.persist({ blocks: [plainBlock('0a', 9)] });
}

test('the no-op backend counts calls that wait, dropped lanes among them', async () => {
  const store = await openNoop({ model: plain });
  await store.persist({ blocks: plainBlocks('0a', 0, 2) });
  await callsAreCounted(store);
  const calls = Array.from({ length: CALLS_MAX }, () => store.persist({}));
  const waiting = refused(store.ready(), 'LANESTORE_CLOSED');
  await store.close();
  await Promise.all([waiting, ...calls]);
});

test(
  'the segment-file backend counts calls that wait, dropped lanes among them',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const store = await openPlain(dir, { files });
    await store.persist({ blocks: [...plainBlocks('0a', 0, 2), ...plainBlocks('0b', 0, 2)] });
    const door = gate();
    files.before = () => door.passed;
    await callsAreCounted(store, door.open);
    await store.close();
  }),
);

test(
  'reads that wait for a batch in flight are LANESTORE_CAPACITY beyond a number',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 2) });
    db.hold();
    const written = store.persist({ blocks: [plainBlock('0a', 2)] });
    await db.held();
    const first = Array.from({ length: QUIET_READS_MAX }, () => store.readBlocks('0a').next());
    await refused(store.readBlocks('0a').next(), 'LANESTORE_CAPACITY');
    db.release();
    await written;
    // The ranges beyond those that may be open are refused by the other bound.
    const outcomes = await Promise.allSettled(first);
    assert.is(outcomes.filter(({ status }) => status === 'fulfilled').length, OPEN_RANGES_MAX);
    await store.close();
  }),
);

test('ranges that are open at the same time are LANESTORE_CAPACITY beyond a number, until one ends', async () => {
  const store = await openLevel({ db: new MemoryLevel(), model: plain });
  await store.persist({ blocks: plainBlocks('0a', 0, 3) });
  const open = Array.from({ length: OPEN_RANGES_MAX }, () => store.readBlocks('0a'));
  for (const one of open) await one.next();
  await refused(store.readBlocks('0a').next(), 'LANESTORE_CAPACITY');
  assert.equal(await store.block('0a', 1n), plainBlock('0a', 1), 'a single entry can still be read');
  await open[0]!.return?.(undefined);
  assert.equal((await store.readBlocks('0a').next()).value, plainBlock('0a', 0));
  for (const one of open) await one.return?.(undefined);
  await store.close();
});

test('a round of a million tiny blocks is refused before an entry of it is looked at; the default is kept', async () => {
  let looks = 0;
  const check = (block: PlainBlock) => {
    looks++;
    plain.block.check(block);
  };
  const model = { ...plain, block: { ...plain.block, check } };
  const data = new Uint8Array(1);
  const blocks = Array.from({ length: 1_000_000 }, (_, i) => ({ lane: '0a', number: BigInt(i), data }));
  const stores = [await openLevel({ db: new MemoryLevel(), model }), await openNoop({ model })];
  for (const store of stores) {
    looks = 0;
    await refused(store.persist({ blocks }), 'LANESTORE_INVALID', /maxRoundEntries = \d+; split it/);
    assert.is(looks, 0);
    await refused(store.persist({ blocks: blocks.slice(0, ROUND_ENTRIES + 1) }), 'LANESTORE_INVALID');
    await store.persist({ blocks: blocks.slice(0, ROUND_ENTRIES) });
    assert.is(store.cursors.lanes.get('0a')?.next, BigInt(ROUND_ENTRIES));
    await store.close();
  }
});

test(
  'waiting rounds are composed and settled in batches of bounded entries and calls, even small ones',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain, maxRoundEntries: 100 });
    const lane = (i: number) => i.toString(16).padStart(4, '0');
    db.hold();
    const first = store.persist({ blocks: plainBlocks('ff', 0, 1) });
    await db.held();
    let told = 0;
    const calls = Array.from({ length: 300 }, async (_, i) => {
      await store.persist(i % 3 === 0 ? { inner: new Uint8Array([i % 256]) } : { blocks: plainBlocks(lane(i), 0, 3) });
      told++;
    });
    const perBatch: number[] = [];
    await turns();
    while (told < calls.length) {
      const before = told;
      db.step();
      await turns();
      perBatch.push(told - before);
      if (told < calls.length) await db.held();
    }
    db.release();
    await Promise.all([first, ...calls]);
    for (const batch of db.batches.slice(1)) {
      assert.ok(batch.filter(({ key }) => key.startsWith('lane/')).length <= 100, 'entries of a batch');
    }
    assert.ok(Math.max(...perBatch) <= 100, `calls told at once: ${perBatch}`);
    await store.close();
  }),
);

test('limits that are no positive whole numbers are refused', async () => {
  for (const name of ['maxRecordBytes', 'maxInnerBytes', 'maxLanes', 'maxRoundEntries']) {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const options = { [name]: value };
      const error = refusedSync(() => admissionLimits(options), 'LANESTORE_INVALID');
      assert.match(error.message, name);
    }
    const options = { db: new MemoryLevel(), model: plain, [name]: 'many' as unknown as number };
    assert.instance(await rejection(openLevel(options)), TypeError);
  }
});

for (const [backend, open] of Object.entries({
  level: () => openLevel({ db: new MemoryLevel(), model: plain, maxLanes: 3, maxRoundEntries: 10 }),
  noop: () => openNoop({ model: plain, maxLanes: 3, maxRoundEntries: 10 }),
})) {
  test(`${backend}: of an endless iterable of lanes to drop no more is read than a store may hold`, async () => {
    const store: Persistence<PlainBlock, PlainQC, PlainAnchor> = await open();
    await store.persist({ blocks: [plainBlock('0a', 0)] });
    let [read, ended] = [0, 0];
    const endless = function* () {
      try {
        for (;;) {
          if (++read > 1000) throw new Error('it is read on and on');
          yield '0a';
        }
      } finally {
        ended++;
      }
    };
    await refused(store.dropLanes(endless()), 'LANESTORE_INVALID', /more than 10 lanes/);
    assert.equal([read, ended], [11, 1]);
    assert.is(store.cursors.lanes.size, 1, 'nothing was dropped');
    await store.dropLanes(Array.from({ length: 10 }, (_, i) => `0${i.toString(16)}`));
    await store.dropLanes(['0a']);
    assert.is(store.cursors.lanes.size, 0);
    await store.close();
  });
}

test('as many lanes as a store holds are dropped by one call, whatever its bounds are by now', async () => {
  const db = new MemoryLevel<Uint8Array, Uint8Array>();
  const lanes = Array.from({ length: 40 }, (_, i) => `a${i.toString(16).padStart(3, '0')}`);
  const before = await openLevel({ db, model: plain });
  await before.persist({ blocks: lanes.map((lane) => plainBlock(lane, 0)) });
  await before.close();
  const store = await openLevel({ db, model: plain, maxLanes: 3, maxRoundEntries: 10 });
  await refused(store.dropLanes([...lanes, '0a']), 'LANESTORE_INVALID', /more than 40 lanes/);
  await store.dropLanes(lanes);
  assert.is(store.cursors.lanes.size, 0);
  await store.close();
});

test.run();
