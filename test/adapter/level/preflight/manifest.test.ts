/**
 * CURRENT and the MANIFEST: the leftovers of a crash open; everything else is refused before
 * LevelDB reads it.
 */
import { appendFileSync, copyFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { preflight } from '../../../../src/adapter/level/index.js';
import { findingLines, flipInFile, refused, tree } from '../../../support/faults.js';
import { Random, testSeed } from '../../../support/kill.js';
import { inTemp } from '../../../support/temp.js';
import { append, content, copy, logBytes, logOf, manifestOf, names, open, physical, recordsOf } from './files.js';

const seed = testSeed();
const test = suite('preflight of CURRENT and MANIFEST');

async function refusedThrice(location: string, lines: readonly string[]): Promise<void> {
  const before = tree(location);
  for (let i = 0; i < 3; i++) {
    const error = await refused(open(location), 'LANESTORE_CORRUPT');
    assert.equal(findingLines(error), [...lines], `seed ${seed}`);
    assert.equal(tree(location), before);
  }
}

async function opensWithNote(location: string, expected: string, what: string): Promise<void> {
  {
    await using store = await open(location);
    assert.ok(
      store.recovery.notes.some((note) => note.includes('incomplete')),
      `${what}: ${store.recovery.notes}`,
    );
  }
  assert.is(await content(location), expected, what);
}

/** A store with tables and a log. */
async function makeStore(location: string): Promise<string> {
  await append(location, 0, 4);
  await append(location, 4, 8);
  await append(location, 8, 12);
  return location;
}

test(
  'an edit that was being appended when power failed: cut at any byte, or never written',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'));
    const expected = await content(copy(base, join(dir, 'copy')));
    const manifest = manifestOf(base);
    const whole = readFileSync(join(base, manifest));
    // A flush of the log into a table that does not exist yet: LevelDB appends this when it
    // switches memtables.
    const edit = Buffer.concat([
      Buffer.from([2, 60, 9, 0, 3, 70, 4, 99, 7, 0, 61, 100, 16]),
      Buffer.from('anchor!!anchor!!'),
      Buffer.from([16]),
      Buffer.from('qc/00!!!qc/00!!!'),
    ]);
    const tail = logBytes([edit], whole.length);
    for (let length = 1; length < tail.length; length++) {
      const target = copy(base, join(dir, 'copy'));
      appendFileSync(join(target, manifest), tail.subarray(0, length));
      await opensWithNote(target, expected, `cut at ${length}`);
    }
    for (const length of [7, 100, 40_000]) {
      const target = copy(base, join(dir, 'copy'));
      appendFileSync(join(target, manifest), Buffer.alloc(length));
      await opensWithNote(target, expected, `${length} zeros`);
    }
    // A whole edit counts, and the table that it names is missing.
    appendFileSync(join(base, manifest), tail);
    await refusedThrice(base, ['table-missing level/000061.ldb - -', 'log-missing level/000060.log - -']);
  }),
);

test(
  'the last edit is lost, and the files of the edits before it exist: the same content',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await append(location, 0, 6);
    const expected = await content(copy(location, join(dir, 'copy')));
    const manifest = manifestOf(location);
    const bytes = readFileSync(join(location, manifest));
    const [snapshot, last] = recordsOf(bytes);
    // One edit at a time, as LevelDB appends them: here a compact pointer, which retires no
    // file.
    const pointer = Buffer.concat([Buffer.from([5, 0, 9]), Buffer.from('a'), Buffer.alloc(8, 1)]);
    const longer = logBytes([snapshot!.bytes, last!.bytes, pointer]);
    for (const cut of [1, 5, 12]) {
      writeFileSync(join(location, manifest), longer.subarray(0, longer.length - cut));
      assert.equal((await preflight(join(location, 'level'))).findings, []);
      await opensWithNote(copy(location, join(dir, 'copy')), expected, `cut ${cut}`);
    }
    // Without its second record, a new MANIFEST names no log; CURRENT never names such a
    // MANIFEST.
    writeFileSync(join(location, manifest), bytes.subarray(0, last!.at));
    await refusedThrice(location, [`manifest-edit ${manifest} - -`]);
    writeFileSync(join(location, manifest), bytes.subarray(0, last!.at + 3));
    await refusedThrice(location, [`manifest-edit ${manifest} - -`]);
  }),
);

test(
  'an incomplete last edit, and a file of the edits before it is missing: its retirement was acknowledged',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await append(location, 0, 3);
    const before = readFileSync(join(location, manifestOf(location)));
    const oldManifest = manifestOf(location);
    const oldTables = names(location, /\.ldb$/);
    await append(location, 3, 6);
    assert.equal(oldTables.length > 0, true);
    rmSync(join(location, manifestOf(location)));
    writeFileSync(join(location, oldManifest), Buffer.concat([before, Buffer.from([1, 2, 3])]));
    writeFileSync(join(location, 'level/CURRENT'), `${oldManifest.slice('level/'.length)}\n`);
    const error = await refused(open(location), 'LANESTORE_CORRUPT');
    assert.ok(
      findingLines(error).some((line) => /^log-missing /.test(line)),
      findingLines(error).join(),
    );
  }),
);

test(
  'any flipped bit of the MANIFEST: refused, or exactly the content',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'));
    const expected = await content(copy(base, join(dir, 'copy')));
    const manifest = manifestOf(base);
    const { length } = readFileSync(join(base, manifest));
    const random = new Random(seed);
    let refusals = 0;
    for (let i = 0; i < 60; i++) {
      const bit = random.int(0, length * 8);
      const target = copy(base, join(dir, 'copy'));
      flipInFile(join(target, manifest), bit);
      const { findings } = await preflight(join(target, 'level'));
      if (findings.length === 0) {
        assert.is(await content(target), expected, `bit ${bit}`);
        continue;
      }
      refusals++;
      if (i < 10)
        await refusedThrice(
          target,
          findings.map(({ kind, file }) => `${kind} ${file} - -`),
        );
    }
    assert.ok(refusals > 40, `${refusals}`);
  }),
);

test(
  'zeros in the middle, a second MANIFEST after damage, an unknown comparator, invalid file numbers',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'));
    const manifest = manifestOf(base);
    const bytes = readFileSync(join(base, manifest));
    const [snapshot, last] = recordsOf(bytes);
    const zeroed = Buffer.from(bytes);
    zeroed.fill(0, 0, 7);
    const garbage = Buffer.concat([bytes, Buffer.alloc(40, 0x5a), logBytes([last!.bytes], bytes.length + 40)]);
    const comparator = Buffer.from(snapshot!.bytes);
    comparator[3] = comparator[3]! ^ 1;
    const long = Buffer.concat([last!.bytes, Buffer.from([2]), Buffer.alloc(9, 0xff), Buffer.from([1])]);
    for (const [wrong, kind] of [
      [zeroed, 'manifest-damaged'],
      [garbage, 'manifest-damaged'],
      [logBytes([comparator, last!.bytes]), 'manifest-edit'],
      [logBytes([snapshot!.bytes, long]), 'manifest-edit'],
      [logBytes([snapshot!.bytes, last!.bytes.subarray(0, -1)]), 'manifest-edit'],
      [logBytes([snapshot!.bytes, last!.bytes, Buffer.from([8, 1])]), 'manifest-edit'],
      [Buffer.concat([physical(9, snapshot!.bytes), bytes]), 'manifest-damaged'],
      [Buffer.alloc(0), 'manifest-edit'],
    ] as const) {
      const target = copy(base, join(dir, 'copy'));
      writeFileSync(join(target, manifest), wrong);
      await refusedThrice(target, [`${kind} ${manifest} - -`]);
    }
  }),
);

test(
  'CURRENT: empty, cut, another name, a directory; the MANIFEST that it names from an older copy',
  inTemp(async (dir) => {
    const base = join(dir, 'base');
    await append(base, 0, 4);
    const old = { manifest: manifestOf(base), bytes: readFileSync(join(base, manifestOf(base))) };
    await append(base, 4, 8);
    for (const text of ['', 'MANIFEST-000001', 'MANIFEST-\n', '../level\n', '000005.log\n', 'MANIFEST-000001\n\n']) {
      const target = copy(base, join(dir, 'copy'));
      writeFileSync(join(target, 'level/CURRENT'), text);
      await refusedThrice(target, ['current-damaged level/CURRENT - -']);
    }
    const target = copy(base, join(dir, 'copy'));
    writeFileSync(join(target, 'level/CURRENT'), 'MANIFEST-999999\n');
    await refusedThrice(target, ['manifest-missing level/MANIFEST-999999 - -']);
    // The old MANIFEST under the name of the new one: it names a log that has been retired
    // since.
    writeFileSync(join(target, 'level/CURRENT'), readFileSync(join(base, 'level/CURRENT')));
    writeFileSync(join(target, manifestOf(base)), old.bytes);
    const error = await refused(open(target), 'LANESTORE_CORRUPT');
    assert.match(findingLines(error).join(), /log-missing level\/\d+\.log/);
  }),
);

test(
  'files that an interrupted open of LevelDB leaves next to the live files are ignored',
  inTemp(async (dir) => {
    // Few enough tables that LevelDB does not compact them after the open.
    const base = join(dir, 'base');
    await append(base, 0, 4);
    await append(base, 4, 8);
    const expected = await content(copy(base, join(dir, 'copy')));
    const after = copy(base, join(dir, 'after'));
    await content(after);
    const added = readdirSync(join(after, 'level')).filter((name) => !readdirSync(join(base, 'level')).includes(name));
    const table = added.find((name) => name.endsWith('.ldb'))!;
    const log = added.find((name) => name.endsWith('.log'))!;
    const manifest = added.find((name) => name.startsWith('MANIFEST'))!;
    const number = manifest.slice('MANIFEST-'.length);
    const from = (name: string) => readFileSync(join(after, 'level', name));
    // In LevelDB's order: the table, the new log, the MANIFEST, CURRENT by a temporary file;
    // each may be cut.
    const steps: readonly (readonly [string, Buffer])[] = [
      [table, from(table)],
      [log, Buffer.alloc(0)],
      [manifest, from(manifest)],
      [`${number}.dbtmp`, from('CURRENT')],
    ];
    for (let done = 1; done <= steps.length; done++) {
      for (const part of [0, 0.5, 1]) {
        const target = copy(base, join(dir, 'copy'));
        for (const [i, [name, bytes]] of steps.slice(0, done).entries()) {
          const length = i === done - 1 ? Math.floor(bytes.length * part) : bytes.length;
          writeFileSync(join(target, 'level', name), bytes.subarray(0, length));
        }
        {
          await using store = await open(target);
          assert.equal(store.recovery.notes, [], `step ${done}, ${part}`);
        }
        assert.is(await content(target), expected, `step ${done}, ${part}`);
      }
    }
    // Renamed; the retired files are not removed yet.
    const target = copy(base, join(dir, 'copy'));
    for (const [name, bytes] of steps.slice(0, 3)) writeFileSync(join(target, 'level', name), bytes);
    copyFileSync(join(after, 'level/CURRENT'), join(target, 'level/CURRENT'));
    assert.is(await content(target), expected);
  }),
);

test(
  'a live table or log that is gone, cut, longer, empty, a directory',
  inTemp(async (dir) => {
    const base = await makeStore(join(dir, 'base'));
    const table = names(base, /\.ldb$/)[0]!;
    const size = readFileSync(join(base, table)).length;
    for (const [harm, kind] of [
      [(path: string) => rmSync(path), 'table-missing'],
      [(path: string) => truncateSync(path, size - 1), 'table-size'],
      [(path: string) => truncateSync(path, 0), 'table-size'],
      [(path: string) => appendFileSync(path, 'x'), 'table-size'],
    ] as const) {
      const target = copy(base, join(dir, 'copy'));
      harm(join(target, table));
      await refusedThrice(target, [`${kind} ${table} - -`]);
    }
    const target = copy(base, join(dir, 'copy'));
    const log = logOf(base);
    rmSync(join(target, log));
    await refusedThrice(target, [`log-missing ${log} - -`]);
  }),
);

test.run();
