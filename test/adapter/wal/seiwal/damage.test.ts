/**
 * Damage to a seiwal log: the result of the original (cases.json), and the findings reported here.
 */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSeiwal, recordsOf, type SeiwalLog } from '../../../../src/adapter/wal/seiwal/log.js';
import type { FindingKind } from '../../../../src/errors.js';
import { treeHash } from '../../../migrations/states.js';
import { fixture } from '../../../support/fixtures.js';
import { inTemp } from '../../../support/temp.js';

const test = suite('seiwal: damage');

interface Case {
  readonly error?: string;
  readonly iterError?: string;
  readonly entries?: readonly { readonly index: string; readonly bytes: number; readonly sha256: string }[];
}

const cases: Readonly<Record<string, Case>> = JSON.parse(readFileSync(fixture('head', 'seiwal', 'cases.json'), 'utf8'));
const closed = JSON.parse(readFileSync(fixture('head', 'seiwal', 'cases-closed.json'), 'utf8'));

const MUTABLE = '4.wal.u';
const SEALED = '2-15-19.wal';

async function entriesOf(log: SeiwalLog) {
  const entries = [];
  for await (const { index, payload } of recordsOf(log, 0n)) {
    const sha256 = createHash('sha256').update(payload).digest('hex');
    entries.push({ index: String(index), bytes: payload.length, sha256 });
  }
  return entries;
}

/** The log of the fixture, changed by `change`, read; nothing of it is changed by reading. */
async function read(dir: string, change: (log: string) => void, name = 'wal'): Promise<SeiwalLog> {
  const path = join(dir, 'log');
  rmSync(path, { recursive: true, force: true });
  cpSync(fixture('head', 'seiwal', name), path, { recursive: true });
  change(path);
  const before = treeHash(path);
  const log = await readSeiwal(path, { directory: 'log' });
  await entriesOf(log);
  assert.is(treeHash(path), before);
  return log;
}

const edit = (file: string, make: (bytes: Buffer) => Uint8Array) => (log: string) =>
  writeFileSync(join(log, file), make(readFileSync(join(log, file))));
const cut = (bytes: number) => edit(MUTABLE, (all) => all.subarray(0, bytes));
const flip = (file: string, at: number) =>
  edit(file, (all) => {
    all[at]! ^= 1;
    return all;
  });
const append = (file: string, more: Uint8Array) => edit(file, (all) => Buffer.concat([all, more]));

/** Each case of the original, and how it is made from the fixture. */
const DAMAGE: Readonly<
  Record<string, readonly [change: (log: string) => void, finding?: FindingKind | undefined, note?: RegExp]>
> = {
  'as written, not closed': [() => undefined],
  'mutable bad magic': [flip(MUTABLE, 0), 'segment-head'],
  'mutable version 2': [edit(MUTABLE, (all) => all.fill(2, 5, 6)), 'segment-version'],
  'mutable cut to 0 of 72': [cut(0)],
  'mutable cut to 3 of 72': [cut(3), undefined, /3 bytes of its head/],
  'mutable cut to 5 of 72': [cut(5), undefined, /5 bytes of its head/],
  'mutable cut to 6 of 72': [cut(6)],
  'mutable cut to 7 of 72': [cut(7), undefined, /last 1 bytes/],
  'mutable cut to 12 of 72': [cut(12), undefined, /last 6 bytes/],
  'mutable cut to 67 of 72': [cut(67), undefined, /are no whole record/],
  'mutable cut to 68 of 72': [cut(68), undefined, /are no whole record/],
  'mutable cut to 71 of 72': [cut(71), undefined, /are no whole record/],
  'mutable first record bit flip': [flip(MUTABLE, 20), 'entries-lost'],
  'mutable zeros appended 100': [append(MUTABLE, new Uint8Array(100)), undefined, /last 100 bytes/],
  'sealed 2-15-19.wal bit flip': [flip(SEALED, 30), 'entry-crc'],
  'sealed 2-15-19.wal last byte cut': [edit(SEALED, (all) => all.subarray(0, -1)), 'entry-cut'],
  'sealed 2-15-19.wal zeros appended': [append(SEALED, new Uint8Array(10)), 'entry-crc'],
  'sealed 2-15-19.wal removed': [(log) => rmSync(join(log, SEALED)), 'segment-gap'],
  'sealed 2-15-19.wal renamed to a larger last': [
    (log) => renameSync(join(log, SEALED), join(log, '2-15-190.wal')),
    'segment-names',
  ],
  'swap and stray files': [
    (log) => {
      writeFileSync(join(log, '1-8-9.wal.swap'), 'rest');
      writeFileSync(join(log, 'notes.txt'), 'stray');
      mkdirSync(join(log, 'iterator', '0'), { recursive: true });
      writeFileSync(join(log, 'wal.lock'), '');
    },
    undefined,
    /1-8-9\.wal\.swap: left by an interrupted rollback/,
  ],
};

test('every case of the original has a row here', () => {
  assert.equal(Object.keys(DAMAGE).sort(), Object.keys(cases).sort());
});

for (const [name, [change, kind, note]] of Object.entries(DAMAGE)) {
  test(
    name,
    inTemp(async (dir) => {
      const log = await read(dir, change);
      const { entries, error, iterError } = cases[name]!;
      assert.equal(
        log.findings.map((finding) => finding.kind),
        kind === undefined ? [] : [kind],
        JSON.stringify(log.findings.map(({ detail }) => detail)),
      );
      if (note === undefined)
        assert.equal(
          log.notes.filter((text) => !text.includes('contiguous suffix')),
          [],
        );
      else assert.match(log.notes.join('\n'), note);
      // Where the original reads everything that counts, the same entries are read here.
      if (error === undefined && iterError === undefined) assert.equal(await entriesOf(log), entries);
      else assert.ok(kind !== undefined, 'what the original refuses is a finding');
    }),
  );
}

test(
  'the closed log, and one that the original rolled back',
  inTemp(async (dir) => {
    const log = await read(dir, () => undefined, 'wal-closed');
    assert.equal(await entriesOf(log), closed['closed, opened again'].entries);
    assert.equal(log.extent, { records: 16, first: 8n, last: 2n ** 63n + 5n });
    assert.is(log.suffixFirst, 2n ** 63n + 5n);
    const rolled = await read(
      dir,
      (path) => {
        // As PruneAfter(15) leaves it if it stops before it removes the old name.
        for (const file of readdirSync(path)) if (!/^[12]-/.test(file)) rmSync(join(path, file));
        writeFileSync(join(path, '2-15-15.wal'), readFileSync(join(path, SEALED)).subarray(0, 52));
      },
      'wal-closed',
    );
    assert.equal(rolled.findings, []);
    assert.match(rolled.notes.join(), /2-15-19\.wal: an interrupted rollback left it: 2-15-15\.wal takes its place/);
    assert.equal(await entriesOf(rolled), closed['PruneAfter(15)'].then.entries);
    assert.is(rolled.suffixFirst, 8n);
  }),
);

function uvarint(value: bigint, pad = 0): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  for (let i = 0; i < pad; i++) {
    bytes[bytes.length - 1]! |= 0x80;
    bytes.push(0);
  }
  return bytes;
}

function record(index: bigint, bytes: number, pad = 0): Buffer {
  const body = Buffer.concat([
    Buffer.from([...uvarint(index, pad), ...uvarint(BigInt(bytes), pad)]),
    Buffer.alloc(bytes, 7),
  ]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([body, crc]);
}

const HEAD = Buffer.from('SEIWL\u0001');

/** A log of these files. */
async function logOf(dir: string, files: Readonly<Record<string, readonly Uint8Array[]>>): Promise<SeiwalLog> {
  const path = join(dir, 'made');
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path);
  for (const [name, parts] of Object.entries(files)) writeFileSync(join(path, name), Buffer.concat(parts));
  return readSeiwal(path, { directory: 'made' });
}

const kinds = ({ findings }: SeiwalLog) => findings.map(({ kind }) => kind);

test(
  'indexes that go back, in a file and across files; holes; numbers near 2^64; padded numbers',
  inTemp(async (dir) => {
    const across = await logOf(dir, {
      '0-5-6.wal': [HEAD, record(5n, 3), record(6n, 3)],
      '1.wal.u': [HEAD, record(6n, 3)],
    });
    assert.equal(kinds(across), ['segment-overlap']);
    const within = await logOf(dir, { '0-5-5.wal': [HEAD, record(6n, 3), record(5n, 3)] });
    assert.equal(kinds(within), ['entry-crc']);
    assert.match(within.findings[0]!.detail, /its index 5 does not come after 6/);
    const hole = await logOf(dir, {
      '7-1-2.wal': [HEAD, record(1n, 3), record(2n, 3)],
      '8.wal.u': [HEAD, record(4n, 3), record(5n, 0)],
    });
    assert.equal([kinds(hole), hole.suffixFirst, hole.extent?.records], [[], 4n, 4]);
    assert.match(hole.notes.join(), /made: entries before 4 are missing, so the 2 older ones are left out/);
    const top = await logOf(dir, { '18446744073709551615.wal.u': [HEAD, record(2n ** 64n - 1n, 2, 0)] });
    assert.equal([kinds(top), top.extent?.last], [[], 2n ** 64n - 1n]);
    const padded = await logOf(dir, { '0.wal.u': [HEAD, record(3n, 2, 6)] });
    assert.equal([kinds(padded), padded.extent], [[], { records: 1, first: 3n, last: 3n }]);
    const tooLong = await logOf(dir, { '0.wal.u': [HEAD, record(3n, 2, 10)] });
    assert.equal([kinds(tooLong), tooLong.extent], [[], undefined]);
    const stray = await logOf(dir, { '18446744073709551616.wal.u': [HEAD] });
    assert.equal([stray.strays, stray.files.length], [['made/18446744073709551616.wal.u'], 0]);
    const mixed = await logOf(dir, { '3-1-1.wal': [HEAD, record(1n, 1)], '3.wal.u': [HEAD, record(2n, 1)] });
    assert.equal([kinds(mixed), mixed.extent?.last], [[], 1n]);
    const several = await logOf(dir, { '0.wal.u': [HEAD, record(1n, 1)], '1.wal.u': [HEAD, record(2n, 1)] });
    assert.equal([kinds(several), several.extent?.records], [[], 2]);
  }),
);

test(
  'a length that no file holds is no reason to allocate it',
  inTemp(async (dir) => {
    const wild = Buffer.from([...uvarint(1n), ...uvarint(2n ** 63n), 1, 2, 3, 4, 5]);
    const log = await logOf(dir, { '0.wal.u': [HEAD, wild] });
    assert.equal([kinds(log), log.extent], [[], undefined]);
    assert.equal(kinds(await logOf(dir, { '0-1-1.wal': [HEAD, wild] })), ['entry-cut']);
  }),
);

test(
  'a tail whose pages reached the disk out of order is torn, not damage: nothing in it was synced',
  inTemp(async (dir) => {
    const [a, b, c] = [record(1n, 100), record(2n, 3000), record(3n, 50)];
    const torn = Buffer.concat([HEAD, a, b, c]);
    torn.fill(0, 1024, 2048);
    const log = await logOf(dir, { '0.wal.u': [torn] });
    assert.equal([kinds(log), log.extent?.last], [[], 1n]);
    const flipped = Buffer.concat([HEAD, a, b, c]);
    flipped[1500]! ^= 1;
    const lost = await logOf(dir, { '0.wal.u': [flipped] });
    assert.equal(kinds(lost), ['entries-lost']);
    assert.match(lost.findings[0]!.detail, /record 3 follows whole at byte .*records between 1 and 3 are damaged/);
  }),
);

test.run();
