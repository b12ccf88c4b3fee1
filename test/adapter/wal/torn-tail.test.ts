/** The end of the newest segment after a crash, and damage that a crash does not cause. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame } from '../../../src/adapter/wal/frame.js';
import { IndexedWal, type LogCodec, openWal } from '../../../src/adapter/wal/index.js';
import { blockCodec, commitQCCodec } from '../../../src/adapter/wal/state.js';
import { autobahn } from '../../../src/model/autobahn/index.js';
import { flipInFile, refused, tree } from '../../support/faults.js';
import { loadExpected, loadRounds } from '../../support/fixtures.js';
import { inTemp } from '../../support/temp.js';
import { copyState, digestsExpected, digestsOf } from './state.js';
import { appendAll, namesIn, numberedCodec, openLog, state, stateOf, withLog } from './text-log.js';
import { WatchedFiles } from './watched-files.js';

const test = suite('wal: torn tails');
const SEGMENT = '00000000000000000001';
const segment = (dir: string) => join(dir, 'log', SEGMENT);
const frame = (text: string) => Buffer.from(encodeFrame(Buffer.from(text)));

/** Writes a segment byte by byte and replaces the files in `dir`. */
async function put(dir: string, ...parts: (string | Uint8Array)[]): Promise<void> {
  for (const name of ['log', 'torn']) rmSync(join(dir, name), { recursive: true, force: true });
  mkdirSync(join(dir, 'log'), { recursive: true });
  writeFileSync(segment(dir), Buffer.concat(parts.map((part) => (typeof part === 'string' ? frame(part) : part))));
}

const open = (dir: string) => withLog(dir, stateOf, { codec: numberedCodec });

/**
 * Overwrites a file without truncating it first: a truncated file is written at once by some file
 * systems, and thousands of those take minutes.
 */
function overwrite(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, 0);
  ftruncateSync(fd, bytes.length);
  closeSync(fd);
}

/** Compares without printing a difference of thousands of lines. */
function sameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.ok(Buffer.compare(actual, expected) === 0, `${actual.length} bytes, not the ${expected.length} expected`);
}

/** Opening repairs: the entries are these, and the cut bytes are kept. */
async function repaired(dir: string, entries: readonly string[]): Promise<void> {
  const before = readFileSync(segment(dir));
  assert.equal(await open(dir), state(1, entries));
  const good = entries.reduce((bytes, entry) => bytes + frame(entry).length, 0);
  sameBytes(readFileSync(segment(dir)), before.subarray(0, good));
  sameBytes(readFileSync(join(dir, 'torn', `log-${SEGMENT}-${good}`)), before.subarray(good));
  assert.equal(await open(dir), state(1, entries));
}

/** Opening refuses, every time, and changes nothing. */
async function damaged(dir: string, kind: string, offset: number): Promise<void> {
  const before = tree(dir);
  for (let i = 0; i < 2; i++) {
    const error = await refused(openLog(dir, { codec: numberedCodec }), 'LANESTORE_CORRUPT');
    assert.equal(
      error.findings?.map((finding) => [finding.kind, finding.file, finding.offset]),
      [[kind, SEGMENT, offset]],
    );
    assert.equal(tree(dir), before);
  }
}

const firstEntry = '#1:first;';
const secondEntry = '#2:second;';
const thirdEntry = '#3:third;';

test('cut at every byte of the last entry', async () => {
  const last = frame(thirdEntry);
  for (let length = 1; length < last.length; length++) {
    await inTemp(async (dir) => {
      await put(dir, firstEntry, secondEntry, last.subarray(0, length));
      await repaired(dir, [firstEntry, secondEntry]);
    })();
  }
});

test(
  'a torn tail exactly as long as the valid part before it: the original refuses that',
  inTemp(async (dir) => {
    const good = frame(firstEntry).length + frame(secondEntry).length;
    const torn = frame(`#3:${'x'.repeat(100)};`).subarray(0, good);
    await put(dir, firstEntry, secondEntry, torn);
    await repaired(dir, [firstEntry, secondEntry]);
  }),
);

for (const length of [1, 2, 100, 511, 512, 513, 4096, 10_000]) {
  test(
    `${length} zeros at the end: the original takes them for entries`,
    inTemp(async (dir) => {
      await put(dir, firstEntry, secondEntry, new Uint8Array(length));
      await repaired(dir, [firstEntry, secondEntry]);
    }),
  );
}

test(
  'only a torn first entry, only zeros',
  inTemp(async (dir) => {
    await put(dir, frame(firstEntry).subarray(0, 4));
    await repaired(dir, []);
    writeFileSync(segment(dir), new Uint8Array(9));
    assert.equal(await open(dir), state(1, []));
    assert.equal(readdirSync(join(dir, 'torn')), [`log-${SEGMENT}-0`, `log-${SEGMENT}-0.1`], 'the earlier bytes stay');
  }),
);

const long = `#3:${'x'.repeat(2000)};`;

test(
  'the last entry grew the file, but its last sectors were never written',
  inTemp(async (dir) => {
    const file = Buffer.concat([frame(firstEntry), frame(secondEntry), frame(long)]);
    for (const border of [512, 1024, 1536]) {
      await put(dir, Buffer.from(file).fill(0, border));
      await repaired(dir, [firstEntry, secondEntry]);
    }
  }),
);

test(
  'the last entry grew the file, but its first sector was never written',
  inTemp(async (dir) => {
    const file = Buffer.concat([frame(firstEntry), frame(secondEntry), frame(long)]);
    await put(dir, file.fill(0, frame(firstEntry).length + frame(secondEntry).length, 512));
    await repaired(dir, [firstEntry, secondEntry]);
  }),
);

test(
  'zeros that do not reach a sector border do not come from a crash: damage',
  inTemp(async (dir) => {
    const good = frame(firstEntry).length + frame(secondEntry).length;
    const file = Buffer.concat([frame(firstEntry), frame(secondEntry), frame(long)]);
    await put(dir, Buffer.from(file).fill(0, good, good + 100));
    await damaged(dir, 'entry-empty', good);
    await put(dir, Buffer.from(file).fill(0, good + 600, good + 1900));
    await damaged(dir, 'entry-undecodable', good);
    await put(dir, firstEntry, secondEntry, frame('#3:third\0\0\0'));
    await damaged(dir, 'entry-undecodable', good);
  }),
);

test(
  'a last entry of full length with garbage bytes may have been acknowledged: damage, not trimmed',
  inTemp(async (dir) => {
    await put(dir, firstEntry, secondEntry, frame('garbage'));
    await damaged(dir, 'entry-undecodable', frame(firstEntry).length + frame(secondEntry).length);
  }),
);

test('damage in the middle is never trimmed, for any bit of the entry', async () => {
  const start = frame(firstEntry).length;
  for (let bit = start * 8; bit < (start + frame(secondEntry).length) * 8; bit++) {
    await inTemp(async (dir) => {
      await put(dir, firstEntry, secondEntry, thirdEntry, '#4:fourth;');
      flipInFile(segment(dir), bit);
      const before = tree(dir);
      const error = await openLog(dir, { codec: numberedCodec }).then(
        async (log) => {
          // Some bits only turn one text into another; nothing is lost then, and the layout has no
          // checksum that would show it.
          assert.is(log.count, 4, `bit ${bit}`);
          await log.close();
        },
        (refusal) => refusal,
      );
      if (error === undefined) return;
      assert.is(error.code, 'LANESTORE_CORRUPT', `bit ${bit}: ${error.message}`);
      assert.ok(error.findings.length > 0);
      assert.equal(tree(dir), before);
    })();
  }
});

test(
  'damage to the length of an entry with others after it',
  inTemp(async (dir) => {
    for (const length of [0, 5, 100, 127, 0x80, 0xff]) {
      await put(dir, firstEntry, secondEntry, thirdEntry);
      const at = frame(firstEntry).length;
      const file = readFileSync(segment(dir));
      file[at] = length;
      writeFileSync(segment(dir), file);
      const error = await refused(openLog(dir, { codec: numberedCodec }), 'LANESTORE_CORRUPT');
      assert.is(error.findings?.[0]?.offset, at, `length ${length}`);
    }
  }),
);

test(
  'damage in the middle and a torn tail at the same time: acknowledged entries between them count',
  inTemp(async (dir) => {
    await put(dir, firstEntry, secondEntry, thirdEntry, frame('#4:fourth;').subarray(0, 5));
    const file = readFileSync(segment(dir));
    file[frame(firstEntry).length] = 0x7f;
    writeFileSync(segment(dir), file);
    await damaged(dir, 'entry-cut', frame(firstEntry).length);
  }),
);

test(
  'the length of the last entry is damaged by one bit: its bytes are whole, so it is not torn',
  inTemp(async (dir) => {
    const at = frame(firstEntry).length;
    for (const bit of [4, 5, 6]) {
      await put(dir, firstEntry, secondEntry);
      flipInFile(segment(dir), at * 8 + bit);
      await damaged(dir, 'entry-cut', at);
    }
  }),
);

test(
  'a log with entries without numbers is repaired as the original does',
  inTemp(async (dir) => {
    await put(dir, 'a', 'b', Buffer.from('\x05x\x01y'));
    await withLog(dir, async (log) => assert.equal(await stateOf(log), state(1, ['a', 'b'])));
  }),
);

test(
  'only the newest segment can be torn: older segments were complete before it was made',
  inTemp(async (dir) => {
    await withLog(dir, (log) => appendAll(log, [firstEntry, secondEntry, thirdEntry]), { segmentBytes: 1 });
    assert.is(namesIn(dir).length, 4);
    truncateSync(segment(dir), 5);
    const error = await refused(openLog(dir, { codec: numberedCodec }), 'LANESTORE_CORRUPT');
    assert.equal(
      error.findings?.map(({ kind, file }) => [kind, file]),
      [
        ['entry-cut', SEGMENT],
        ['segment-gap', '00000000000000000002'],
      ],
    );
  }),
);

test(
  'the repair dies after any operation: the cut bytes are never lost',
  inTemp(async (dir) => {
    const torn = frame(thirdEntry).subarray(0, 6);
    for (let count = 0, done = false; !done; count++) {
      const at = join(dir, String(count));
      await put(at, firstEntry, secondEntry, torn);
      const files = new WatchedFiles();
      files.before = () => {
        if (files.done.length >= count) throw new Error('died');
      };
      done = await openLog(at, { codec: numberedCodec, files }).then(
        (log) => log.close().then(() => true),
        () => false,
      );
      const good = frame(firstEntry).length + frame(secondEntry).length;
      const kept = join(at, 'torn', `log-${SEGMENT}-${good}`);
      const isCut = statSync(segment(at)).size === good;
      assert.ok(!isCut || (existsSync(kept) && torn.equals(readFileSync(kept))), `after ${count} operations`);
      assert.equal(await open(at), state(1, [firstEntry, secondEntry]));
      assert.equal(readdirSync(join(at, 'torn')), [`log-${SEGMENT}-${good}`]);
      sameBytes(readFileSync(kept), torn);
    }
  }),
);

/** The largest log of the fixture's lanes, with the offsets of its entries. */
function fixtureLog(state: string, directory: string): { file: string; name: string; ends: number[] } {
  const [name] = readdirSync(join(state, directory));
  const file = join(state, directory, name!);
  const bytes = readFileSync(file);
  const ends: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at += length;
    ends.push(at);
  }
  return { file, name: name!, ends };
}

const LANE = '77991be23c6e74c3fe86825059c169cb6362f6a810d103a201381009d9176a30';
const expected = digestsExpected(loadExpected('wal'));

const logs = [
  ['three entries of a lane', 3, `blocks/${LANE}`, blockCodec(autobahn, LANE)],
  ['entry of the CommitQCs', 1, 'commitqcs', commitQCCodec(autobahn)],
] as const;

for (const [what, entries, directory, codec] of logs) {
  test(
    `a log of the original, cut at every byte of the last ${what}`,
    inTemp(async (dir) => {
      const at = copyState('wal', dir);
      const { file, name, ends } = fixtureLog(at, directory);
      const whole = readFileSync(file);
      const options = { tornDirectory: join(dir, 'torn'), label: 'cut', files: new WatchedFiles() };
      for (let length = whole.length; length >= ends.at(-1 - entries)!; length--) {
        overwrite(file, whole.subarray(0, length));
        const log = await IndexedWal.open<unknown>(join(at, directory), codec as LogCodec<unknown>, options);
        const count = ends.filter((end) => end <= length).length;
        assert.is(log.count, count, `cut at ${length}`);
        await log.close();
        const good = ends[count - 1]!;
        sameBytes(readFileSync(file), whole.subarray(0, good));
        const kept = join(dir, 'torn', `cut-${name}-${good}`);
        assert.is(existsSync(kept), good < length);
        if (good < length) sameBytes(readFileSync(kept), whole.subarray(good, length));
        rmSync(kept, { force: true });
      }
    }),
  );
}

test(
  'a log of the original, cut: the store opens without the last block, notes it, and accepts the next one',
  inTemp(async (dir) => {
    const at = copyState('wal', dir);
    const { file, name, ends } = fixtureLog(at, `blocks/${LANE}`);
    truncateSync(file, ends.at(-1)! - 1);
    const size = ends.at(-1)! - 1 - ends.at(-2)!;
    await using store = await openWal(at, { model: autobahn });
    const lanes = { ...expected.lanes, [LANE]: expected.lanes[LANE]!.slice(0, -1) };
    assert.equal(digestsOf(store.takeRecovered()), { ...expected, lanes });
    const kept = join(at, 'torn', `${LANE}-${name}-${ends.at(-2)}`);
    assert.equal(store.notes, [
      `${LANE}: cut a torn tail of ${size} bytes at byte ${ends.at(-2)} of ${name}, kept in ${kept}`,
    ]);
    assert.is(readFileSync(kept).length, size);
    assert.is(readdirSync(join(at, 'blocks')).length, 4, 'no new name where the original looks for lanes');
    const last = loadRounds('wal').flatMap(({ blocks }) => blocks.map(autobahn.block.fromWire));
    const block = last.filter((candidate) => autobahn.block.lane(candidate) === LANE).at(-1)!;
    await store.persist({ blocks: [block] });
    await store.close();
    await using again = await openWal(at, { model: autobahn });
    assert.equal(digestsOf(again.takeRecovered()), expected);
  }),
);

test(
  'a log of the original, followed by zeros, also half as long again',
  inTemp(async (dir) => {
    for (const [i, tail] of [new Uint8Array(700), 'half'].entries()) {
      const at = copyState('wal', join(dir, String(i)));
      const { file } = fixtureLog(at, `blocks/${LANE}`);
      const whole = readFileSync(file);
      const head = Buffer.from(encodeFrame(new Uint8Array(100_000))).subarray(0, 3);
      const torn = typeof tail === 'string' ? Buffer.concat([head, whole.subarray(3)]) : tail;
      appendFileSync(file, torn);
      await using store = await openWal(at, { model: autobahn });
      assert.equal(digestsOf(store.takeRecovered()), expected);
      sameBytes(readFileSync(file), whole);
    }
  }),
);

test(
  'a log of the original, damaged in the middle: any byte of an entry with others after it; nothing is trimmed',
  inTemp(async (dir) => {
    const at = copyState('wal', dir);
    const { file, ends } = fixtureLog(at, `blocks/${LANE}`);
    const whole = readFileSync(file);
    let refusals = 0;
    const options = { tornDirectory: join(at, 'torn'), files: new WatchedFiles() };
    for (let byte = ends[1]!; byte < ends[2]!; byte++) {
      const copy = Buffer.from(whole);
      copy[byte]! ^= 0xff;
      overwrite(file, copy);
      try {
        const log = await IndexedWal.open(dirname(file), blockCodec(autobahn, LANE), options);
        await log.close();
        assert.is(log.count, ends.length, `byte ${byte}`);
      } catch (error) {
        assert.is((error as { code?: string }).code, 'LANESTORE_CORRUPT', `byte ${byte}: ${error}`);
        refusals++;
      }
      sameBytes(readFileSync(file), copy);
    }
    assert.ok(refusals > 50, `${refusals} refusals`);
    assert.not.ok(existsSync(join(at, 'torn')));
  }),
);

test.run();
