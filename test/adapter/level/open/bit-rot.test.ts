/**
 * Bit rot in LevelDB's own files, and files that are cut or missing. Preflight refuses them before
 * LevelDB reads them. Beyond preflight's bound the checks of the records find wrong values.
 */
import {
  appendFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelOptions, openLevel } from '../../../../src/adapter/level/index.js';
import type { LanestoreErrorCode } from '../../../../src/errors.js';
import { blockKey } from '../../../../src/keys/index.js';
import { contentOf } from '../../../support/content.js';
import { findingLines, flipInFile, refused, rejection } from '../../../support/faults.js';
import { Random, testSeed } from '../../../support/kill.js';
import { openElsewhere } from '../../../support/open-elsewhere.js';
import { plain, plainAnchor, plainBlock, plainQC } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

const ROUNDS = 90;
const LANE = '0a';
const seed = testSeed();

/**
 * The content of a block: a mark that the test finds in the files, and bytes that do not compress.
 * 90 blocks fill three log blocks.
 */
const markOf = (number: number) => Buffer.from(`[mark of block ${String(number).padStart(4, '0')}]`);
function dataOf(number: number): Uint8Array {
  const random = new Random(number);
  return Buffer.concat([markOf(number), Buffer.from(Array.from({ length: 900 }, () => random.int(0, 256)))]);
}

const open = (location: string, level: LevelOptions = {}) => openLevel(location, { model: plain, level });

/**
 * Stores the rounds [from, to), one block each. Nothing is truncated, so every block must be found
 * again.
 */
async function append(location: string, from: number, to: number): Promise<void> {
  await using store = await open(location);
  for (let i = from; i < to; i++) await store.persist({ blocks: [plainBlock(LANE, i, dataOf(i))] });
}

async function content(location: string): Promise<string> {
  await using store = await open(location);
  return contentOf(store);
}

function files(location: string, extension: string): string[] {
  return readdirSync(join(location, 'level'))
    .filter((name) => name.endsWith(extension))
    .map((name) => join(location, 'level', name))
    .filter((path) => statSync(path).size > 0)
    .sort();
}

function only(paths: readonly string[]): string {
  assert.is(paths.length, 1, `one of ${paths}`);
  return paths[0]!;
}

/** A copy of a closed store. */
function copy(from: string, to: string): string {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
  return to;
}

const rot = suite('bit rot');

rot(
  'a flipped bit of a value in a table is found, and named, also where no checksum of tables is read',
  inTemp(async (dir) => {
    const base = join(dir, 'base');
    await append(base, 0, ROUNDS);
    await (await open(base)).close(); // writes the log out as a table
    const table = only(files(base, '.ldb').filter((path) => readFileSync(path).includes(markOf(5))));
    const bytes = readFileSync(table);
    const random = new Random(seed);
    for (let i = 0; i < 20; i++) {
      const number = random.int(0, ROUNDS);
      const at = bytes.indexOf(markOf(number));
      assert.ok(at > 0, 'tables are not compressed');
      const target = copy(base, join(dir, 'copy'));
      flipInFile(table.replace(base, target), (at + random.int(0, 900)) * 8 + random.int(0, 8));
      const key = blockKey(LANE, BigInt(number));
      for (let twice = 0; twice < 2; twice++) {
        const whole = await refused(open(target), 'LANESTORE_CORRUPT');
        assert.equal(findingLines(whole), [`table-damaged ${table.slice(base.length + 1)} - -`], `seed ${seed}`);
        const beyond = openLevel(target, { model: plain, tableCheckBytesMax: 0 });
        const error = await refused(beyond, 'LANESTORE_CORRUPT');
        assert.equal(findingLines(error), [`record-crc ${key} ${LANE} ${number}`], `seed ${seed}`);
      }
    }
  }),
);

rot(
  'a flipped bit of a value in the log: damage if batches follow, else a lost end; the same at every try',
  inTemp(async (dir) => {
    const base = join(dir, 'base');
    await append(base, 0, 1);
    await append(base, 1, ROUNDS);
    const log = only(files(base, '.log'));
    const bytes = readFileSync(log);
    const random = new Random(seed);
    const codes = new Set<LanestoreErrorCode>();
    for (const number of [1, 2, 30, 31, 50, 60, ROUNDS - 20, ROUNDS - 2, ROUNDS - 1]) {
      const target = copy(base, join(dir, 'copy'));
      const at = bytes.indexOf(markOf(number));
      flipInFile(log.replace(base, target), (at + random.int(0, 20)) * 8 + random.int(0, 8));
      const error = (await rejection(open(target))) as { code: LanestoreErrorCode; findings: [] };
      codes.add(error.code);
      const last = number === ROUNDS - 1;
      const file = log.slice(base.length + 1);
      const found = last ? [`log-torn ${file} - -`, 'witness-ahead witness - -'] : [`log-damaged ${file} - -`];
      assert.is(error.code, last ? 'LANESTORE_ROLLED_BACK' : 'LANESTORE_CORRUPT', `seed ${seed}`);
      assert.equal(findingLines(error), found, `seed ${seed}`);
      assert.equal(findingLines(await refused(open(target), error.code)), found);
    }
    assert.is(codes.size, 2);
  }),
);

rot(
  'the log cut short anywhere: refused, the witness was ahead',
  inTemp(async (dir) => {
    const base = join(dir, 'base');
    await append(base, 0, 1);
    await append(base, 1, ROUNDS);
    const log = only(files(base, '.log'));
    const { size } = statSync(log);
    const random = new Random(seed);
    const cuts = [0, 1, 6, 7, 32768, size - 1, size - 900, ...Array.from({ length: 12 }, () => random.int(0, size))];
    for (const length of cuts) {
      const target = copy(base, join(dir, 'copy'));
      truncateSync(log.replace(base, target), length);
      for (let twice = 0; twice < 2; twice++) {
        const error = await refused(open(target), 'LANESTORE_ROLLED_BACK');
        const lines = findingLines(error);
        // At the boundary between two batches no batch is torn.
        if (lines.length === 2) assert.is(lines.shift(), `log-torn ${log.slice(base.length + 1)} - -`);
        assert.equal(lines, ['witness-ahead witness - -'], `cut at ${length}, seed ${seed}`);
      }
    }
  }),
);

rot(
  'a torn, unacknowledged end is no damage: half a batch, zeros, garbage',
  inTemp(async (dir) => {
    const base = join(dir, 'base');
    await append(base, 0, 1);
    await append(base, 1, 20);
    const log = only(files(base, '.log'));
    const expected = await content(copy(base, join(dir, 'copy')));
    // A batch that was never acknowledged can leave these bytes.
    const longer = join(dir, 'longer');
    const before = readFileSync(log);
    const random = new Random(seed);
    const batch = Buffer.from(Array.from({ length: 1100 }, () => random.int(0, 256)));
    for (const end of [
      fragment(before, batch, 500),
      fragment(before, batch, 3),
      fragment(before, batch, batch.length - 1),
      Buffer.alloc(1),
      Buffer.alloc(5000),
      batch,
      batch.subarray(0, 7),
    ]) {
      copy(base, longer);
      appendFileSync(log.replace(base, longer), end);
      assert.is(await content(longer), expected, `seed ${seed}`);
      assert.is(await content(longer), expected);
    }
  }),
);

/**
 * The beginning of a log record as LevelDB writes it: an arbitrary crc, the length, type "full",
 * then part of its bytes.
 */
function fragment(log: Buffer, payload: Buffer, bytes: number): Buffer {
  const room = 32768 - (log.length % 32768) - 7;
  const head = Buffer.alloc(7);
  head.writeUInt16LE(Math.min(payload.length, room), 4);
  head[6] = 1;
  return Buffer.concat([head, payload.subarray(0, Math.min(bytes, room - 1))]);
}

rot(
  'files that are gone, empty or cut: refused, never opened as less than there was',
  inTemp(async (dir) => {
    const base = join(dir, 'base');
    await append(base, 0, 40);
    await append(base, 40, 60);
    const name = (extension: string) => only(files(base, extension)).slice(base.length);
    const level = (file: string) => `/level/${file}`;
    const manifest = level(readFileSync(join(base, level('CURRENT')), 'utf8').trim());
    const table = files(base, '.ldb')
      .find((path) => readFileSync(path).includes(markOf(5)))!
      .slice(base.length);
    const gone = (file: string) => (to: string) => rmSync(join(to, file));
    const cut = (file: string, part: number) => (to: string) =>
      truncateSync(join(to, file), Math.floor(statSync(join(to, file)).size * part));
    for (const [what, harm, code] of [
      ['CURRENT gone', gone(level('CURRENT')), 'LANESTORE_CORRUPT'],
      ['CURRENT empty', cut(level('CURRENT'), 0), 'LANESTORE_CORRUPT'],
      [
        'CURRENT names no file',
        (to: string) => writeFileSync(join(to, level('CURRENT')), 'MANIFEST-999999\n'),
        'LANESTORE_CORRUPT',
      ],
      ['MANIFEST gone', gone(manifest), 'LANESTORE_CORRUPT'],
      ['MANIFEST empty', cut(manifest, 0), 'LANESTORE_CORRUPT'],
      ['a table gone', gone(table), 'LANESTORE_CORRUPT'],
      ['a table cut by half', cut(table, 0.5), 'LANESTORE_CORRUPT'],
      ['a table empty', cut(table, 0), 'LANESTORE_CORRUPT'],
      ['the newest log gone', gone(name('.log')), 'LANESTORE_CORRUPT'],
      ['the newest log empty', cut(name('.log'), 0), 'LANESTORE_ROLLED_BACK'],
    ] as const) {
      const target = copy(base, join(dir, 'copy'));
      harm(target);
      for (let twice = 0; twice < 2; twice++) {
        const error = (await rejection(open(target))) as { code: LanestoreErrorCode; message: string };
        assert.is(error.code, code, `${what}: ${error.code} ${error.message}`);
      }
      assert.ok(statSync(target).isDirectory());
    }
    assert.match(await content(base), /lane 0a \[0, 60\)/);
  }),
);

const REFUSALS = ['LANESTORE_CORRUPT', 'LANESTORE_ROLLED_BACK'];

rot(
  'any bit of any file of LevelDB: refused, or exactly what was stored',
  inTemp(async (dir) => {
    const base = join(dir, 'base');
    {
      // Tables and a log, with deletions, overwritten records and a second lane in them.
      await using store = await open(base);
      const inner = (i: number) => new TextEncoder().encode(`inner ${i}`);
      for (let i = 0; i < 60; i++) {
        const blocks = [plainBlock(LANE, i, dataOf(i).subarray(0, 300)), plainBlock('0b', i)];
        await store.persist({ blocks, commitQCs: [plainQC(i)], inner: inner(i) });
        if (i % 10 === 9) await store.persist({ anchor: plainAnchor(i - 5, { [LANE]: i - 5, '0b': i - 7 }) });
      }
    }
    await append(base, 60, 90);
    const expected = await content(copy(base, join(dir, 'copy')));
    assert.match(expected, /lane 0a \[54, 90\)/);
    const random = new Random(seed);
    const paths = [...files(base, '.ldb'), ...files(base, '.log'), join(base, 'level', 'CURRENT'), ...manifests(base)];
    const probes = Array.from({ length: 120 }, () => {
      const path = random.pick(paths);
      return { path, bit: random.int(0, statSync(path).size * 8) };
    });
    const locations = probes.map(({ path, bit }, i) => {
      const target = copy(base, join(dir, `probe${i}`));
      flipInFile(path.replace(base, target), bit);
      return target;
    });
    const half = locations.length / 2;
    const outcomes = (
      await Promise.all([openElsewhere(locations.slice(0, half)), openElsewhere(locations.slice(half))])
    ).flat();
    const tally = new Map<string, number>();
    for (const [i, outcome] of outcomes.entries()) {
      const { path, bit } = probes[i]!;
      const where = `bit ${bit} of ${path.slice(base.length)}, seed ${seed}`;
      assert.ok(outcome !== undefined, `aborted: ${where}`);
      if (outcome.content !== undefined) assert.is(outcome.content, expected, where);
      else assert.ok(REFUSALS.includes(outcome.code ?? ''), `${where}: ${outcome.code} ${outcome.message}`);
      const result = outcome.code ?? 'exact';
      tally.set(result, (tally.get(result) ?? 0) + 1);
    }
    assert.ok((tally.get('LANESTORE_CORRUPT') ?? 0) > 10, JSON.stringify([...tally]));
    if (process.env.LANESTORE_TEST_TALLY) process.stderr.write(`${JSON.stringify([...tally])}\n`);
  }),
);

function manifests(location: string): string[] {
  return readdirSync(join(location, 'level'))
    .filter((name) => name.startsWith('MANIFEST'))
    .map((name) => join(location, 'level', name));
}

rot.run();
