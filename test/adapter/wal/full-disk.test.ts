/** A store on a full disk: it opens, and it prunes, which makes room. */
import { appendFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame } from '../../../src/adapter/wal/frame.js';
import { refused, tree } from '../../support/faults.js';
import { plain, plainAnchor, plainBlock, plainBlocks, plainQC } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';
import { FullDisk } from './full-disk.js';
import { contentOf, openPlain, type PlainStore, withStore } from './plain-store.js';

const test = suite('wal: a full disk');

const SEGMENT_BYTES = 700;
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const segments = (dir: string, lane = '0a') => readdirSync(join(dir, 'blocks', lane)).sort();
/** Both files of the anchor exist at their final size, as on a node that has pruned before. */
const anchors = [plainAnchor(0, { '0a': 10, '0b': 10 }), plainAnchor(1, { '0a': 11, '0b': 11 })];

/** A store with blocks 11 to `next` of one lane and 11 to 13 of another lane; the disk is full. */
async function filled(dir: string, disk: FullDisk, next: number): Promise<PlainStore> {
  const store = await openPlain(dir, { files: disk, segmentBytes: SEGMENT_BYTES });
  for (const anchor of anchors) await store.persist({ anchor });
  await store.persist({ blocks: [...plainBlocks('0a', 11, next), ...plainBlocks('0b', 11, 14)] });
  await store.persist({ commitQCs: [plainQC(2), plainQC(3), plainQC(4)] });
  disk.freeBytes = 0;
  return store;
}

test(
  'a store prunes on a full disk: files that need no write are removed first, which makes room for the rest',
  inTemp(async (dir) => {
    const disk = new FullDisk();
    const store = await filled(dir, disk, 51);
    const before = segments(dir);
    assert.ok(before.length >= 4, before.join());
    await store.persist({ anchor: plainAnchor(3, { '0a': 48, '0b': 13 }) });
    assert.ok(disk.freeBytes > 2 * SEGMENT_BYTES, `${disk.freeBytes} bytes are free`);
    const blocks = [plainBlock('0a', 51), plainBlock('0b', 14)];
    await store.persist({ blocks, commitQCs: [plainQC(5)] });
    await store.close();
    const { lanes, commitQCs, cursors } = await withStore(dir, async (again) => contentOf(again));
    assert.equal(lanes, { '0a': numbers(48, 52), '0b': [13, 14] });
    assert.equal(commitQCs, [3, 4, 5]);
    assert.equal(cursors, { '0a': '48-52', '0b': '13-15' });
  }),
);

test(
  'entries below the anchor that cannot be cut out of their segment stay, hidden, until there is room',
  inTemp(async (dir) => {
    const disk = new FullDisk();
    const store = await filled(dir, disk, 15);
    const bytes = () => statSync(join(dir, 'blocks', '0a', segments(dir)[0]!)).size;
    const before = bytes();
    await store.persist({ anchor: plainAnchor(2, { '0a': 12, '0b': 12 }) });
    assert.is(bytes(), before);
    assert.equal(
      [...store.cursors.lanes.values()],
      [
        { first: 12n, next: 15n },
        { first: 12n, next: 14n },
      ],
    );
    assert.ok(
      segments(dir).every((name) => /^[0-9]{20}$/.test(name)),
      'nothing is left of the attempt',
    );
    // A second truncation, and one that empties a lane, count from the right index.
    await store.persist({ anchor: plainAnchor(3, { '0a': 14, '0b': 14 }) });
    assert.is(disk.freeBytes > 0, true, 'the empty lane needs no room');
    await store.close();
    disk.freeBytes = 0;
    const again = await openPlain(dir, { files: disk, segmentBytes: SEGMENT_BYTES });
    assert.equal(contentOf(again).lanes, { '0a': [14] });
    disk.freeBytes = 1000;
    await again.persist({ blocks: plainBlocks('0a', 15, 17) });
    await again.persist({ anchor: plainAnchor(4, { '0a': 16, '0b': 14 }) });
    await again.close();
    const { lanes, cursors } = await withStore(dir, async (last) => contentOf(last));
    assert.equal(lanes, { '0a': [16] });
    assert.equal(cursors, { '0a': '16-17', '0b': '14-14' });
    assert.equal(segments(dir), ['6'.padStart(20, '0')], 'by index, which counts from the first block, 11');
  }),
);

test(
  'the bytes of a block that did not fit are freed; a torn tail is cut without being kept, and the store prunes',
  inTemp(async (dir) => {
    const disk = new FullDisk();
    const store = await filled(dir, disk, 51);
    disk.freeBytes = 30;
    const block = plainBlock('0a', 51, 'x'.repeat(200));
    const error = await refused(store.persist({ blocks: [block] }), 'LANESTORE_FAILED');
    assert.match(error.message, /ENOSPC/);
    await store.close();
    assert.is(disk.freeBytes, 30);
    // A node that died in the middle of that write.
    const tail = join(dir, 'blocks', '0a', segments(dir).at(-1)!);
    appendFileSync(tail, encodeFrame(plain.block.toWire(block)).subarray(0, 30));
    disk.freeBytes = 0;
    const again = await openPlain(dir, { files: disk, segmentBytes: SEGMENT_BYTES });
    assert.match(again.notes.join('\n'), /cut a torn tail of 30 bytes .*not kept: the disk is full/);
    assert.equal(readdirSync(join(dir, 'torn')), []);
    await again.persist({ anchor: plainAnchor(3, { '0a': 48, '0b': 13 }) });
    await again.persist({ blocks: [plainBlock('0a', 51)] });
    await again.close();
    assert.equal((await withStore(dir, async (last) => contentOf(last))).lanes, { '0a': numbers(48, 52), '0b': [13] });
  }),
);

test(
  'a truncation without a stored anchor is not durable without room: it fails, and nothing is lost',
  inTemp(async (dir) => {
    const disk = new FullDisk();
    const store = await filled(dir, disk, 15);
    const pruned = store.blocks.maybePruneAndPersistLane('0a', plainQC(3, { '0a': 13 }), []);
    await refused(pruned, 'LANESTORE_FAILED', /ENOSPC/);
    await store.close();
    const before = tree(join(dir, 'blocks'));
    const { lanes } = await withStore(dir, async (again) => contentOf(again), { files: disk });
    assert.equal(lanes, { '0a': numbers(11, 15), '0b': numbers(11, 14) });
    assert.equal(tree(join(dir, 'blocks')), before);
  }),
);

test(
  'the process dies after any operation of pruning on a full disk: every entry above the anchor is kept',
  inTemp(async (dir) => {
    let points = 0;
    for (let count = 0, died = true; died && count < 100; count++, points++) {
      const at = join(dir, String(count));
      const disk = new FullDisk();
      const store = await filled(at, disk, 51);
      const done = disk.done.length;
      disk.before = () => {
        if (disk.done.length - done >= count) throw new Error('died');
      };
      died = await store.persist({ anchor: plainAnchor(3, { '0a': 48, '0b': 13 }) }).then(
        () => false,
        () => true,
      );
      await store.close();
      const { lanes, anchor } = await withStore(at, async (again) => contentOf(again));
      const first = anchor === 3 ? 48 : 11;
      assert.equal(lanes, { '0a': numbers(first, 51), '0b': numbers(anchor === 3 ? 13 : 11, 14) }, `after ${count}`);
      assert.ok(segments(at).every((name) => /^[0-9]{20}$/.test(name)));
      assert.ok(existsSync(join(at, 'blocks', '0a')));
    }
    assert.ok(points > 20 && points < 100, `${points} operations`);
  }),
);

test.run();
