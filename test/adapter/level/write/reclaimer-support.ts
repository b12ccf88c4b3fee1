/** Stores that run out of room. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { FreeSpace } from '../../../../src/adapter/level/disk-watermark.js';
import { firstTip, type Tip } from '../../../../src/adapter/level/format/tip.js';
import { openLevel, type ValueOptions } from '../../../../src/adapter/level/index.js';
import { Reclaimer } from '../../../../src/adapter/level/write/reclaimer.js';
import { isLanestoreError } from '../../../../src/errors.js';
import type { LaneId } from '../../../../src/keys/index.js';
import { settles } from '../../../support/hang.js';
import { plain, plainAnchor, plainBlock } from '../../../support/plain-model.js';

/** Bytes of one MiB. */
export const MIB = 1024 * 1024;

/** The watermark is at 27 MiB then. */
export const LEVEL = { writeBufferBytes: MIB, tableFileBytes: MIB };

/** Bytes of a block. */
export const BLOCK_BYTES = 64 * 1024;

/** Bytes of all files below a directory. */
export function bytesBelow(dir: string): number {
  let bytes = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** A store, and the free space that it sees. */
export interface Disk {
  readonly location: string;
  readonly freeSpace?: FreeSpace;
  readonly values?: ValueOptions;
}

/** Fills the disk to its watermark, prunes, and stores half as much again. */
export async function fillTwice({ location, ...options }: Disk): Promise<void> {
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

/** A reclaimer whose compactions a test ends. */
export function held(dir: string, lanes: readonly LaneId[]) {
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
