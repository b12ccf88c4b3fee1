/**
 * Bad sources and bad targets: each gives a coded error with the path and a remedy; the source is
 * unchanged, and no target is made.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame } from '../../src/adapter/wal/frame.js';
import {
  autobahn,
  Committee,
  detectLayout,
  entryChecks,
  exportState,
  importState,
  isLanestoreError,
  openWal,
} from '../../src/index.js';
import { readCommittees } from '../../src/migrations/index.js';
import { withTmpfs } from '../support/faults-mount.js';
import { loadExpected } from '../support/fixtures.js';
import { makeNetwork } from '../support/network.js';
import { inTemp } from '../support/temp.js';
import { entriesIn, QC_SEGMENT } from './bad-input-support.js';
import { copyState, manifestIn, OPTIONS, refused } from './states.js';

const test = suite('migrations: bad input');
const LANE = '2bd4e778e505998cbe6a052353e359648370d4cdbf51f3c8c986e4ce9fbeb8fe';

const OTHER = '65e2b6c0f2ed9503debb4cbd0bd0f6e28c7c147a11550d0da2c5c04b32412fda';

const SEGMENT = `blocks/${LANE}/00000000000000000039`;

function writeEntries(file: string, entries: readonly Uint8Array[]): void {
  writeFileSync(file, Buffer.concat(entries.map(encodeFrame)));
}

/** A damage to a copy of a fixture, and the expected error. */
const HARM: readonly [what: string, fixture: string, harm: (source: string) => void, code: string, text: RegExp][] = [
  ['an empty directory', 'wal', (dir) => emptied(dir), 'LANESTORE_NOT_A_STORE', /is empty/],
  [
    'a directory of something else',
    'wal',
    (dir) => writeFileSync(join(emptied(dir), 'README'), 'x'),
    'LANESTORE_NOT_A_STORE',
    /holds nothing that a node or lanestore writes/,
  ],
  [
    'no commitqcs/',
    'wal',
    (dir) => rmSync(join(dir, 'commitqcs'), { recursive: true }),
    'LANESTORE_IMPORT',
    /half a state directory: commitqcs\/ missing/,
  ],
  [
    'one file of the pair is missing',
    'wal',
    (dir) => rmSync(join(dir, 'avail_inner_a.pb')),
    'LANESTORE_IMPORT',
    /half a state directory: avail_inner_a\.pb missing/,
  ],
  [
    'files of entries beside segments',
    'wal',
    (dir) => writeFileSync(join(dir, 'commitqcs', '40.pb'), 'x'),
    'LANESTORE_IMPORT',
    /two layouts/,
  ],
  [
    'a level store in the same directory',
    'wal',
    (dir) => mkdirSync(join(dir, 'level')),
    'LANESTORE_IMPORT',
    /two layouts/,
  ],
  [
    'one file an entry, and A/B files with a checksum',
    'file-per-entry',
    (dir) => copyPair('wal-crc', dir),
    'LANESTORE_IMPORT',
    /two layouts/,
  ],
  [
    'segments of seiwal',
    'wal',
    (dir) => writeFileSync(join(dir, 'commitqcs', '3.wal.u'), 'SEIWL'),
    'LANESTORE_SCHEMA',
    /later layout of the original/,
  ],
  [
    'a LevelDB instead of a location',
    'wal',
    (dir) => writeFileSync(join(emptied(dir), 'CURRENT'), 'MANIFEST-000001\n'),
    'LANESTORE_NOT_A_STORE',
    /is a LevelDB itself/,
  ],
  [
    'both A/B files damaged',
    'wal-crc',
    (dir) => ['a', 'b'].map((slot) => flip(join(dir, `avail_inner_${slot}.pb`), 40)),
    'LANESTORE_IMPORT',
    /avail_inner_a\.pb: no whole copy is left/,
  ],
  [
    'A and B have 0 bytes although the logs were pruned',
    'wal',
    (dir) => ['a', 'b'].map((slot) => writeFileSync(join(dir, `avail_inner_${slot}.pb`), '')),
    'LANESTORE_IMPORT',
    /CommitQC 31 is the oldest one, and there is no anchor/,
  ],
  [
    'a lane that lost its entries behind the anchor',
    'wal-no-anchor',
    (dir) => {
      const [lane = ''] = readdirSync(join(dir, 'blocks'));
      renameSync(join(dir, 'blocks', lane, '00000000000000000001'), join(dir, 'blocks', lane, '00000000000000000007'));
      writeFileSync(join(dir, 'blocks', lane, '00000000000000000007'), '');
    },
    'LANESTORE_IMPORT',
    /holds nothing, but it held entries up to 5/,
  ],
  [
    'a block is missing in the middle',
    'wal',
    (dir) => writeEntries(join(dir, SEGMENT), entriesIn(join(dir, SEGMENT)).toSpliced(3, 1)),
    'LANESTORE_IMPORT',
    new RegExp(`${SEGMENT}, byte \\d+: 42 follows 40`),
  ],
  [
    'the oldest blocks behind the anchor are missing',
    'file-per-entry',
    (dir) => rmSync(join(dir, 'blocks', `${LANE}_38.pb`)),
    'LANESTORE_IMPORT',
    /block 39 of lane 2bd4.* is the oldest one, but the anchor \(road index 31\) begins at 38/,
  ],
  [
    'a file in the middle is missing',
    'file-per-entry',
    (dir) => rmSync(join(dir, 'commitqcs', '34.pb')),
    'LANESTORE_IMPORT',
    /35\.pb: CommitQC 35 follows 33: the entries between are missing/,
  ],
  [
    'an entry that decodes but belongs to another lane',
    'wal',
    (dir) => {
      const foreign = entriesIn(join(dir, `blocks/${OTHER}/00000000000000000049`))[0]!;
      writeEntries(join(dir, SEGMENT), [...entriesIn(join(dir, SEGMENT)), foreign]);
    },
    'LANESTORE_IMPORT',
    /a block of lane 65e2b6/,
  ],
  [
    'the same in a file of its own',
    'file-per-entry',
    (dir) => cpSync(join(dir, 'blocks', `${OTHER}_53.pb`), join(dir, 'blocks', `${LANE}_53.pb`)),
    'LANESTORE_IMPORT',
    /_53\.pb: a block of lane 65e2b6/,
  ],
  [
    'a name that disagrees with its content',
    'file-per-entry',
    (dir) => renameSync(join(dir, 'commitqcs', '39.pb'), join(dir, 'commitqcs', '40.pb')),
    'LANESTORE_IMPORT',
    /40\.pb: its content has number 39/,
  ],
  [
    'a damaged file in the middle',
    'file-per-entry',
    (dir) => writeFileSync(join(dir, 'blocks', `${LANE}_40.pb`), ''),
    'LANESTORE_IMPORT',
    /_40\.pb: /,
  ],
  [
    'a block whose payload does not hash to its header',
    'wal',
    (dir) => {
      const entries = entriesIn(join(dir, SEGMENT));
      const block = autobahn.block.fromWire(entries[5]!);
      const payload = { ...block.block.payload, totalGas: block.block.payload.totalGas + 1n };
      entries[5] = autobahn.block.toWire({ ...block, block: { ...block.block, payload } });
      writeEntries(join(dir, SEGMENT), entries);
    },
    'LANESTORE_IMPORT',
    /block 43 of lane 2bd4.*payload hash is .*, but its header says/,
  ],
  [
    'a block that is not the child of the one before',
    'wal',
    (dir) => {
      const entries = entriesIn(join(dir, SEGMENT));
      const block = autobahn.block.fromWire(entries[5]!);
      const header = { ...block.block.header, parentHash: new Uint8Array(32).fill(7) };
      entries[5] = autobahn.block.toWire({ ...block, block: { ...block.block, header } });
      writeEntries(join(dir, SEGMENT), entries);
    },
    'LANESTORE_IMPORT',
    /block 43.*parent hash/,
  ],
  [
    'a segment whose name counts more entries than its numbers allow',
    'wal',
    (dir) => renameSync(join(dir, SEGMENT), join(dir, `blocks/${LANE}/00000000000000000100`)),
    'LANESTORE_IMPORT',
    /first entry has number 38, but its name says that 99 came before/,
  ],
];

function emptied(dir: string): string {
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
  return dir;
}

function copyPair(from: string, dir: string): void {
  const scratch = copyState(from, join(dir, '..'), 'scratch');
  for (const slot of ['a', 'b'])
    renameSync(join(scratch, `avail_inner_${slot}.pb`), join(dir, `avail_inner_${slot}.pb`));
  rmSync(scratch, { recursive: true });
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 1;
  writeFileSync(file, bytes);
}

async function rejection(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isLanestoreError(error), String(error));
    return error;
  }
  throw new Error('it should have been refused');
}

for (const [what, fixture, harm, code, text] of HARM) {
  test(
    `refused: ${what}`,
    inTemp(async (dir) => {
      const source = copyState(fixture, dir, 'source');
      harm(source);
      await refused(source, join(dir, 'target'), code as 'LANESTORE_IMPORT', text);
    }),
  );
}

test(
  'refused: a source that is absent, or a file; nothing is made',
  inTemp(async (dir) => {
    const absent = await rejection(importState(join(dir, 'nowhere'), join(dir, 'target'), OPTIONS));
    assert.is(absent.code, 'LANESTORE_NOT_A_STORE');
    assert.match(absent.message, /nowhere does not exist/);
    writeFileSync(join(dir, 'file'), 'x');
    const file = await rejection(importState(join(dir, 'file'), join(dir, 'target'), OPTIONS));
    assert.match(file.message, /file is not a directory/);
    assert.equal(readdirSync(dir), ['file']);
  }),
);

test(
  'a torn newest file of a log is left out and reported',
  inTemp(async (dir) => {
    const source = copyState('file-per-entry', dir);
    const file = join(source, 'blocks', `${LANE}_52.pb`);
    const bytes = readFileSync(file);
    for (const [i, left] of [bytes.subarray(0, 0), bytes.subarray(0, 300), Buffer.alloc(bytes.length)].entries()) {
      writeFileSync(file, left);
      const report = await importState(source, join(dir, `store-${i}`), OPTIONS);
      assert.ok(
        report.notes.some((note) => note.includes(`${LANE}_52.pb: left out`)),
        String(report.notes),
      );
      const { lanes } = await manifestIn(join(dir, `store-${i}`));
      assert.equal(lanes[LANE], loadExpected('wal').lanes[LANE]?.slice(0, -1));
    }
    bytes[200]! ^= 0x10;
    writeFileSync(file, bytes);
    await refused(source, join(dir, 'target'), 'LANESTORE_IMPORT', /_52\.pb/);
  }),
);

test(
  'refused: a cut in a segment that is not the newest one',
  inTemp(async (dir) => {
    const whole = copyState('wal', dir);
    await importState(whole, join(dir, 'store'), OPTIONS);
    const source = join(dir, 'small');
    await exportState(join(dir, 'store'), source, 'wal', { ...OPTIONS, segmentBytes: 2000 });
    const lane = join(source, 'blocks', LANE);
    const [first = ''] = readdirSync(lane).sort();
    assert.ok(readdirSync(lane).length > 2);
    writeFileSync(join(lane, first), readFileSync(join(lane, first)).subarray(0, -1));
    await refused(source, join(dir, 'target'), 'LANESTORE_IMPORT', /entries \d+ to \d+ are missing|file ends/);
    rmSync(join(lane, first));
    await refused(source, join(dir, 'target'), 'LANESTORE_IMPORT', /is the oldest one, but the anchor/);
  }),
);

test(
  'refused: a source that a node writes to, here or in another process; one that changes meanwhile',
  inTemp(async (dir) => {
    const source = copyState('wal', dir);
    const node = await openWal(source, { model: autobahn });
    const live = await rejection(importState(source, join(dir, 'target'), OPTIONS));
    assert.is(live.code, 'LANESTORE_LOCKED');
    assert.match(live.message, /in use by this process; stop the node/);
    await node.close();
    const fd = openSync(join(source, SEGMENT), 'r+');
    const wait = 'setInterval(() => {}, 1000); process.stdout.write("up")';
    const other = spawn(process.execPath, ['-e', wait], { stdio: ['ignore', 'pipe', 'ignore', fd] });
    closeSync(fd);
    await once(other.stdout!, 'data');
    const elsewhere = await rejection(importState(source, join(dir, 'target'), OPTIONS));
    assert.match(elsewhere.message, new RegExp(`in use by process ${other.pid}; stop the node`));
    other.kill();
    await once(other, 'exit');
    const reader = openSync(join(source, SEGMENT), 'r');
    await importState(source, join(dir, 'beside-a-reader'), OPTIONS);
    closeSync(reader);
    const checks = entryChecks();
    const racing = {
      ...OPTIONS,
      checks: {
        ...checks,
        block: (...args: Parameters<NonNullable<typeof checks.block>>) => {
          appendFileSync(join(source, QC_SEGMENT), new Uint8Array(1));
          checks.block?.(...args);
        },
      },
    };
    const changed = await rejection(importState(source, join(dir, 'target'), racing));
    assert.is(changed.code, 'LANESTORE_IMPORT');
    assert.match(changed.message, /changed while it was read; stop the node/);
    assert.not.ok(readdirSync(dir).includes('target'));
  }),
);

test(
  'refused: a target that exists; what it holds stays',
  inTemp(async (dir) => {
    const source = copyState('wal', dir, 'source');
    mkdirSync(join(dir, 'full'));
    writeFileSync(join(dir, 'full', 'mine'), 'x');
    writeFileSync(join(dir, 'file'), 'x');
    await refused(source, join(dir, 'full'), 'LANESTORE_IMPORT', /full exists already/);
    await refused(source, join(dir, 'file'), 'LANESTORE_IMPORT', /file exists already/);
    assert.is(readFileSync(join(dir, 'full', 'mine'), 'utf8'), 'x');
  }),
);

test(
  'refused: a target that is a file system of its own; a disk that is full midway',
  inTemp(async (dir) => {
    const source = copyState('wal', dir, 'source');
    const disk = join(dir, 'disk');
    await withTmpfs('a mount point as a target', disk, '24k', async () => {
      const mount = await rejection(importState(source, disk, OPTIONS));
      assert.is(mount.code, 'LANESTORE_IMPORT');
      assert.match(mount.message, /disk is a mount point.*name a directory inside/);
      await importState(source, join(dir, 'store'), OPTIONS);
      for (const attempt of [
        () => importState(source, join(disk, 'level'), OPTIONS),
        () => exportState(join(dir, 'store'), join(disk, 'files'), 'file-per-entry', OPTIONS),
        () => exportState(join(dir, 'store'), join(disk, 'wal'), 'wal', OPTIONS),
      ]) {
        const full = await rejection(attempt());
        assert.is(full.code, 'LANESTORE_IMPORT');
        assert.match(full.message, /free some space, or name a target on a larger disk/);
      }
      assert.equal(readdirSync(disk), [], 'nothing was left');
    });
  }),
);

test(
  'refused: signatures that do not hold, and a committee that does not fit',
  inTemp(async (dir) => {
    const source = copyState('wal', dir, 'source');
    const expected = loadExpected('wal');
    const file = join(dir, 'committee.json');
    writeFileSync(file, JSON.stringify({ committee: expected.committee }));
    const committee = await readCommittees(file);
    const signed = { ...OPTIONS, checks: entryChecks(committee) };
    await importState(source, join(dir, 'store'), signed);
    // The original loads a flipped bit in a signature without an error.
    const entries = entriesIn(join(source, SEGMENT));
    const block = autobahn.block.fromWire(entries[2]!);
    const sig = block.sig.sig.slice();
    sig[0]! ^= 1;
    entries[2] = autobahn.block.toWire({ ...block, sig: { ...block.sig, sig } });
    writeEntries(join(source, SEGMENT), entries);
    await refused(source, join(dir, 'target'), 'LANESTORE_IMPORT', /block 40 of lane 2bd4.*signature/, signed);
    const strangers = makeNetwork({ validators: 4, seed: 9 }).committee;
    const wrong = { ...OPTIONS, checks: entryChecks(new Committee(strangers.keys)) };
    await refused(source, join(dir, 'target'), 'LANESTORE_IMPORT', /not one of the committee/, wrong);
    for (const [text, reason] of [
      ['{"lanes": []}', /holds no list/],
      ['["abc"]', /an entry that is not a key/],
      ['[]', /makes no committee/],
      ['{"committee": ["00", "00"]}', /makes no committee/],
      ['', /makes no committee/],
      ['[1', /holds no list/],
    ] as const) {
      writeFileSync(file, text);
      const error = await rejection(readCommittees(file));
      assert.is(error.code, 'LANESTORE_INVALID');
      assert.match(error.message, reason);
    }
    assert.is((await rejection(readCommittees(join(dir, 'absent')))).code, 'LANESTORE_IO');
    writeFileSync(file, `# validators\n${expected.committee.join('\n')}\n`);
    assert.equal(
      (await readCommittees(file)).terms.map(({ from, committee: { size } }) => [from, size]),
      [[0n, 4]],
    );
  }),
);

test(
  'detection reports what it found',
  inTemp(async (dir) => {
    const { evidence } = await detectLayout(copyState('wal-crc', dir));
    assert.equal(evidence, [
      'blocks/ has 4 lanes with a directory each',
      'commitqcs/ has 1 segments',
      'avail_inner_{a,b}.pb are written with a checksum',
    ]);
    const unreadable = copyState('wal', dir);
    chmodSync(unreadable, 0);
    if (process.getuid?.() !== 0) assert.is((await rejection(detectLayout(unreadable))).code, 'LANESTORE_IO');
    chmodSync(unreadable, 0o700);
  }),
);

test.run();
