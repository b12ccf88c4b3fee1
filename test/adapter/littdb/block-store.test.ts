/**
 * The block store of the fixtures, and damage to it: the result of the original, and the findings
 * reported here.
 */
import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BlockStore, readBlockStore } from '../../../src/adapter/littdb/index.js';
import type { FindingKind } from '../../../src/errors.js';
import { treeHash } from '../../migrations/states.js';
import { refused } from '../../support/faults.js';
import { fixture } from '../../support/fixtures.js';
import { inTemp } from '../../support/temp.js';

const test = suite('block store in LittDB');
const SEGMENTS = join('blockdb', 'blocks', 'segments');

/** What the original says of a case: its status, or its error. */
interface Case {
  readonly error?: string;
  readonly status?: Readonly<Record<string, string>>;
  readonly qcs?: number;
  readonly blocks?: number;
  readonly appProposals?: number;
  readonly appQCs?: number;
}

const cases = new Map<string, Case>(
  readFileSync(fixture('head', 'blockdb-cases.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', json = ''] = line.split(' | ');
      return [name, JSON.parse(json)];
    }),
);

type Change = (segments: string) => void;
const resize =
  (file: string, length: (bytes: number) => number): Change =>
  (segments) => {
    const path = join(segments, file);
    truncateSync(path, length(readFileSync(path).length));
  };
const edit =
  (file: string, make: (bytes: Buffer) => Uint8Array): Change =>
  (segments) =>
    writeFileSync(join(segments, file), make(readFileSync(join(segments, file))));
const remove =
  (...files: string[]): Change =>
  (segments) => {
    for (const file of files) rmSync(join(segments, file));
  };
const nothing: Change = () => undefined;

/**
 * How each case is made, and the findings here. `ordinary` has one segment, which is not sealed;
 * the three of `closed` are.
 */
const CASES: Readonly<Record<string, readonly [state: string, change: Change, ...findings: FindingKind[]]>> = {
  'as written': ['ordinary', nothing],
  'keymap removed': ['ordinary', (segments) => rmSync(join(segments, '..', 'keymap'), { recursive: true })],
  closed: ['closed', nothing],
  'closed, keymap removed': ['closed', (segments) => rmSync(join(segments, '..', 'keymap'), { recursive: true })],
  'keys cut 1': ['ordinary', resize('0.keys', (bytes) => bytes - 1)],
  'keys cut 40': ['ordinary', resize('0.keys', (bytes) => bytes - 40)],
  'keys cut to 100': ['ordinary', resize('0.keys', () => 100)],
  'values cut 1': ['ordinary', resize('0-0.values', (bytes) => bytes - 1)],
  'values cut 5000': ['ordinary', resize('0-0.values', (bytes) => bytes - 5000)],
  'values removed (last segment)': ['ordinary', remove('0-0.values'), 'segment-gap'],
  'metadata removed (last)': ['ordinary', remove('0.metadata'), 'segment-gap'],
  'middle metadata removed': ['closed', remove('1.metadata'), 'segment-gap'],
  'first segment removed': ['closed', remove('0.metadata', '0.keys', '0-0.values')],
  'sealed values cut 10': ['closed', resize('2-0.values', (bytes) => bytes - 10), 'entry-cut'],
  'sealed keys cut 10': ['closed', resize('2.keys', (bytes) => bytes - 10), 'entry-cut'],
  'value bit flip': ['ordinary', edit('0-0.values', (bytes) => bytes.fill(bytes[2000]! ^ 1, 2000, 2001))],
  'values zero tail': ['ordinary', edit('0-0.values', (bytes) => bytes.fill(0, bytes.length - 500))],
  'metadata version 5': ['ordinary', edit('0.metadata', (bytes) => bytes.fill(5, 3, 4)), 'segment-version'],
  'litt.lock leftover': ['ordinary', (segments) => writeFileSync(join(segments, '..', '..', 'litt.lock'), 'x')],
};

async function read(dir: string, state: string, change: Change): Promise<BlockStore> {
  const location = join(dir, 'state');
  rmSync(location, { recursive: true, force: true });
  cpSync(fixture('head', state, 'state'), location, { recursive: true });
  change(join(location, SEGMENTS));
  const before = treeHash(location);
  const store = await readBlockStore(location);
  assert.is(treeHash(location), before);
  return store;
}

/** The status that the original computes from a store. */
function statusOf({ rows }: BlockStore): Readonly<Record<string, string>> {
  const [oldest] = rows.fullCommitQC;
  const next = (kind: keyof typeof rows) => rows[kind].at(-1)?.next ?? oldest?.first ?? 0n;
  const first = rows.appQC.length === 0 ? (oldest?.first ?? 0n) : next('appQC') - 1n;
  return Object.fromEntries(
    Object.entries({
      first,
      nextAppProposal: next('appProposal'),
      nextAppQC: next('appQC'),
      nextBlock: next('block'),
      nextQC: next('fullCommitQC'),
    }).map(([name, number]) => [name, String(number)]),
  );
}

test('every case of the original has a row here', () => {
  assert.equal(Object.keys(CASES).sort(), [...cases.keys()].sort());
});

for (const [name, [state, change, ...kinds]] of Object.entries(CASES)) {
  test(
    name,
    inTemp(async (dir) => {
      const store = await read(dir, state, change);
      assert.equal(
        [...new Set(store.findings.map(({ kind }) => kind))],
        kinds,
        store.findings.map(({ detail }) => detail).join('\n'),
      );
      const { status, error, qcs, blocks } = cases.get(name)!;
      if (kinds.length > 0) return;
      if (status === undefined) assert.ok(/zero|lock/.test(name), error);
      else {
        assert.equal(statusOf(store), status);
        const first = BigInt(status.first!);
        const inSuffix = (kind: 'fullCommitQC' | 'block') => store.rows[kind].filter(({ next }) => next > first).length;
        assert.equal([inSuffix('fullCommitQC'), inSuffix('block')], [qcs, blocks]);
      }
    }),
  );
}

test(
  'values of another version: zeros, and a number of another block',
  inTemp(async (dir) => {
    const zeros = await read(dir, ...(CASES['values zero tail']!.slice(0, 2) as [string, Change]));
    const row = zeros.rows.appQC.at(-1)!;
    const { findings } = await refused(
      () => zeros.read(row),
      'LANESTORE_CORRUPT',
      /serialization version 0 is not read/,
    );
    assert.equal(
      [findings![0]!.kind, findings![0]!.offset, findings![0]!.number],
      ['segment-version', row.offset, row.first],
    );
    const [block] = zeros.rows.block;
    const moved = await read(
      dir,
      'ordinary',
      edit('0-0.values', (bytes) => bytes.fill(9, block!.offset + 8, block!.offset + 9)),
    );
    await refused(() => moved.read(moved.rows.block[0]!), 'LANESTORE_CORRUPT', /the value is that of block/);
    // The keys of the first block: 9 bytes, then its hash, after the two of the first CommitQC.
    const short = edit('0.keys', (bytes) => {
      for (const at of [50 + 21, 75 + 45]) bytes.writeUInt32BE(3, at);
      return bytes;
    });
    const shortened = await read(dir, 'ordinary', short);
    await refused(
      () => shortened.read(shortened.rows.block[0]!),
      'LANESTORE_CORRUPT',
      /shorter than the head of a block/,
    );
  }),
);

test(
  'files that the original does not notice: keys that are missing, a gap, strays, remains of a crash',
  inTemp(async (dir) => {
    const fewer = await read(dir, 'closed', (segments) => {
      const path = join(segments, '2.keys');
      const bytes = readFileSync(path);
      // The last group, of which each key record has 9 + 16 bytes, or 33 + 16.
      let end = bytes.length;
      while (bytes[end - 25] !== 1 && bytes[end - 25] !== 0) end -= 25;
      writeFileSync(path, bytes.subarray(0, end - 25));
    });
    assert.equal(
      fewer.findings.map(({ kind }) => kind),
      ['entries-missing'],
    );
    const gap = await read(dir, 'closed', remove('1.metadata', '1.keys', '1-0.values'));
    assert.ok(gap.findings.some(({ kind, detail }) => kind === 'segment-gap' && /between 0 and 2/.test(detail)));
    const crash = await read(dir, 'ordinary', (segments) => {
      writeFileSync(join(segments, '1.keys'), '');
      writeFileSync(join(segments, '1-0.values'), '');
      writeFileSync(join(segments, '0.metadata.swap'), 'half');
      writeFileSync(join(segments, 'stray'), '');
    });
    assert.equal(crash.findings, []);
    assert.is(crash.notes.length, 4, crash.notes.join('\n'));
    const renamed = await read(dir, 'ordinary', (segments) => {
      for (const end of ['.metadata', '.keys', '-0.values'])
        renameSync(join(segments, `0${end}`), join(segments, `3${end}`));
    });
    assert.equal(
      renamed.findings.map(({ kind }) => kind),
      ['entry-name'],
    );
    const noQC = await read(dir, 'no-anchor', (segments) => {
      const key = Buffer.from([0, 0, 9, 'b'.charCodeAt(0), 0, 0, 0, 0, 0, 0, 0, 7]);
      appendFileSync(join(segments, '0.keys'), Buffer.concat([key, Buffer.alloc(13)]));
    });
    assert.equal(
      noQC.findings.map(({ kind }) => kind),
      ['entries-missing'],
    );
  }),
);

test.run();
