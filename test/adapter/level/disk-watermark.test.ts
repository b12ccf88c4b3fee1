/**
 * The disk watermark: rounds are refused before the disk is full, pruning still works, nothing is
 * lost, and the store does not fail.
 */
import fs, { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AdmissionGate, admissionLimits, type Cost, freeOfCost } from '../../../src/adapter/backpressure.js';
import {
  DiskSpace,
  defaultMinFreeBytes,
  type FreeSpace,
  spaceLimits,
} from '../../../src/adapter/level/disk-watermark.js';
import { openLevel } from '../../../src/adapter/level/index.js';
import { isLanestoreError, LanestoreError } from '../../../src/errors.js';
import { refused, refusedSync, rejection } from '../../support/faults.js';
import { withTmpfs } from '../../support/faults-mount.js';
import { settles } from '../../support/hang.js';
import { runWorker } from '../../support/kill.js';
import { plain, plainAnchor, plainBlock, plainBlocks, plainQC, plainVote } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';

const MIB = 1024 * 1024;

/**
 * A disk whose free bytes a test sets. Readings other than `readNow` stay pending until the test
 * answers them.
 */
class FakeDisk implements FreeSpace {
  free: number;
  /** Number of synchronous readings. */
  looks = 0;
  readonly #held: (() => void)[] = [];

  constructor(free: number) {
    this.free = free;
  }

  readNow(): number {
    this.looks++;
    return this.free;
  }

  read(): Promise<number> {
    return new Promise((resolve) => this.#held.push(() => resolve(this.free)));
  }

  get reading(): number {
    return this.#held.length;
  }

  async answer(): Promise<void> {
    for (const answer of this.#held.splice(0)) answer();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const watermark = suite('the watermark');
const store = suite('a store under the watermark');

/** Keeps the event loop alive: waiting for space is unreferenced and would not. */
for (const tests of [watermark, store]) {
  let alive: NodeJS.Timeout;
  tests.before(() => {
    alive = setInterval(() => undefined, 1000);
  });
  tests.after(() => clearInterval(alive));
}

const round = (diskBytes: number): Cost => ({ ...freeOfCost(), diskBytes, isPrune: false });
const prune = (diskBytes: number): Cost => ({ ...freeOfCost(), diskBytes });

/** 1,000 bytes must stay free, 200 of them for pruning. */
function watch(free: number) {
  const disk = new FakeDisk(free);
  const clock = { now: 0 };
  const space = new DiskSpace(disk, { minFreeBytes: 1000, pruneFreeBytes: 200 }, () => clock.now);
  return { disk, clock, space, gate: new AdmissionGate(admissionLimits({}), [space]) };
}

watermark('bytes accepted since the reading are subtracted', () => {
  const { space } = watch(1500);
  for (let i = 0; i < 5; i++) {
    space.check(round(100));
    space.enter(round(100));
  }
  const error = refusedSync(() => space.check(round(1)), 'LANESTORE_CAPACITY');
  assert.match(error.message, /1000 bytes of disk are free/);
  space.check(prune(800));
  refusedSync(() => space.check(prune(801)), 'LANESTORE_CAPACITY');
});

watermark(
  'a reading does not cover bytes that had not settled when it began, nor bytes accepted while it ran',
  async () => {
    const { disk, clock, space } = watch(2000);
    space.enter(round(300));
    space.enter(round(200));
    space.leave(round(300));
    clock.now = 300;
    disk.free = 1700;
    space.check(round(100));
    assert.is(disk.reading, 1);
    space.enter(round(100));
    space.leave(round(200));
    await disk.answer();
    // 1,700, minus 200 in flight when the reading began, minus 100 accepted while it ran.
    space.check(round(400));
    refusedSync(() => space.check(round(401)), 'LANESTORE_CAPACITY');
  },
);

watermark(
  'readings run in the background, periodically and after many bytes; synchronously only after a pause',
  async () => {
    const { disk, clock, space } = watch(1_000_000);
    for (let i = 0; i < 100; i++) space.check(round(1));
    assert.equal([disk.looks, disk.reading], [1, 0]);
    space.enter(round(126));
    space.check(round(1));
    space.check(round(1));
    assert.equal([disk.looks, disk.reading], [1, 1]);
    await disk.answer();
    clock.now = 251;
    space.check(round(1));
    assert.equal([disk.looks, disk.reading], [1, 1]);
    await disk.answer();
    clock.now = 251 + 5001;
    disk.free = 900;
    refusedSync(() => space.check(round(1)), 'LANESTORE_CAPACITY');
    assert.equal([disk.looks, disk.reading], [2, 0]);
  },
);

watermark('a slow reading is dropped if a later one has finished before it', async () => {
  const { disk, clock, space } = watch(5000);
  clock.now = 300;
  space.check(round(1));
  clock.now = 6000;
  disk.free = 1100;
  space.check(round(100));
  disk.free = 9999;
  await disk.answer();
  refusedSync(() => space.check(round(101)), 'LANESTORE_CAPACITY');
});

watermark('the watermark reads the disk again before it refuses, unless it has just read it', () => {
  const { disk, clock, space } = watch(1000);
  refusedSync(() => space.check(round(1)), 'LANESTORE_CAPACITY');
  disk.free = 2000;
  refusedSync(() => space.check(round(1)), 'LANESTORE_CAPACITY');
  clock.now = 251;
  space.check(round(1));
});

watermark('a disk that can no longer be read is not assumed to have more room', () => {
  const { disk, clock, space } = watch(1100);
  space.enter(round(60));
  disk.readNow = () => {
    throw new Error('EIO');
  };
  clock.now = 10_000;
  space.check(round(40));
  assert.match(refusedSync(() => space.check(round(41)), 'LANESTORE_CAPACITY').message, /EIO/);
});

watermark('ready() waits for room for the largest refused round, for the signal, or for the end', async () => {
  const { disk, space, gate } = watch(1000);
  await gate.ready();
  refusedSync(() => space.check(round(500)), 'LANESTORE_CAPACITY');
  refusedSync(() => space.check(round(1)), 'LANESTORE_CAPACITY');
  let ready = 0;
  const waiting = [gate.ready(), gate.ready()].map((call) => call.then(() => ready++));
  const control = new AbortController();
  const aborted = rejection(gate.ready(control.signal));
  control.abort('no longer');
  assert.is(await aborted, 'no longer');
  while (disk.reading === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  disk.free = 1499;
  await disk.answer();
  assert.is(ready, 0);
  while (disk.reading === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  disk.free = 1500;
  await disk.answer();
  await Promise.all(waiting);
  space.check(round(500));
  space.enter(round(500));
  refusedSync(() => space.check(round(500)), 'LANESTORE_CAPACITY');
  const refusedWaiter = rejection(gate.ready());
  const end = new LanestoreError('LANESTORE_CLOSED', 'over');
  gate.close(end);
  assert.is(await refusedWaiter, end);
  assert.is(await rejection(gate.ready()), end);
});

watermark(
  'ready() stops waiting for a large round that was given up: after four readings it waits for the smaller ones',
  async () => {
    const { disk, space, gate } = watch(1400);
    refusedSync(() => space.check(round(500)), 'LANESTORE_CAPACITY');
    let ready = 0;
    const wait = async () => {
      await gate.ready();
      ready++;
    };
    const reading = async () => {
      while (disk.reading === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await disk.answer();
    };
    const first = wait();
    for (let i = 0; i < 3; i++) await reading();
    assert.is(ready, 0, 'the round may be tried again');
    await reading();
    assert.is(ready, 1, 'smaller rounds are accepted');
    await first;
    space.check(round(400));
    await gate.ready();
    refusedSync(() => space.check(round(500)), 'LANESTORE_CAPACITY');
    disk.free = 1000;
    const second = wait();
    for (let i = 0; i < 6; i++) await reading();
    assert.is(ready, 1, 'no round is accepted');
    disk.free = 1001;
    await reading();
    await second;
  },
);

watermark('the default is the space that LevelDB may need at once', () => {
  assert.is(defaultMinFreeBytes(16 * MIB, 8 * MIB), 234 * MIB);
  assert.is(defaultMinFreeBytes(MIB, 8 * MIB), 202 * MIB);
  assert.equal(spaceLimits(234 * MIB, 16 * MIB), { minFreeBytes: 234 * MIB, pruneFreeBytes: 33 * MIB });
  assert.equal(spaceLimits(1000, 16 * MIB), { minFreeBytes: 1000, pruneFreeBytes: 500 });
  for (const wrong of [-1, 0.5, Number.NaN]) refusedSync(() => spaceLimits(wrong, 1), 'LANESTORE_INVALID');
});

watermark.run();

/** 100,000 bytes must stay free, half of them for pruning. */
const open = (location: string, freeSpace: FreeSpace) =>
  openLevel(location, { model: plain, minFreeBytes: 100_000, freeSpace });

store(
  'a round is refused and not stored, pruning still works, and with space again the round is accepted',
  inTemp(async (dir) => {
    const disk = new FakeDisk(1_000_000);
    await using opened = await open(dir, disk);
    await opened.persist({
      commitQCs: [0, 1, 2].map((i) => plainQC(i)),
      blocks: [...plainBlocks('0a', 0, 9), plainBlock('0b', 0)],
    });
    await opened.votes!.bind(new Uint8Array(32).fill(1));
    disk.free = 90_000;
    const round = { inner: new Uint8Array([1]), blocks: [plainBlock('0a', 9)] };
    // The last reading is recent, and this large round exceeds it.
    const large = { blocks: [plainBlock('0a', 9, new Uint8Array(950_000))] };
    await refused(opened.persist(large), 'LANESTORE_CAPACITY', /wait for ready\(\)/);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await refused(opened.persist(large), 'LANESTORE_CAPACITY');
    await refused(opened.persist(round), 'LANESTORE_CAPACITY');
    assert.equal(opened.cursors.lanes.get('0a'), { first: 0n, next: 9n });
    await opened.persist({ anchor: plainAnchor(1, { '0a': 4 }) });
    await opened.anchor.persist(plainAnchor(3, { '0a': 5 }));
    await opened.blocks.maybePruneAndPersistLane('0a', plainQC(3, { '0a': 6 }), []);
    await opened.commitQCs.maybePruneAndPersist(undefined, [plainQC(2)]);
    await opened.dropLanes(['0b']);
    // A vote needs space like any entry; closing a part must not wait for it.
    await refused(opened.persist({ votes: [plainVote('step', [1n, 0n])] }), 'LANESTORE_CAPACITY');
    await opened.votes!.quarantine(['app'], 'a test');
    await refused(opened.persist({ anchor: plainAnchor(4), blocks: [plainBlock('0a', 9)] }), 'LANESTORE_CAPACITY');
    await refused(opened.commitQCs.maybePruneAndPersist(undefined, [plainQC(4)]), 'LANESTORE_CAPACITY');
    assert.equal([...opened.cursors.lanes], [['0a', { first: 6n, next: 9n }]]);
    assert.equal(opened.cursors.commitQCs, { first: 3n, next: 4n });
    // On a slow machine a reading may be in progress by now, and its answer would be outdated.
    await disk.answer();
    disk.free = 10_000;
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Accepted on the last reading; the new reading runs at the same time.
    await opened.persist({ anchor: plainAnchor(3) });
    await disk.answer();
    await refused(opened.persist({ anchor: plainAnchor(5) }), 'LANESTORE_CAPACITY');
    await refused(opened.dropLanes(['0a']), 'LANESTORE_CAPACITY');
    await opened.persist({});
    let ready = false;
    const waiting = opened.ready().then(() => {
      ready = true;
    });
    await disk.answer();
    assert.not.ok(ready);
    disk.free = 2_000_000;
    while (!ready) {
      await disk.answer();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await waiting;
    await opened.persist(round);
    assert.equal(opened.cursors.lanes.get('0a'), { first: 6n, next: 10n });
  }),
);

store(
  'a file system that reports no blocks at all has unknown free space: no round is refused',
  inTemp(async (dir) => {
    const disk = join(dir, 'disk');
    await withTmpfs('a file system without a size', disk, '0', async () => {
      assert.is(statfsSync(disk).blocks, 0);
      const location = join(disk, 'store');
      {
        await using opened = await openLevel(location, { model: plain, values: { waitBytesMin: 1 } });
        for (let n = 0; n < 4; n++) {
          await opened.persist({ blocks: [plainBlock('0a', n, new Uint8Array(300_000).fill(n)), plainBlock('0b', n)] });
        }
        await opened.ready();
        assert.is(opened.freeBytes, undefined);
        assert.ok(opened.valueUsage.liveBytes > 0, 'values are separated there too');
      }
      await using again = await openLevel(location, { model: plain });
      assert.equal(again.cursors.lanes.get('0a'), { first: 0n, next: 4n });
    });
  }),
);

store(
  'a system without statfs has unknown free space: no round is refused',
  inTemp(async (dir) => {
    const { statfsSync: sync } = fs;
    const { statfs } = fs.promises;
    const missing = Object.assign(new Error('ENOSYS: function not implemented, statfs'), { code: 'ENOSYS' });
    Object.assign(fs, {
      statfsSync: () => {
        throw missing;
      },
    });
    Object.assign(fs.promises, { statfs: () => Promise.reject(missing) });
    syncBuiltinESMExports();
    try {
      await using opened = await openLevel(dir, { model: plain });
      for (let n = 0; n < 3; n++) await opened.persist({ blocks: [plainBlock('0a', n, new Uint8Array(300_000))] });
      assert.is(opened.freeBytes, undefined);
    } finally {
      Object.assign(fs, { statfsSync: sync });
      Object.assign(fs.promises, { statfs });
      syncBuiltinESMExports();
    }
  }),
);

store(
  'a large round that was given up keeps no call of ready() waiting',
  inTemp(async (dir) => {
    const free = 400_000;
    await using opened = await open(dir, { read: async () => free, readNow: () => free });
    await refused(
      opened.persist({ blocks: [plainBlock('0a', 0, new Uint8Array(500_000))] }),
      'LANESTORE_CAPACITY',
      /bytes of disk are free/,
    );
    await opened.persist({ blocks: [plainBlock('0a', 0)] });
    await settles(
      () => 'ready(), though small rounds are accepted',
      opened.ready(),
      () => 0,
    );
    await opened.persist({ blocks: [plainBlock('0a', 1)] });
  }),
);

store(
  'calls that wait for space are rejected when the store closes',
  inTemp(async (dir) => {
    const opened = await open(dir, new FakeDisk(0));
    await refused(opened.persist({ blocks: [plainBlock('0a', 0)] }), 'LANESTORE_CAPACITY');
    const waiting = refused(opened.ready(), 'LANESTORE_CLOSED');
    await opened.close();
    await waiting;
    await refused(opened.ready(), 'LANESTORE_CLOSED');
  }),
);

store(
  'waiting for space does not keep the process alive',
  inTemp(async (dir) => {
    const { lines, code } = await runWorker(new URL('./disk-watermark-worker.js', import.meta.url), [
      join(dir, 'store'),
    ]);
    assert.equal([lines, code], [['waiting'], 0]);
  }),
);

store(
  'on a small disk that fills up: refused in time, never failed, and accepted when there is space again',
  inTemp(async (dir) => {
    const disk = join(dir, 'disk');
    await withTmpfs('a store on a small disk', disk, '48m', async () => {
      const location = join(disk, 'store');
      const level = { writeBufferBytes: MIB, tableFileBytes: MIB };
      const block = (number: number) => plainBlock('0a', number, new Uint8Array(64 * 1024).fill(number));
      writeFileSync(join(disk, 'filler'), new Uint8Array(6 * MIB));
      let next = 0;
      {
        await using opened = await openLevel(location, { model: plain, level });
        const fill = async () => {
          for (;;) {
            try {
              await opened.persist({ blocks: [block(next)] });
              next++;
            } catch (error) {
              if (!isLanestoreError(error, 'LANESTORE_CAPACITY')) throw error;
              return;
            }
          }
        };
        await fill();
        const first = next;
        const { bavail, bsize } = statfsSync(disk);
        assert.ok(first > 20 && bavail * bsize > 20 * MIB, `${first} blocks, ${bavail * bsize} bytes are left`);
        rmSync(join(disk, 'filler'));
        await opened.ready();
        await fill();
        assert.ok(next >= first + 20, `${next - first} more`);
        await opened.persist({ anchor: plainAnchor(0, { '0a': next - 10 }) });
      }
      await using again = await openLevel(location, { model: plain, level });
      const { blocks } = again.takeRecovered();
      assert.equal(
        blocks.get('0a'),
        Array.from({ length: 10 }, (_, i) => block(next - 10 + i)),
      );
    });
  }),
);

store.run();
