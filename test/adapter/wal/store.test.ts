/**
 * The store in its directory: the cases of blocks_test.go and commitqcs_test.go that concern the
 * disk (docs/original.md, Test cases: blocks; docs/original.md, Test cases: CommitQCs), start
 * rules, dropped lanes.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame } from '../../../src/adapter/wal/frame.js';
import { ABFile, IndexedWal } from '../../../src/adapter/wal/index.js';
import { blockCodec } from '../../../src/adapter/wal/state.js';
import { refused, rejection, tree } from '../../support/faults.js';
import { plain, plainAnchor, plainBlock, plainBlocks, plainQC } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';
import { contentOf, openPlain, withStore } from './plain-store.js';
import { WatchedFiles } from './watched-files.js';

const test = suite('wal: the store');
const A = '0a';
const B = '0b';
const LONG = 'ab'.repeat(32);
const SEGMENT = '00000000000000000001';
const content = (dir: string) => withStore(dir, async (store) => contentOf(store));
const nothing = { anchor: undefined, inner: undefined, commitQCs: [], lanes: {}, cursors: {}, qcCursor: '0-0' };

/** Appends blocks to the log of a lane while the store is closed. */
async function putBlocks(dir: string, lane: string, numbers: number[], ofLane = lane): Promise<void> {
  const options = { tornDirectory: join(dir, 'torn'), files: new WatchedFiles() };
  const codec = blockCodec(plain, lane);
  const log = await IndexedWal.open(join(dir, 'blocks', lane), codec, options);
  for (const number of numbers) await log.append(plainBlock(ofLane, number));
  await log.close();
}

test(
  'a new store: directories and files as the original makes them, modes as on a real node',
  inTemp(async (dir) => {
    const at = join(dir, 'new', 'state');
    assert.equal(await content(at), nothing);
    const made = readdirSync(at).sort();
    assert.equal(made, ['avail_inner_a.pb', 'avail_inner_b.pb', 'blocks', 'commitqcs', 'lock']);
    const mode = (...names: string[]) => statSync(join(at, ...names)).mode & 0o777;
    assert.equal(
      [mode(), mode('blocks'), mode('commitqcs'), mode('commitqcs', SEGMENT), mode('avail_inner_a.pb')],
      [0o700, 0o700, 0o700, 0o640, 0o600],
    );
    assert.equal(await content(at), nothing);
  }),
);

test(
  'a lane gets its directory with its first block',
  inTemp(async (dir) => {
    await withStore(dir, async (store) => {
      assert.equal(readdirSync(join(dir, 'blocks')), []);
      await store.persist({ blocks: [plainBlock(A, 7)] });
      assert.equal(readdirSync(join(dir, 'blocks')), [A]);
      assert.is(statSync(join(dir, 'blocks', A)).mode & 0o777, 0o700);
      assert.is(statSync(join(dir, 'blocks', A, SEGMENT)).mode & 0o777, 0o640);
    });
    assert.equal(await content(dir), { ...nothing, lanes: { [A]: [7] }, cursors: { [A]: '7-8' } });
  }),
);

test(
  'the directory of a lane without a log (a crash after its mkdir) is a lane without blocks',
  inTemp(async (dir) => {
    mkdirSync(join(dir, 'blocks', LONG), { recursive: true });
    await withStore(dir, async (store) => {
      assert.equal(contentOf(store), nothing);
      assert.equal(store.notes, []);
      await store.persist({ blocks: plainBlocks(LONG, 3, 5) });
    });
    assert.equal((await content(dir)).lanes, { [LONG]: [3, 4] });
  }),
);

test(
  'names that are not lanes and stray files are skipped, listed and left alone',
  inTemp(async (dir) => {
    await withStore(dir, (store) => store.persist({ blocks: [plainBlock(A, 0)] }));
    for (const name of ['not-hex', 'abcd', LONG.toUpperCase()]) mkdirSync(join(dir, 'blocks', name));
    for (const name of ['blocks/stray.txt', 'commitqcs/stray', `blocks/${A}/stray`])
      writeFileSync(join(dir, name), 'x');
    await withStore(dir, async (store) => {
      assert.equal([...store.notes].sort(), [
        `skipped blocks/${A}/stray`,
        `skipped blocks/${LONG.toUpperCase()}`,
        'skipped blocks/abcd',
        'skipped blocks/not-hex',
        'skipped blocks/stray.txt',
        'skipped commitqcs/stray',
      ]);
      assert.equal(contentOf(store).lanes, { [A]: [0] });
    });
    assert.ok(existsSync(join(dir, 'blocks', 'not-hex')) && existsSync(join(dir, 'commitqcs', 'stray')));
  }),
);

test(
  'gaps on disk, and blocks of another lane: LANESTORE_CORRUPT with all findings, nothing touched',
  inTemp(async (dir) => {
    await withStore(dir, (store) => store.persist({ commitQCs: [plainQC(0)] }));
    await putBlocks(dir, A, [0, 2]);
    await putBlocks(dir, B, [5]);
    renameSync(join(dir, 'blocks', B), join(dir, 'blocks', LONG));
    const before = tree(join(dir, 'blocks'));
    const error = await refused(openPlain(dir), 'LANESTORE_CORRUPT');
    assert.equal(
      error.findings?.map(({ kind, lane, number, file, offset }) => [kind, lane, number, file, offset]),
      [
        ['number-gap', A, 2n, `blocks/${A}/${SEGMENT}`, encodeFrame(plain.block.toWire(plainBlock(A, 0))).length],
        ['entry-undecodable', LONG, undefined, `blocks/${LONG}/${SEGMENT}`, 0],
      ],
    );
    assert.match(error.message, /2 follows 0 \(and 1 more findings\)/);
    assert.equal(tree(join(dir, 'blocks')), before);
  }),
);

test(
  'an anchor that does not decode, or disagrees with itself, is LANESTORE_CORRUPT',
  inTemp(async (dir) => {
    await withStore(dir, (store) => store.persist({ anchor: plainAnchor(0) }));
    for (const bad of ['{}', '', JSON.stringify({ index: { n: '1' }, qc: { index: { n: '2' }, starts: [] } })]) {
      const pair = await ABFile.open(dir, 'avail_inner');
      await pair.write(Buffer.from(bad));
      await pair.close();
      const error = await refused(openPlain(dir), 'LANESTORE_CORRUPT');
      assert.is(error.findings?.[0]?.kind, 'ab-undecodable');
    }
  }),
);

test(
  'lanes are independent; truncated, unchanged and never written lanes survive restarts',
  inTemp(async (dir) => {
    await withStore(dir, async (store) => {
      await store.persist({ commitQCs: [plainQC(0)], blocks: [...plainBlocks(A, 0, 5), ...plainBlocks(B, 0, 3)] });
      await store.persist({ anchor: plainAnchor(0, { [A]: 3, '0c': 9 }) });
      assert.equal(store.cursors.lanes.get(A), { first: 3n, next: 5n });
    });
    const wanted = { ...nothing, anchor: 0, commitQCs: [0], lanes: { [A]: [3, 4], [B]: [0, 1, 2] }, qcCursor: '0-1' };
    assert.equal(await content(dir), { ...wanted, cursors: { [A]: '3-5', [B]: '0-3' } });
    await withStore(dir, async (store) => {
      await refused(store.persist({ blocks: [plainBlock('0c', 0)] }), 'LANESTORE_OUT_OF_SEQUENCE');
      await store.persist({ blocks: [plainBlock('0c', 9), plainBlock(A, 5)] });
    });
    assert.equal((await content(dir)).cursors, { [A]: '3-6', [B]: '0-3', '0c': '9-10' });
  }),
);

test(
  'an emptied lane begins again where the stored anchor says; without an anchor its position is lost',
  inTemp(async (dir) => {
    await withStore(dir, async (store) => {
      await store.persist({ blocks: plainBlocks(A, 0, 3) });
      await store.blocks.maybePruneAndPersistLane(A, plainQC(0, { [A]: 10 }), []);
      assert.equal(store.cursors.lanes.get(A), { first: 10n, next: 10n });
      await store.blocks.maybePruneAndPersistLane(A, plainQC(1, { [A]: 15 }), []);
      assert.equal(store.cursors.lanes.get(A), { first: 15n, next: 15n });
    });
    assert.equal(await content(dir), nothing);
    await withStore(dir, async (store) => {
      await store.persist({ anchor: plainAnchor(0, { [A]: 20 }) });
      assert.equal(store.cursors.lanes.get(A), undefined);
    });
    await withStore(dir, async (store) => {
      assert.equal(store.cursors.lanes.get(A), { first: 20n, next: 20n });
      await refused(store.persist({ blocks: [plainBlock(A, 0)] }), 'LANESTORE_OUT_OF_SEQUENCE');
      await store.persist({ blocks: [plainBlock(A, 20)] });
    });
    assert.equal((await content(dir)).lanes, { [A]: [20] });
  }),
);

test(
  "a crash between emptying the QC log and writing the anchor's CommitQC: the next open writes it",
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    const store = await openPlain(dir, { files });
    await store.persist({ commitQCs: [0, 1, 2].map((i) => plainQC(i)), blocks: plainBlocks(A, 0, 3) });
    files.before = ({ kind, path }) => {
      if (kind === 'write' && path.endsWith('commitqcs/00000000000000000004')) throw new Error('died');
      if (kind !== 'open' && path.includes('blocks')) throw new Error('died');
    };
    await refused(store.persist({ anchor: plainAnchor(5, { [A]: 2 }) }), 'LANESTORE_FAILED', /died/);
    await store.close();
    const wanted = {
      ...nothing,
      anchor: 5,
      commitQCs: [5],
      lanes: { [A]: [2] },
      cursors: { [A]: '2-3' },
      qcCursor: '5-6',
    };
    assert.equal(await content(dir), wanted);
    assert.equal(await content(dir), wanted);
    await withStore(dir, (again) => again.persist({ commitQCs: [plainQC(5), plainQC(6)] }));
    assert.equal((await content(dir)).commitQCs, [5, 6]);
  }),
);

test(
  'start rules: whatever part of a round an anchor left undone, the next open does',
  inTemp(async (dir) => {
    const round = {
      anchor: plainAnchor(4, { [A]: 2, [B]: 9 }),
      commitQCs: [plainQC(5)],
      blocks: [plainBlock(A, 4), plainBlock(B, 9)],
    };
    let last = '';
    for (let count = 0; last !== 'done'; count++) {
      const at = join(dir, String(count));
      const files = new WatchedFiles();
      const store = await openPlain(at, { files });
      await store.persist({ commitQCs: [0, 1, 2, 3, 4].map((i) => plainQC(i)) });
      await store.persist({ blocks: [...plainBlocks(A, 0, 4), ...plainBlocks(B, 3, 6)] });
      const start = files.done.length;
      files.before = () => {
        if (files.done.length - start >= count) throw new Error('died');
      };
      last = await store.persist(round).then(
        () => 'done',
        () => 'died',
      );
      await store.close();
      const found = await content(at);
      const again = await content(at);
      assert.equal(again, found, `died after ${count}`);
      // Before the anchor is durable, or after it. After it, no entry below it exists, and new
      // entries may or may not exist.
      if (found.anchor === undefined) {
        assert.equal(found.lanes, { [A]: [0, 1, 2, 3], [B]: [3, 4, 5] });
        assert.equal(found.commitQCs, [0, 1, 2, 3, 4]);
      } else {
        assert.equal(found.commitQCs.slice(0, 1), [4]);
        assert.equal(found.lanes[A]?.slice(0, 2), [2, 3]);
        assert.ok(found.lanes[B] === undefined || found.lanes[B]?.[0] === 9);
        assert.is(found.cursors[B]?.split('-')[0], '9');
      }
      if (last === 'done') {
        assert.equal(found.lanes, { [A]: [2, 3, 4], [B]: [9] });
        assert.equal(found.commitQCs, [4, 5]);
        assert.ok(count > 15, `${count} operations`);
      }
    }
  }),
);

test(
  'order in a round: the anchor alone first; each log truncated before it is appended to, each entry synced',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    await withStore(
      dir,
      async (store) => {
        await store.persist({ commitQCs: [plainQC(0), plainQC(1)], blocks: plainBlocks(A, 0, 3) });
        files.done.length = 0;
        await store.persist({
          anchor: plainAnchor(1, { [A]: 1 }),
          commitQCs: [plainQC(2)],
          blocks: plainBlocks(A, 3, 5),
        });
        assert.equal(files.log.slice(0, 2), ['write avail_inner_a.pb', 'sync avail_inner_a.pb']);
        const inLog = (part: string) =>
          files.done
            .filter(({ path }) => path.includes(part))
            .map(({ kind, path }) => `${kind} ${path.split('/').at(-1)?.slice(19)}`);
        const truncation = [
          'open 2.START.TEMP',
          'write 2.START.TEMP',
          'sync 2.START.TEMP',
          'rename 2.START.TEMP',
          'syncDirectory ',
          'remove 1',
          'rename 2.START',
          'syncDirectory ',
        ];
        // The file that a truncation wrote stays open under its first name.
        const entry = ['write 2.START.TEMP', 'sync 2.START.TEMP'];
        assert.equal(inLog('blocks'), [...truncation, ...entry, ...entry]);
        assert.equal(inLog('commitqcs'), [...truncation, ...entry]);
      },
      { files },
    );
  }),
);

test(
  'directorySync: false syncs no directory of a log',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    await withStore(
      dir,
      async (store) => {
        await store.persist({ commitQCs: [plainQC(0)], blocks: plainBlocks(A, 0, 9) });
        await store.persist({ anchor: plainAnchor(0, { [A]: 5 }) });
      },
      { files, directorySync: false, segmentBytes: 40 },
    );
    assert.equal(
      files.done.filter(({ kind, path }) => kind === 'syncDirectory' && path !== dir),
      [],
    );
    assert.ok(files.done.some(({ kind }) => kind === 'rename'));
  }),
);

test(
  'names of new directories and segments are durable before an entry in them is',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    await withStore(
      dir,
      async (store) => {
        files.done.length = 0;
        await store.persist({ blocks: plainBlocks(A, 0, 2) });
      },
      { files, segmentBytes: 10 },
    );
    const lane = join(dir, 'blocks', A);
    const steps = files.done.map(({ kind, path }) => `${kind} ${path.slice(dir.length)}`);
    const first = steps.findIndex((step) => step.startsWith('write'));
    for (const directory of [lane, join(dir, 'blocks')]) {
      const synced = steps.indexOf(`syncDirectory ${directory.slice(dir.length)}`);
      assert.ok(synced !== -1 && synced < first, `${directory} before the first entry: ${steps}`);
    }
    const second = steps.indexOf(`open /blocks/${A}/${SEGMENT.slice(0, -1)}2`);
    assert.is(steps[second + 1], `syncDirectory /blocks/${A}`);
  }),
);

test(
  'entries that an earlier process left unsynced are synced before they are returned',
  inTemp(async (dir) => {
    await withStore(dir, (store) => store.persist({ anchor: plainAnchor(0), blocks: [plainBlock(A, 0)] }));
    const files = new WatchedFiles();
    await withStore(dir, async () => {}, { files });
    const synced = files.done.filter(({ kind }) => kind.startsWith('sync')).map(({ path }) => path.slice(dir.length));
    for (const path of [
      '/avail_inner_a.pb',
      `/blocks/${A}/${SEGMENT}`,
      `/blocks/${A}`,
      '/blocks',
      `/commitqcs/${SEGMENT}`,
      '',
    ]) {
      assert.ok(synced.includes(path), `${path} in ${synced}`);
    }
  }),
);

test(
  'dropLanes removes the directory and forgets the lane; to a later round the lane is new',
  inTemp(async (dir) => {
    await withStore(dir, async (store) => {
      await store.persist({ blocks: [...plainBlocks(A, 0, 5), ...plainBlocks(B, 0, 2)] });
      const dropped = store.dropLanes([A, '0c']);
      const behind = store.persist({ blocks: [plainBlock(A, 40)] });
      await dropped;
      await behind;
      assert.equal(store.cursors.lanes.get(A), { first: 40n, next: 41n });
      await store.dropLanes([B]);
      assert.equal(readdirSync(join(dir, 'blocks')), [A]);
    });
    assert.equal((await content(dir)).lanes, { [A]: [40] });
  }),
);

test(
  'dropLanes dies after any operation: the lane exists as a whole or not at all, and no part of it stays',
  inTemp(async (dir) => {
    const outcomes: string[] = [];
    for (let count = 0, done = false; !done; count++) {
      const at = join(dir, String(count));
      const files = new WatchedFiles();
      const store = await openPlain(at, { files });
      await store.persist({ blocks: [...plainBlocks(A, 0, 3), plainBlock(B, 1)] });
      const start = files.done.length;
      files.before = () => {
        if (files.done.length - start >= count) throw new Error('died');
      };
      done = await store.dropLanes([A]).then(
        () => true,
        () => false,
      );
      await store.close();
      const { lanes } = await content(at);
      assert.equal(lanes[B], [1]);
      assert.ok(lanes[A] === undefined || lanes[A]?.length === 3);
      assert.equal(readdirSync(join(at, 'blocks')), lanes[A] === undefined ? [B] : [A, B]);
      outcomes.push(lanes[A] === undefined ? 'gone' : 'there');
    }
    assert.equal(outcomes, ['there', 'gone', 'gone', 'gone']);
  }),
);

test(
  'inner is kept next to the anchor, copied at the call; the last write wins',
  inTemp(async (dir) => {
    const inner = new Uint8Array([1]);
    await withStore(dir, async (store) => {
      const first = store.persist({ inner });
      inner[0] = 9;
      await first;
      assert.ok(existsSync(join(dir, 'inner_b.pb')));
    });
    assert.equal((await content(dir)).inner, [1]);
    await withStore(dir, async (store) => {
      await store.persist({ inner: new Uint8Array([2]) });
      await store.persist({ inner: new Uint8Array() });
    });
    assert.equal((await content(dir)).inner, []);
  }),
);

test(
  'load: false verifies all the same, and recovers no entry',
  inTemp(async (dir) => {
    await withStore(dir, (store) => store.persist({ commitQCs: [plainQC(0)], blocks: plainBlocks(A, 0, 3) }));
    await withStore(
      dir,
      async (store) => {
        const found = contentOf(store);
        assert.equal([found.commitQCs, found.lanes, found.cursors], [[], {}, { [A]: '0-3' }]);
        await store.persist({ blocks: [plainBlock(A, 3)] });
      },
      { load: false },
    );
    await putBlocks(dir, A, [9]);
    await refused(openPlain(dir, { load: false }), 'LANESTORE_CORRUPT');
  }),
);

test(
  'several segments, truncated through an anchor, reopened in between',
  inTemp(async (dir) => {
    const options = { segmentBytes: 200 };
    let first = 0;
    for (let round = 0; round < 30; round++) {
      await withStore(
        dir,
        async (store) => {
          await store.persist({ commitQCs: [plainQC(round)], blocks: plainBlocks(A, round * 2, round * 2 + 2) });
          if (round % 4 === 3) {
            first = round * 2 - 5;
            await store.persist({ anchor: plainAnchor(round - 2, { [A]: first }) });
          }
          assert.equal(store.cursors.lanes.get(A), { first: BigInt(first), next: BigInt(round * 2 + 2) });
        },
        options,
      );
      const { lanes, commitQCs } = await withStore(dir, async (store) => contentOf(store), options);
      assert.equal(
        lanes[A],
        Array.from({ length: round * 2 + 2 - first }, (_, i) => first + i),
      );
      assert.is(commitQCs.at(-1), round);
    }
    assert.ok(readdirSync(join(dir, 'blocks', A)).length > 1);
  }),
);

test(
  'eight lanes at once, twenty blocks each, one call per lane: all of them are recovered',
  inTemp(async (dir) => {
    const lanes = Array.from({ length: 8 }, (_, i) => `f${i}`);
    await withStore(dir, async (store) => {
      const seen = new Map(lanes.map((lane) => [lane, [] as number[]]));
      await Promise.all(
        lanes.map((lane) =>
          store.blocks.maybePruneAndPersistLane(lane, undefined, plainBlocks(lane, 0, 20), (block) =>
            seen.get(lane)!.push(Number(block.number)),
          ),
        ),
      );
      for (const lane of lanes)
        assert.equal(
          seen.get(lane),
          Array.from({ length: 20 }, (_, i) => i),
        );
    });
    const found = await content(dir);
    assert.equal(Object.keys(found.lanes), lanes);
    for (const numbers of Object.values(found.lanes)) assert.is(numbers.length, 20);
  }),
);

test(
  'a file, an absent directory that must not be made, and foreign directories: LANESTORE_NOT_A_STORE',
  inTemp(async (dir) => {
    writeFileSync(join(dir, 'file'), '');
    const refusal = (path: string, options = {}) =>
      refused(openPlain(join(dir, path), options), 'LANESTORE_NOT_A_STORE');
    await refusal('file');
    await refusal('absent', { createIfMissing: false });
    assert.not.ok(existsSync(join(dir, 'absent')));
    mkdirSync(join(dir, 'empty'));
    await refusal('empty', { createIfMissing: false });
    mkdirSync(join(dir, 'other', 'level'), { recursive: true });
    await refusal('other');
    assert.equal(readdirSync(join(dir, 'other')), ['level']);
    await withStore(join(dir, 'empty'), async () => {});
    await withStore(join(dir, 'empty'), async () => {}, { createIfMissing: false });
  }),
);

test(
  'a system error at open is LANESTORE_IO, and leaves the directory unlocked',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    files.before = ({ kind, path }) => {
      if (kind === 'open' && path.includes('commitqcs')) throw Object.assign(new Error('nope'), { code: 'EACCES' });
    };
    const error = await refused(openPlain(dir, { files }), 'LANESTORE_IO', /nope/);
    assert.is((error.cause as { code?: string }).code, 'EACCES');
    await withStore(dir, async () => {});
    const segment = join(dir, 'commitqcs', SEGMENT);
    rmSync(segment);
    mkdirSync(segment);
    await refused(openPlain(dir), 'LANESTORE_IO');
  }),
);

test(
  'wrong options: TypeError for wrong types, LANESTORE_INVALID for wrong values',
  inTemp(async (dir) => {
    assert.instance(await rejection(openPlain(dir, { model: undefined as never })), TypeError);
    assert.instance(await rejection(openPlain(7 as never)), TypeError);
    assert.instance(await rejection(openPlain(dir, { maxRoundBytes: '1' as never })), TypeError);
    await refused(openPlain(dir, { maxQueuedBytes: 0 }), 'LANESTORE_INVALID');
    await refused(openPlain(dir, { encoding: 'json' as never }), 'LANESTORE_INVALID');
    await refused(openPlain(''), 'LANESTORE_INVALID');
    assert.equal(readdirSync(dir), []);
  }),
);

test.run();
