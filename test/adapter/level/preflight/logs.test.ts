/**
 * The rules for live logs, each with real files: an ordinary crash opens, and damage that hides an
 * acknowledged batch is refused (docs/design.md, Preflight).
 */
import { appendFileSync, copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, preflight } from '../../../../src/adapter/level/index.js';
import { flipInFile } from '../../../support/faults.js';
import { Random } from '../../../support/kill.js';
import { plain, plainBlock } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { append, content, copy, dataFor, LANE, logBytes, logOf, names, open, physical, recordsOf } from './files.js';
import { makeStore, opensTorn, refusedThrice, seed } from './logs-support.js';

const test = suite('preflight of logs');
/** A batch as a store with this id writes it. */
function batchOf(bytes: Buffer, change: (batch: Buffer) => void = () => undefined): Buffer {
  const batch = Buffer.from(bytes);
  change(batch);
  return batch;
}

/**
 * A store with its batches in two live logs, as during a flush: [1, at) in the older log, [at, to)
 * in the newer log.
 */
async function makeTwoLogs(location: string, at: number, to: number): Promise<{ older: string; newer: string }> {
  await makeStore(location, 1, to);
  const older = logOf(location);
  const number = Number(basename(older, '.log'));
  const newer = `level/${String(number + 2).padStart(6, '0')}.log`;
  const batches = recordsOf(readFileSync(join(location, older))).map(({ bytes }) => bytes);
  writeFileSync(join(location, older), logBytes(batches.slice(0, at - 1)));
  writeFileSync(join(location, newer), logBytes(batches.slice(at - 1)));
  return { older, newer };
}

test(
  'a torn first batch of a log: the valid tip is in a table',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 3, 3);
    const expected = await content(copy(base, join(dir, 'copy')));
    const witness = readFileSync(join(base, 'witness'));
    await append(base, 3, 4);
    const log = logOf(base);
    truncateSync(join(base, log), 300);
    await refusedThrice(base, 'LANESTORE_ROLLED_BACK', [`log-torn ${log} - -`, 'witness-ahead witness - -']);
    writeFileSync(join(base, 'witness'), witness);
    await opensTorn(base, expected, 'first batch');
  }),
);

test(
  'a flipped bit before the last batch is damage, wherever it is',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 1, 80);
    const log = logOf(base);
    const records = recordsOf(readFileSync(join(base, log)));
    const random = new Random(seed);
    const end = records.at(-1)!.at;
    const places = [0, 3, 4, 5, 6, 7, ...Array.from({ length: 25 }, () => random.int(0, end))];
    for (const at of places) {
      // Fewer than 7 bytes at the end of a block mean nothing.
      if (32768 - (at % 32768) < 7) continue;
      const target = copy(base, join(dir, 'copy'));
      flipInFile(join(target, log), at * 8 + random.int(0, 8));
      await refusedThrice(target, 'LANESTORE_CORRUPT', [`log-damaged ${log} - -`]);
    }
  }),
);

test(
  'batches after the damage are found across a block border too, with any number of bytes before the border',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 1, 4);
    const log = logOf(base);
    const batches = recordsOf(readFileSync(join(base, log))).map(({ bytes }) => bytes);
    const [first, second, third] = batches as [Buffer, Buffer, Buffer];
    // Bytes of the last batch in the first block; LevelDB skips the bytes between, like the
    // damage itself.
    for (const before of [0, 1, 11, 12, 13, 21, 22, 23, 40, 60, 66, 67, 100]) {
      const target = copy(base, join(dir, 'copy'));
      const head = logBytes([first, second]);
      const filler = physical(1, Buffer.alloc(32768 - 7 - before - head.length - 7, 0x5a));
      const bytes = Buffer.concat([head, filler, logBytes([third], head.length + filler.length)]);
      assert.is(recordsOf(bytes).at(-1)!.at, 32768 - 7 - before);
      // Without the damage this is a foreign record; with the damage, only the search sees the
      // record after it.
      bytes[head.length] = bytes[head.length]! ^ 1;
      writeFileSync(join(target, log), bytes);
      const report = await preflight(join(target, 'level'), { witness: readFileSync(join(target, 'witness')) });
      assert.is(report.findings.length, 1, `${before} bytes`);
      assert.is(report.findings[0]?.kind, 'log-damaged');
      assert.match(report.findings[0]!.detail, before === 0 ? /LevelDB would|batch 4/ : /batch 4 begins|LevelDB would/);
    }
  }),
);

test(
  'framing that is lost: a batch after the damage is found at any offset',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 1, 6);
    const log = logOf(base);
    const bytes = readFileSync(join(base, log));
    const last = recordsOf(bytes).at(-1)!.at;
    const random = new Random(seed);
    for (let i = 0; i < 10; i++) {
      const target = copy(base, join(dir, 'copy'));
      // Bytes were removed or inserted: no length field leads to the last batch any more.
      const cut = random.int(10, 500);
      const shifted = Buffer.concat([bytes.subarray(0, cut), bytes.subarray(cut + random.int(1, 300))]);
      assert.ok(shifted.length < bytes.length && last > 1000);
      writeFileSync(join(target, log), shifted);
      await refusedThrice(target, 'LANESTORE_CORRUPT', [`log-damaged ${log} - -`]);
    }
  }),
);

test(
  'blocks that carry log records and whole batches neither hide damage nor cause a refusal',
  inTemp(async (dir) => {
    const sample = await makeStore(join(dir, 'sample'), 1, 3);
    const real = recordsOf(readFileSync(join(sample, logOf(sample))))[0]!.bytes;
    const foreign = batchOf(real, (batch) => {
      // The id of another store. An attacker can know every other field of a batch.
      const at = batch.indexOf('store') + 6;
      batch.fill(0x11, at, at + 16);
    });
    const random = new Random(seed);
    const payloads = [
      physical(1, foreign),
      physical(2, foreign.subarray(0, 60)),
      Buffer.concat([physical(2, foreign.subarray(0, 10)), physical(4, foreign.subarray(10))]),
      Buffer.concat([physical(1, Buffer.alloc(0)), physical(1, Buffer.from('meta/tip'))]),
      // A length that spans everything after it.
      Buffer.concat([Buffer.alloc(4), Buffer.from([0xff, 0x7f, 1]), Buffer.alloc(50)]),
      Buffer.alloc(7 * 40),
    ];
    for (const [i, payload] of payloads.entries()) {
      const location = join(dir, `${i}`);
      const planted = () =>
        Buffer.concat(Array.from({ length: 3 }, () => [Buffer.alloc(random.int(0, 9)), payload]).flat());
      await append(location, 0, 1);
      await append(location, 1, 3, planted);
      const expected = await content(copy(location, join(dir, 'copy')));
      const witness = readFileSync(join(location, 'witness'));
      // Undamaged, the store opens: planted bytes are never read as records.
      const whole = copy(location, join(dir, 'copy'));
      const log = logOf(whole);
      const before = readFileSync(join(whole, log));
      const records = recordsOf(before);
      // Torn right before the planted bytes of the last batch, which are whole.
      const last = records.at(-1)!;
      const target = copy(location, join(dir, 'copy'));
      const torn = Buffer.from(before);
      torn.fill(0, last.at + 7, last.at + 60);
      writeFileSync(join(target, log), torn);
      await refusedThrice(target, 'LANESTORE_ROLLED_BACK', [`log-torn ${log} - -`, 'witness-ahead witness - -']);
      // Damage in the previous batch, whose planted bytes lie between the damage and the last
      // batch.
      const rotten = copy(location, join(dir, 'copy'));
      const damaged = Buffer.from(before);
      damaged[records.at(-2)!.at + 9] = damaged[records.at(-2)!.at + 9]! ^ 0x40;
      writeFileSync(join(rotten, log), damaged);
      await refusedThrice(rotten, 'LANESTORE_CORRUPT', [`log-damaged ${log} - -`]);
      // A torn tail after the planted bytes; its round was never acknowledged.
      const longer = copy(location, join(dir, 'copy'));
      appendFileSync(join(longer, log), torn.subarray(last.at, torn.length - 1));
      writeFileSync(join(longer, 'witness'), witness);
      await opensTorn(longer, expected, `payload ${i}`);
    }
  }),
);

test(
  'an unacknowledged batch of 1 MB with pages in any order or missing: acknowledged rounds are recovered',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 1, 3);
    const expected = await content(copy(base, join(dir, 'copy')));
    const log = logOf(base);
    const length = readFileSync(join(base, log)).length;
    const witness = readFileSync(join(base, 'witness'));
    // The batch comes from a store that stayed open longer: its log begins like the shorter log.
    const later = copy(base, join(dir, 'later'));
    {
      await using store = await openLevel(later, { model: plain, values: false });
      await store.persist({ blocks: [plainBlock(LANE, 3, Buffer.alloc(1024 * 1024, 'big '))] });
    }
    const batch = recordsOf(readFileSync(join(later, logOf(later))))[0]!.bytes;
    const whole = Buffer.concat([readFileSync(join(base, log)), logBytes([batch], length)]);
    const random = new Random(seed);
    for (let i = 0; i < 20; i++) {
      const target = copy(base, join(dir, 'copy'));
      const bytes = Buffer.from(
        whole.subarray(0, random.oneIn(3) ? random.int(length + 4096, whole.length) : whole.length),
      );
      let zeroed = 0;
      for (let page = Math.ceil(length / 4096); page * 4096 < bytes.length; page++) {
        if (!random.oneIn(i % 2 === 0 ? 3 : 60)) continue;
        bytes.fill(0, page * 4096, Math.min(bytes.length, (page + 1) * 4096));
        zeroed++;
      }
      if (zeroed === 0) bytes.fill(0, length, Math.ceil(length / 4096) * 4096);
      writeFileSync(join(target, log), bytes);
      writeFileSync(join(target, 'witness'), witness);
      await opensTorn(target, expected, `try ${i}, ${zeroed} pages`);
    }
  }),
);

test(
  'zeros and garbage after the tail open',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 1, 20);
    const expected = await content(copy(base, join(dir, 'copy')));
    const log = logOf(base);
    const random = new Random(seed);
    for (const length of [1, 6, 7, 8, 4096, 32768, 70_000]) {
      for (const bytes of [Buffer.alloc(length), Buffer.from(Array.from({ length }, () => random.int(0, 256)))]) {
        const target = copy(base, join(dir, 'copy'));
        appendFileSync(join(target, log), bytes);
        await opensTorn(target, expected, `${length} bytes`);
      }
    }
  }),
);

test(
  'batches of this store that an old file left on the disk after the tail are no loss',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 1, 20);
    const expected = await content(copy(base, join(dir, 'copy')));
    const log = logOf(base);
    const bytes = readFileSync(join(base, log));
    appendFileSync(join(base, log), Buffer.concat([Buffer.alloc(50, 0x77), bytes.subarray(0, 5000)]));
    await opensTorn(base, expected, 'old bytes');
  }),
);

test(
  'two live logs: the older one must be whole, the newer one may be torn',
  inTemp(async (dir) => {
    const base = join(dir, 'base');
    const { older, newer } = await makeTwoLogs(base, 5, 9);
    const at = async (to: number) => {
      const reference = join(dir, `until${to}`);
      await makeStore(reference, 1, to);
      return content(reference);
    };
    assert.is(await content(copy(base, join(dir, 'copy'))), await at(9));
    const harmed = (harm: (location: string) => void) => {
      const target = copy(base, join(dir, 'copy'));
      harm(target);
      return target;
    };
    const size = readFileSync(join(base, older)).length;
    for (const length of [size - 1, size - 500, 3]) {
      const target = harmed((location) => truncateSync(join(location, older), length));
      await refusedThrice(target, 'LANESTORE_CORRUPT');
      const { findings } = await preflight(join(target, 'level'));
      assert.is(findings[0]?.kind, 'log-incomplete');
    }
    const end = recordsOf(readFileSync(join(base, older))).at(-1)!.at;
    for (const length of [0, end]) {
      const target = harmed((location) => truncateSync(join(location, older), length));
      await refusedThrice(target, 'LANESTORE_CORRUPT', [`log-sequence ${newer} - -`]);
    }
    const gone = harmed((location) => rmSync(join(location, older)));
    await refusedThrice(gone, 'LANESTORE_CORRUPT', [`log-missing ${older} - -`, `log-sequence ${newer} - -`]);
    const copied = harmed((location) => copyFileSync(join(location, older), join(location, newer)));
    await refusedThrice(copied, 'LANESTORE_CORRUPT', [`log-sequence ${newer} - -`]);
    const torn = harmed((location) => truncateSync(join(location, newer), 100));
    await refusedThrice(torn, 'LANESTORE_ROLLED_BACK', [`log-torn ${newer} - -`, 'witness-ahead witness - -']);
    // An interrupted open leaves empty newer logs; the torn log is then still the newest one
    // with bytes.
    const empty = harmed((location) => {
      truncateSync(join(location, newer), readFileSync(join(location, newer)).length - 1);
      writeFileSync(join(location, 'level/000099.log'), '');
    });
    await refusedThrice(empty, 'LANESTORE_ROLLED_BACK', [`log-torn ${newer} - -`, 'witness-ahead witness - -']);
  }),
);

test(
  'a record that is whole and is not a batch of this store',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 1, 4);
    const log = logOf(base);
    const batches = recordsOf(readFileSync(join(base, log))).map(({ bytes }) => bytes);
    const lines = (...kinds: string[]) => kinds.map((kind) => `${kind} ${log} - -`);
    for (const [records, found] of [
      [[...batches, Buffer.from('too small')], lines('log-batch', 'log-batch')],
      [[...batches, Buffer.concat([batches[2]!, Buffer.from([9])])], lines('log-batch', 'log-sequence')],
      [[batches[0]!, batches[2]!], lines('log-sequence')],
      [[batches[1]!, batches[0]!, batches[2]!], lines('log-sequence', 'log-sequence', 'log-sequence')],
      [[...batches, batches[2]!], lines('log-sequence')],
    ] as const) {
      const target = copy(base, join(dir, 'copy'));
      writeFileSync(join(target, log), logBytes(records));
      await refusedThrice(target, 'LANESTORE_CORRUPT', found);
    }
    const donor = await makeStore(join(dir, 'other'), 1, 4);
    copyFileSync(join(donor, logOf(donor)), join(base, log));
    await refusedThrice(base, 'LANESTORE_CORRUPT', lines('log-batch', 'log-batch', 'log-batch'));
  }),
);

test(
  'the report counts the bytes and records read',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 5, 12);
    {
      await using store = await open(copy(base, join(dir, 'copy')));
      const { files, notes } = store.recovery;
      assert.is(files?.batches, 7);
      assert.is(files?.seq, 12n);
      assert.is(files?.tables, names(base, /\.ldb$/).length);
      assert.is(files?.uncheckedBytes, 0);
      assert.ok((files?.bytes ?? 0) > 12 * dataFor(0).length);
      assert.equal(notes, []);
    }
  }),
);

test(
  'bytes of a block that look like the header of a long record at every offset are not checksummed each',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'), 0, 2);
    const witness = readFileSync(join(base, 'witness'));
    const expected = await content(copy(base, join(dir, 'copy')));
    // Length 0x7ff0, type 1: a record of half a block begins at every third byte.
    const data = Buffer.alloc(12 * 1024 * 1024, Buffer.from([0xf0, 0x7f, 0x01]));
    {
      await using store = await openLevel(base, { model: plain, values: false });
      await store.persist({ blocks: [plainBlock(LANE, 2, data)] });
    }
    const log = logOf(base);
    flipInFile(join(base, log), 8 * 40_000);
    writeFileSync(join(base, 'witness'), witness);
    await opensTorn(base, expected, 'adversarial bytes');
  }),
);

test.run();
