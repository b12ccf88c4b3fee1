/**
 * Pruning alone frees space: stores on disks that are full of pruned entries, and the rules of
 * compaction.
 */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FreeSpace } from '../../../../src/adapter/level/disk-watermark.js';
import { firstTip, type Tip } from '../../../../src/adapter/level/format/tip.js';
import { openLevel, type ValueOptions } from '../../../../src/adapter/level/index.js';
import { REST_MS, Reclaimer } from '../../../../src/adapter/level/write/reclaimer.js';
import { isLanestoreError } from '../../../../src/errors.js';
import type { LaneId } from '../../../../src/keys/index.js';
import { refused } from '../../../support/faults.js';
import { withTmpfs } from '../../../support/faults-mount.js';
import { settles } from '../../../support/hang.js';
import { plain, plainAnchor, plainBlock } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

const MIB = 1024 * 1024;
/** The watermark is at 27 MiB then. */
const LEVEL = { writeBufferBytes: MIB, tableFileBytes: MIB };
const BLOCK_BYTES = 64 * 1024;

/** Bytes of all files below a directory. */
function bytesBelow(dir: string): number {
  let bytes = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** A disk that contains only the store. */
function diskOf(location: string, bytes: number): FreeSpace {
  const readNow = () => bytes - bytesBelow(location);
  return { readNow, read: async () => readNow() };
}

interface Disk {
  readonly location: string;
  readonly freeSpace?: FreeSpace;
  readonly values?: ValueOptions;
}

/** Fills the disk to its watermark, prunes, and stores half as much again. */
async function fillTwice({ location, ...options }: Disk): Promise<void> {
  const block = (number: number) => plainBlock('0a', number, new Uint8Array(BLOCK_BYTES).fill(number));
  let next = 0;
  {
    await using store = await openLevel(location, { model: plain, level: LEVEL, ...options });
    const fill = async () => {
      for (;;) {
        try {
          await store.persist({ blocks: [next, next + 1, next + 2, next + 3].map(block) });
          next += 4;
        } catch (error) {
          if (!isLanestoreError(error, 'LANESTORE_CAPACITY')) throw error;
          return;
        }
      }
    };
    await fill();
    const first = next;
    assert.ok(first > 100, `${first} blocks`);
    await store.persist({ anchor: plainAnchor(0, { '0a': next - 10 }) });
    // `ready` waits for the refused round only, not for all space that will be freed.
    for (let tries = 0; next - first <= first / 2 && tries < 100; tries++) {
      await settles(
        () => 'ready() of a store that was pruned',
        store.ready(),
        () => bytesBelow(location),
      );
      await fill();
    }
    assert.ok(next - first > first / 2, `${next - first} blocks more, ${first} at first`);
  }
  await using again = await openLevel(location, { model: plain, level: LEVEL, ...options });
  const blocks = again.takeRecovered().blocks.get('0a') ?? [];
  assert.is(blocks.at(-1)?.number, BigInt(next - 1));
  assert.equal(blocks[0], block(Number(blocks[0]?.number)));
}

const store = suite('a store under the watermark, pruned');

store(
  'has room again: what was pruned is compacted away',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    mkdirSync(location);
    await fillTwice({ location, freeSpace: diskOf(location, 48 * MIB), values: { batchBytesMin: 2 ** 40 } });
  }),
);

store(
  'has room again: value files that nobody refers to are removed',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    mkdirSync(location);
    const values = { fileBytes: MIB, waitBytesMin: 1 };
    await fillTwice({ location, freeSpace: diskOf(location, 64 * MIB), values });
  }),
);

store(
  'has room again on a real small disk',
  inTemp(async (dir) => {
    const disk = join(dir, 'disk');
    await withTmpfs('pruning a store on a small disk', disk, '48m', () =>
      fillTwice({ location: join(disk, 'store'), values: { batchBytesMin: 2 ** 40 } }),
    );
  }),
);

/** A reclaimer whose compactions a test ends. */
function held(dir: string, lanes: readonly LaneId[]) {
  const compactions: { from: string; to: string; end: () => void }[] = [];
  const starts = new Map(lanes.map((lane) => [lane, 5n]));
  const space = { hasRoom: false, isAwaited: true, allowed: [] as number[], allows: true };
  let sheds = 0;
  const tip = (): Tip => ({
    ...firstTip(new Uint8Array(16), 0),
    lanes: new Map([...starts].map(([lane, first]) => [lane, { first, next: 100n, swept: first }])),
  });
  const reclaimer = new Reclaimer({
    level: dir,
    tip,
    engine: { compact: (from, to) => new Promise((end) => compactions.push({ from, to, end })) },
    space: {
      get hasRoom() {
        return space.hasRoom;
      },
      allowsCompaction: async (bytes) => {
        space.allowed.push(bytes);
        return space.allows;
      },
    },
    isAwaited: () => space.isAwaited,
    values: { shed: () => void sheds++ },
  });
  const soon = () => new Promise((resolve) => setTimeout(resolve, 20));
  /** Waits until this many compactions have begun: far longer than the reclaimer's pause. */
  const begun = async (count: number) => {
    for (let tries = 0; compactions.length < count && tries < 1000; tries++) await soon();
    assert.is(compactions.length, count, 'compactions begun');
  };
  return { reclaimer, compactions, starts, space, soon, begun, sheds: () => sheds };
}

const rules = suite('the reclaimer');

rules(
  'does nothing while there is room, then one compaction at a time, over the stale keys of neighbours',
  inTemp(async (dir) => {
    writeFileSync(join(dir, '000005.ldb'), new Uint8Array(300));
    writeFileSync(join(dir, '000006.log'), new Uint8Array(50));
    const lanes = Array.from({ length: 10 }, (_, i) => `${i}a`);
    const { reclaimer, compactions, space, soon, begun, sheds } = held(dir, lanes);
    space.hasRoom = true;
    reclaimer.kick();
    await soon();
    assert.equal([compactions.length, sheds()], [0, 0]);
    space.hasRoom = false;
    for (let i = 0; i < 5; i++) {
      reclaimer.kick();
      await begun(i + 1);
      reclaimer.kick();
      await soon();
      assert.is(compactions.length, i + 1, 'one at a time');
      compactions[i]!.end();
    }
    await soon();
    const [zero, five] = ['0'.repeat(20), '5'.padStart(20, '0')];
    const expected = [0, 2, 4, 6, 8].map((i) => [`lane/${i}a/${zero}`, `lane/${i + 1}a/${five}`]);
    assert.equal(
      compactions.map(({ from, to }) => [from, to]),
      expected,
    );
    assert.equal([space.allowed, sheds()], [Array(5).fill(300), 1]);
    await reclaimer.stop();
  }),
);

rules(
  'compacts again only what was pruned since, after a pause; ends when there is room; needs room itself',
  inTemp(async (dir) => {
    const { reclaimer, compactions, starts, space, soon, begun } = held(dir, ['0a', '0b']);
    space.allows = false;
    reclaimer.kick();
    await soon();
    assert.is(compactions.length, 0);
    space.allows = true;
    // The kick at the end of a run takes effect after the pause.
    await begun(1);
    space.hasRoom = true;
    compactions[0]!.end();
    await soon();
    assert.is(compactions.length, 1, 'there is room');
    space.hasRoom = false;
    starts.set('0a', 9n);
    reclaimer.kick();
    await soon();
    assert.is(compactions.length, 1, 'it rests');
    await begun(2);
    assert.match(compactions[1]!.from, /^lane\/0a\/0+5$/);
    assert.match(compactions[1]!.to, /^lane\/0a\/0+9$/);
    let stopped = false;
    const stopping = reclaimer.stop().then(() => {
      stopped = true;
    });
    await soon();
    assert.not.ok(stopped);
    compactions[1]!.end();
    await stopping;
    starts.set('0b', 9n);
    reclaimer.kick();
    await soon();
    assert.is(compactions.length, 2);
  }),
);

rules(
  'compacts once after a refusal; again only after another refusal, or for a call that waits',
  inTemp(async (dir) => {
    const { reclaimer, compactions, starts, space, soon, begun } = held(dir, ['0a']);
    space.isAwaited = false;
    reclaimer.kick();
    await soon();
    assert.is(compactions.length, 0, 'nothing was refused, and nothing waits');
    reclaimer.refused();
    await begun(1);
    starts.set('0a', 9n);
    compactions[0]!.end();
    await soon();
    for (let kicks = 0; kicks < 100; kicks++) {
      starts.set('0a', 10n + BigInt(kicks));
      reclaimer.kick();
      await soon();
    }
    assert.is(compactions.length, 1, 'longer than it rests: the round was given up');
    reclaimer.refused();
    await begun(2);
    compactions[1]!.end();
    await soon();
    starts.set('0a', 200n);
    space.isAwaited = true;
    reclaimer.kick();
    await begun(3);
    compactions[2]!.end();
    await reclaimer.stop();
  }),
);

store(
  'is compacted at most once for a round that was refused and given up',
  inTemp(async (dir) => {
    const free = 230e6;
    const compact = ClassicLevel.prototype.compactRange;
    let compactions = 0;
    ClassicLevel.prototype.compactRange = function (
      this: ClassicLevel<string, Uint8Array>,
      ...args: Parameters<typeof compact>
    ) {
      compactions++;
      return compact.apply(this, args);
    } as typeof compact;
    try {
      await using one = await openLevel(dir, {
        model: plain,
        freeSpace: { read: async () => free, readNow: () => free },
      });
      const large = [0, 1, 2].map((number) => plainBlock('0a', number, new Uint8Array(15e6)));
      await refused(one.persist({ blocks: large }), 'LANESTORE_CAPACITY');
      const end = performance.now() + 3 * REST_MS;
      // A run takes one compaction for the lane, and one for the CommitQCs.
      for (let n = 0; performance.now() < end && compactions <= 2; n++) {
        await one.persist({ anchor: plainAnchor(n, { '0a': n }), blocks: [plainBlock('0a', n)] });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      ClassicLevel.prototype.compactRange = compact;
    }
    assert.ok(compactions <= 2, `${compactions} compactions for one round that was given up`);
  }),
);

store.run();
rules.run();
