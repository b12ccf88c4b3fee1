/**
 * Recovery: what a database that is not what it should be is refused for, with every finding, and
 * left as it is.
 */
import { writeFileSync } from 'node:fs';
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FINDINGS_MAX } from '../../../../src/adapter/finding-list.js';
import { type LevelStore, openLevel } from '../../../../src/adapter/level/index.js';
import type { LanestoreErrorCode } from '../../../../src/errors.js';
import { blockKey, commitQCKey, eventKey, laneBytes } from '../../../../src/keys/index.js';
import {
  bodyOf,
  dump,
  findingLines,
  flipped,
  makeRecord,
  type RawOperation,
  rawBatch,
  refused,
  rewriteBody,
  tree,
  withRaw,
} from '../../../support/faults.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
  plainBlocks,
  plainQC,
} from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

const open = (location: string, load = true): Promise<Store> => openLevel(location, { model: plain, load });
const A = (number: number) => blockKey('0a', BigInt(number));
const B = (number: number) => blockKey('0b', BigInt(number));
const QC = (index: number) => commitQCKey(BigInt(index));

/**
 * Lane 0a [3, 8), lane 0b [1, 4), lane 0c [2, 2), QCs [2, 5), an anchor at 2 after one at 1, an
 * inner state after another.
 */
async function makeStore(location: string): Promise<void> {
  await fill(await open(location));
}

/** Fills and closes a store as {@link makeStore} does. */
async function fill(opened: Store): Promise<void> {
  await using store = opened;
  const bytes = (text: string) => new TextEncoder().encode(text);
  await store.persist({
    inner: bytes('inner 1'),
    commitQCs: [0, 1, 2, 3, 4].map((index) => plainQC(index)),
    blocks: [...plainBlocks('0a', 0, 8), ...plainBlocks('0b', 0, 4), ...plainBlocks('0c', 0, 2)],
  });
  await store.persist({ anchor: plainAnchor(1, { '0a': 1, '0c': 2 }) });
  await store.persist({ anchor: plainAnchor(2, { '0a': 3, '0b': 1, '0c': 2 }), inner: bytes('inner 2') });
}

/** What the store of {@link makeStore} gives when nothing is wrong. */
async function assertWhole(location: string): Promise<void> {
  await using store = await open(location);
  const { anchor, inner, commitQCs, blocks } = store.takeRecovered();
  assert.equal(anchor, plainAnchor(2, { '0a': 3, '0b': 1, '0c': 2 }));
  assert.is(new TextDecoder().decode(inner), 'inner 2');
  // The CommitQC of the first anchor was stored long before: the log keeps the one it had.
  assert.equal(
    commitQCs,
    [2, 3, 4].map((index) => plainQC(index)),
  );
  assert.equal(
    blocks,
    new Map([
      ['0a', plainBlocks('0a', 3, 8)],
      ['0b', plainBlocks('0b', 1, 4)],
    ]),
  );
  assert.equal(store.cursors, {
    lanes: new Map([
      ['0a', { first: 3n, next: 8n }],
      ['0b', { first: 1n, next: 4n }],
      ['0c', { first: 2n, next: 2n }],
    ]),
    commitQCs: { first: 2n, next: 5n },
  });
}

/** The raw values of a store, to make damage of. */
type Content = ReadonlyMap<string, Uint8Array>;

async function contentOf(location: string): Promise<Content> {
  return new Map([...(await dump(location))].map(([key, value]) => [key, new Uint8Array(Buffer.from(value, 'hex'))]));
}

const put = (key: string, value: Uint8Array): RawOperation => ({ type: 'put', key, value });
const del = (key: string): RawOperation => ({ type: 'del', key });
/** A value with one bit of its body flipped. */
const rotten = (content: Content, key: string) => put(key, flipped(content.get(key)!, 8 * 6 + 3));
/** A whole record of a block, with its right crc. */
const block = (lane: string, number: number) =>
  put(
    blockKey(lane, BigInt(number)),
    makeRecord(blockKey(lane, BigInt(number)), plain.block.toBody(plainBlock(lane, number))),
  );
const qc = (index: number) => put(QC(index), makeRecord(QC(index), plain.commitQC.toBody(plainQC(index))));

interface Case {
  readonly what: string;
  readonly damage: (content: Content) => RawOperation[];
  readonly findings: readonly string[];
  readonly code?: LanestoreErrorCode;
}

const corruptTip = (change: object) => (content: Content) => [put('meta/tip', changed(content, 'meta/tip', change))];

/** A whole record with some fields of its body replaced. */
function changed(content: Content, key: string, change: object): Uint8Array {
  return makeRecord(key, { ...(bodyOf(content.get(key)!) as object), ...change });
}

const CASES: readonly Case[] = [
  // One record
  { what: 'a block with a flipped bit', damage: (c) => [rotten(c, A(5))], findings: [`record-crc ${A(5)} 0a 5`] },
  { what: 'a CommitQC with a flipped bit', damage: (c) => [rotten(c, QC(3))], findings: [`record-crc ${QC(3)} - 3`] },
  { what: 'the anchor with a flipped bit', damage: (c) => [rotten(c, 'anchor')], findings: ['record-crc anchor - -'] },
  { what: 'inner with a flipped bit', damage: (c) => [rotten(c, 'inner')], findings: ['record-crc inner - -'] },
  {
    what: 'a cut block',
    damage: (c) => [put(A(5), c.get(A(5))!.subarray(0, 20))],
    findings: [`record-shape ${A(5)} 0a 5`],
  },
  { what: 'an empty value', damage: () => [put(A(5), new Uint8Array())], findings: [`record-shape ${A(5)} 0a 5`] },
  {
    what: 'a record of a later version',
    damage: (c) => [
      put(
        A(5),
        c.get(A(5))!.map((byte, at) => (at === 1 ? 3 : byte)),
      ),
    ],
    findings: [`record-version ${A(5)} 0a 5`],
  },
  {
    what: 'a block under the key of another',
    damage: (c) => [put(A(5), c.get(A(4))!)],
    findings: [`record-crc ${A(5)} 0a 5`],
  },
  {
    what: 'a block under the key of another lane',
    damage: (c) => [put(B(3), c.get(A(3))!)],
    findings: [`record-crc ${B(3)} 0b 3`],
  },
  {
    what: 'two blocks that changed places',
    damage: (c) => [put(A(4), c.get(A(5))!), put(A(5), c.get(A(4))!)],
    findings: [`record-crc ${A(4)} 0a 4`, `record-crc ${A(5)} 0a 5`],
  },
  {
    what: 'a whole record whose block has another number than the key',
    damage: () => [put(A(5), makeRecord(A(5), plain.block.toBody(plainBlock('0a', 6))))],
    findings: [`record-key ${A(5)} 0a 5`],
  },
  {
    what: 'a whole record whose block is of another lane than the key',
    damage: () => [put(A(5), makeRecord(A(5), plain.block.toBody(plainBlock('0b', 5))))],
    findings: [`record-key ${A(5)} 0a 5`],
  },
  {
    what: 'a whole record whose CommitQC has another index than the key',
    damage: () => [put(QC(3), makeRecord(QC(3), plain.commitQC.toBody(plainQC(4))))],
    findings: [`record-key ${QC(3)} - 3`],
  },
  {
    what: 'a whole record that lacks a field',
    damage: () => [put(A(5), makeRecord(A(5), { lane: laneBytes('0a'), number: 5n }))],
    findings: [`record-body ${A(5)} 0a 5`],
  },
  {
    what: 'a whole record that is no map',
    damage: () => [put(QC(3), makeRecord(QC(3), null))],
    findings: [`record-body ${QC(3)} - 3`],
  },
  {
    what: 'an inner that is no byte string',
    damage: () => [put('inner', makeRecord('inner', 'text'))],
    findings: ['record-body inner - -'],
  },
  {
    what: 'an anchor whose CommitQC is of another index',
    damage: () => [put('anchor', makeRecord('anchor', plain.anchor.toBody({ index: 2n, qc: plainQC(3) })))],
    findings: ['tip-crc anchor - -', 'record-body anchor - -'],
  },
  // Missing
  { what: 'a missing block', damage: () => [del(A(5))], findings: [`missing ${A(5)} 0a 5`] },
  { what: 'a missing first block', damage: () => [del(A(3))], findings: [`missing ${A(3)} 0a 3`] },
  { what: 'a missing last block', damage: () => [del(A(7))], findings: [`missing ${A(7)} 0a 7`] },
  { what: 'a hole of three', damage: () => [del(A(4)), del(A(5)), del(A(6))], findings: [`missing ${A(4)} 0a 4`] },
  {
    what: 'two holes',
    damage: () => [del(A(4)), del(A(6))],
    findings: [`missing ${A(4)} 0a 4`, `missing ${A(6)} 0a 6`],
  },
  {
    what: 'a lane without its blocks',
    damage: () => [1, 2, 3].map((n) => del(B(n))),
    findings: [`missing ${B(1)} 0b 1`],
  },
  { what: 'a missing CommitQC', damage: () => [del(QC(3))], findings: [`missing ${QC(3)} - 3`] },
  {
    what: 'a missing first CommitQC: the one of the anchor',
    damage: () => [del(QC(2))],
    findings: [`missing ${QC(2)} - 2`],
  },
  { what: 'a missing last CommitQC', damage: () => [del(QC(4))], findings: [`missing ${QC(4)} - 4`] },
  { what: 'a missing anchor', damage: () => [del('anchor')], findings: ['missing anchor - -'] },
  { what: 'a missing inner', damage: () => [del('inner')], findings: ['missing inner - -'] },
  // Stray
  { what: 'a block at next', damage: () => [block('0a', 8)], findings: [`stray ${A(8)} 0a 8`] },
  { what: 'a block far beyond next', damage: () => [block('0a', 1e15)], findings: [`stray ${A(1e15)} 0a ${1e15}`] },
  { what: 'a block below what was swept', damage: () => [block('0a', 2)], findings: [`stray ${A(2)} 0a 2`] },
  { what: 'a block 0 below what was swept', damage: () => [block('0b', 0)], findings: [`stray ${B(0)} 0b 0`] },
  { what: 'a block in an empty lane', damage: () => [block('0c', 2)], findings: [`stray ${blockKey('0c', 2n)} 0c 2`] },
  { what: 'a CommitQC at next', damage: () => [qc(5)], findings: [`stray ${QC(5)} - 5`] },
  { what: 'a CommitQC below what was swept', damage: () => [qc(1)], findings: [`stray ${QC(1)} - 1`] },
  {
    what: 'a block of a lane that the tip does not know',
    damage: () => [block('0d', 7)],
    findings: [`stray ${blockKey('0d', 7n)} 0d 7`],
  },
  {
    what: 'a block of a lane whose id begins with that of another',
    damage: () => [block('0a0b', 4)],
    findings: [`stray ${blockKey('0a0b', 4n)} 0a0b 4`],
  },
  {
    what: 'keys that no key space has',
    damage: () =>
      ['!', 'anchor\0', 'anchors', 'b', 'inner2', 'lane/', 'meta/other', 'qc', 'qc/5', 'zz', 'é'].map((key) =>
        put(key, new Uint8Array(1)),
      ),
    findings: ['!', 'anchor\0', 'anchors', 'b', 'inner2', 'lane/', 'meta/other', 'qc', 'qc/5', 'zz', 'é'].map(
      (key) => `stray ${key} - -`,
    ),
  },
  {
    what: 'a bad key in the midst of a lane',
    damage: () => [put(`${A(5)}x`, new Uint8Array(1))],
    findings: [`stray ${A(5)}x - -`],
  },
  {
    what: 'a bad key in the midst of the QCs',
    damage: () => [put(`${QC(3)}/`, new Uint8Array(1))],
    findings: [`stray ${QC(3)}/ - -`],
  },
  {
    what: 'a bad key among stale blocks that wait for the sweeper, which are no findings themselves',
    damage: (c) => [
      put(
        'meta/tip',
        changed(c, 'meta/tip', {
          lanes: [
            [laneBytes('0a'), 6n, 8n, 3n],
            [laneBytes('0b'), 1n, 4n, 1n],
          ],
        }),
      ),
      put(`${A(4)}x`, new Uint8Array(1)),
    ],
    findings: [`stray ${A(4)}x - -`],
  },
  // Whole, but not what the newest batch wrote
  {
    what: 'an older anchor, whole',
    damage: () => [put('anchor', makeRecord('anchor', plain.anchor.toBody(plainAnchor(1, { '0a': 1, '0c': 2 }))))],
    findings: ['tip-crc anchor - -'],
  },
  {
    what: 'a newer anchor, whole',
    damage: () => [put('anchor', makeRecord('anchor', plain.anchor.toBody(plainAnchor(3, { '0a': 4, '0b': 2 }))))],
    findings: ['tip-crc anchor - -', 'anchor-range anchor - 3', 'anchor-range anchor 0a 4', 'anchor-range anchor 0b 2'],
  },
  {
    what: 'an older inner, whole',
    damage: () => [put('inner', makeRecord('inner', new TextEncoder().encode('inner 1')))],
    findings: ['tip-crc inner - -'],
  },
  // The tip
  { what: 'no tip', damage: () => [del('meta/tip')], findings: ['tip-missing meta/tip - -'] },
  { what: 'a tip with a flipped bit', damage: (c) => [rotten(c, 'meta/tip')], findings: ['record-crc meta/tip - -'] },
  { what: 'a tip that lacks a field', damage: corruptTip({ qc: undefined }), findings: ['tip-body meta/tip - -'] },
  {
    what: 'the tip of another store',
    damage: corruptTip({ store: new Uint8Array(16) }),
    findings: ['tip-store meta/tip - -'],
  },
  { what: 'a tip that forgets a lane', damage: forgetLane, findings: [1, 2, 3].map((n) => `stray ${B(n)} 0b ${n}`) },
  {
    what: 'a tip that knows no anchor and no inner',
    damage: corruptTip({ singles: [null, null] }),
    findings: ['stray anchor - -', 'stray inner - -'],
  },
  // Votes: forgetting them would let the key sign again
  { what: 'no votes', damage: () => [del('votes')], findings: ['missing votes - -'] },
  {
    what: 'votes with a flipped bit',
    damage: (c) => [put('votes', flipped(c.get('votes')!, 30))],
    findings: ['record-crc votes - -'],
  },
  {
    what: 'votes that are whole, but not those of the newest batch',
    damage: (c) => [put('votes', changed(c, 'votes', { signer: new Uint8Array(32) }))],
    findings: ['tip-crc votes - -'],
  },
  {
    what: 'votes with a key that this version does not know',
    damage: (c) => [put('votes', changed(c, 'votes', { later: 1 }))],
    findings: ['record-body votes - -'],
  },
  {
    what: 'floors of lanes that the tip does not know',
    damage: () => [put('votes/lanes', makeRecord('votes/lanes', []))],
    findings: ['stray votes/lanes - -'],
  },
  { what: 'a tip without votes', damage: corruptTip({ votes: undefined }), findings: ['tip-body meta/tip - -'] },
  {
    what: 'a tip whose votes are null',
    damage: corruptTip({ votes: [null, null] }),
    findings: ['tip-body meta/tip - -'],
  },
  {
    what: 'a tip of format 1 under a schema of format 2',
    damage: corruptTip({ votes: undefined, singles: undefined, anchor: null, inner: null }),
    findings: ['tip-body meta/tip - -'],
  },
  {
    what: 'an empty QC log beside an anchor',
    damage: (c) => [put('meta/tip', changed(c, 'meta/tip', { qc: [5n, 5n, 5n] })), del(QC(2)), del(QC(3)), del(QC(4))],
    findings: ['anchor-range anchor - 2'],
  },
  // The schema
  { what: 'no schema', damage: () => [del('meta/schema')], findings: ['schema-missing meta/schema - -'] },
  {
    what: 'a schema with a flipped bit',
    damage: (c) => [rotten(c, 'meta/schema')],
    findings: ['record-crc meta/schema - -'],
  },
  {
    what: 'a schema that lacks its store',
    damage: (c) => [put('meta/schema', changed(c, 'meta/schema', { store: undefined }))],
    findings: ['schema-body meta/schema - -'],
  },
  {
    what: 'a schema of format 3',
    damage: (c) => [put('meta/schema', changed(c, 'meta/schema', { format: 3 }))],
    findings: [],
    code: 'LANESTORE_SCHEMA',
  },
  {
    what: 'a schema of another model',
    damage: (c) => [put('meta/schema', changed(c, 'meta/schema', { model: 'other/9' }))],
    findings: [],
    code: 'LANESTORE_SCHEMA',
  },
  {
    what: 'neither schema nor tip, beside a witness',
    damage: () => [del('meta/schema'), del('meta/tip')],
    findings: ['schema-missing meta/schema - -'],
  },
  // Several at once
  {
    what: 'damage everywhere: all of it is found',
    damage: (c) => [
      rotten(c, A(3)),
      del(A(4)),
      put(A(6), c.get(A(5))!),
      block('0a', 8),
      del(B(1)),
      rotten(c, B(2)),
      del(B(3)),
      block('0c', 0),
      block('0e', 1),
      rotten(c, QC(2)),
      del(QC(4)),
      qc(0),
      del('inner'),
      rotten(c, 'anchor'),
      put('zz', new Uint8Array()),
    ],
    findings: [
      'record-crc anchor - -',
      'missing inner - -',
      `record-crc ${A(3)} 0a 3`,
      `missing ${A(4)} 0a 4`,
      `record-crc ${A(6)} 0a 6`,
      `stray ${A(8)} 0a 8`,
      `missing ${B(1)} 0b 1`,
      `record-crc ${B(2)} 0b 2`,
      `missing ${B(3)} 0b 3`,
      `stray ${blockKey('0c', 0n)} 0c 0`,
      `stray ${blockKey('0e', 1n)} 0e 1`,
      `record-crc ${QC(2)} - 2`,
      `missing ${QC(4)} - 4`,
      `stray ${QC(0)} - 0`,
      'stray zz - -',
    ],
  },
];

function forgetLane(content: Content): RawOperation[] {
  const { lanes } = bodyOf(content.get('meta/tip')!) as { lanes: [Uint8Array, ...bigint[]][] };
  return corruptTip({ lanes: lanes.filter(([lane]) => lane[0] !== 0x0b) })(content);
}

const recovery = suite('recovery');

recovery(
  'of an unharmed store gives back exactly what was stored',
  inTemp(async (dir) => {
    await makeStore(dir);
    await assertWhole(dir);
    await assertWhole(dir);
  }),
);

for (const { what, damage, findings, code = 'LANESTORE_CORRUPT' } of CASES) {
  recovery(
    `${what}: ${code}, all findings, nothing changed`,
    inTemp(async (dir) => {
      await makeStore(dir);
      const before = await contentOf(dir);
      await rawBatch(dir, damage(before));
      const damaged = await dump(dir);
      for (const load of [false, true]) {
        const error = await refused(open(dir, load), code);
        assert.equal(findingLines(error).sort(), [...findings].sort());
        assert.is(error.findings === undefined, code !== 'LANESTORE_CORRUPT');
        for (const { detail } of error.findings ?? []) assert.ok(detail.length > 10);
        assert.equal(await dump(dir), damaged, 'the refused open changed nothing');
      }
      // The same, undone: the damage was the only reason.
      const undo = [...new Set([...damaged.keys(), ...before.keys()])].map((key) => {
        const value = before.get(key);
        return value === undefined ? del(key) : put(key, value);
      });
      await rawBatch(dir, undo);
      await assertWhole(dir);
    }),
  );
}

recovery(
  'a wide hole is one finding that says how wide it is',
  inTemp(async (dir) => {
    await makeStore(dir);
    await rawBatch(dir, [del(A(4)), del(A(5)), del(A(6))]);
    const { findings } = await refused(open(dir), 'LANESTORE_CORRUPT');
    assert.match(findings?.[0]?.detail ?? '', /3 records are missing, up to 6/);
  }),
);

recovery(
  'a cursor of 2^63 numbers that are not there is one finding, at once',
  inTemp(async (dir) => {
    await makeStore(dir);
    await rewriteBody(dir, 'meta/tip', (body) => ({ ...body, lanes: [[laneBytes('0a'), 3n, 2n ** 63n, 3n]] }));
    const error = await refused(open(dir), 'LANESTORE_CORRUPT');
    assert.ok(findingLines(error).includes(`missing ${A(8)} 0a 8`));
  }),
);

/** Keys that some databases decode as another key's text: they drop the byte order mark. */
const MARKED: readonly { readonly what: string; readonly key: string; readonly isMoved?: boolean }[] = [
  { what: 'a key of a record that is there', key: 'anchor' },
  { what: 'a key of a record that is not there', key: 'votes/lanes' },
  { what: 'a key of a block that is there', key: A(7) },
  { what: 'a key to which the last block was moved', key: A(7), isMoved: true },
  { what: 'a key to which the last CommitQC was moved', key: QC(4), isMoved: true },
];

for (const { what, key, isMoved = false } of MARKED) {
  recovery(`${what}, behind a byte order mark, is refused in every database`, async () => {
    const db = new MemoryLevel<Uint8Array, Uint8Array>({
      storeEncoding: 'view',
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await fill(await openLevel({ db, model: plain }));
    const bytes = new TextEncoder().encode(key);
    const value = (await db.get(bytes)) ?? new Uint8Array([1]);
    await db.put(new Uint8Array([0xef, 0xbb, 0xbf, ...bytes]), value);
    if (isMoved) await db.del(bytes);
    const { findings = [] } = await refused(openLevel({ db, model: plain }), 'LANESTORE_CORRUPT');
    assert.equal(
      findings.map(({ kind }) => kind),
      isMoved ? ['missing', 'stray'] : ['stray'],
    );
    await db.close();
  });
}

recovery(
  'of more foreign keys than findings are kept, what the store lacks is kept',
  inTemp(async (dir) => {
    await makeStore(dir);
    const strays = Array.from({ length: FINDINGS_MAX + 1 }, (_, i) => put(`a${i}`, new Uint8Array()));
    await rawBatch(dir, [...strays, del(QC(4)), del('votes')]);
    const lines = findingLines(await refused(open(dir), 'LANESTORE_CORRUPT'));
    assert.ok(lines.includes(`missing ${QC(4)} - 4`));
    assert.ok(lines.includes('missing votes - -'));
  }),
);

recovery(
  'more keys that are not UTF-8 than one read returns: all are found, and the open ends',
  inTemp(async (dir) => {
    await makeStore(dir);
    await withRaw(dir, async (db) => {
      const keys = Array.from({ length: 2500 }, (_, i) => Buffer.from([0xf0, 0xff, i >> 8, i & 0xff]));
      const puts = keys.map((key) => ({ type: 'put', key, value: new Uint8Array() }) as const);
      await db.batch<Uint8Array, Uint8Array>(puts, { keyEncoding: 'view', sync: true });
      await db.compactRange('', '\u{10ffff}\u{10ffff}');
    });
    await refused(open(dir), 'LANESTORE_CORRUPT', /and 2499 more/);
  }),
);

recovery(
  'of very many findings the first are listed, and the message counts all',
  inTemp(async (dir) => {
    await makeStore(dir);
    const strays = Array.from({ length: 2 * FINDINGS_MAX + 500 }, (_, i) => put(`zz${i}`, new Uint8Array()));
    await rawBatch(dir, strays);
    const error = await refused(open(dir), 'LANESTORE_CORRUPT', new RegExp(`and ${strays.length - 1} more`));
    assert.is(error.findings?.length, FINDINGS_MAX);
  }),
);

recovery(
  'an older tip is found without any help of the witness, if anything newer is there',
  inTemp(async (dir) => {
    await makeStore(dir);
    const old = (await contentOf(dir)).get('meta/tip')!;
    {
      await using store = await open(dir);
      await store.persist({ blocks: plainBlocks('0a', 8, 10) });
    }
    await rawBatch(dir, [put('meta/tip', old)]);
    const strays = [`stray ${A(8)} 0a 8`, `stray ${A(9)} 0a 9`];
    // With its help nothing is even opened: the files are left as they are.
    const before = tree(dir);
    const ahead = await refused(open(dir), 'LANESTORE_ROLLED_BACK');
    assert.equal(findingLines(ahead), ['witness-ahead witness - -']);
    assert.equal(tree(dir), before);
    writeFileSync(`${dir}/witness`, new Uint8Array(8192));
    assert.equal(findingLines(await refused(open(dir), 'LANESTORE_CORRUPT')), strays);
  }),
);

recovery(
  'keys of operators stand beside the store and are no strays',
  inTemp(async (dir) => {
    await makeStore(dir);
    await rawBatch(dir, [put(eventKey(0n), makeRecord(eventKey(0n), {})), put(eventKey(7n), new Uint8Array())]);
    await assertWhole(dir);
  }),
);

recovery(
  'load: false holds nothing, checks the same and works the same afterwards',
  inTemp(async (dir) => {
    await makeStore(dir);
    {
      await using store = await open(dir, false);
      assert.equal(store.takeRecovered(), { commitQCs: [], blocks: new Map() });
      // Anchor, inner, votes, 5 + 3 blocks, 3 CommitQCs.
      assert.is(store.recovery.records, 14);
      assert.is(store.cursors.lanes.get('0a')?.next, 8n);
      assert.equal(await store.block('0a', 5n), plainBlock('0a', 5));
      await refused(store.persist({ blocks: [plainBlock('0a', 7)] }), 'LANESTORE_OUT_OF_SEQUENCE');
      // The anchor counts although it was not handed out: a lane that it does not know may begin
      // anywhere, 0c where it says.
      await store.persist({ blocks: [plainBlock('0c', 2), plainBlock('0a', 8)] });
    }
    await using store = await open(dir);
    assert.is(store.recovery.records, 16);
  }),
);

recovery(
  'counts the records and bytes that it checked',
  inTemp(async (dir) => {
    await makeStore(dir);
    const values = [...(await contentOf(dir))].filter(([key]) => !key.startsWith('meta/'));
    await using store = await open(dir);
    assert.is(store.recovery.records, values.length);
    assert.is(
      store.recovery.bytes,
      values.reduce((sum, [, value]) => sum + value.length, 0),
    );
    assert.is(store.recovery.seq, 3n);
  }),
);

recovery(
  'takeRecovered gives memory of its own: changing it does not reach the store',
  inTemp(async (dir) => {
    await makeStore(dir);
    await using store = await open(dir);
    const { inner, blocks } = store.takeRecovered();
    assert.is(Object.getPrototypeOf(inner), Uint8Array.prototype);
    inner!.fill(0);
    for (const block of blocks.get('0a')!) {
      assert.is(Object.getPrototypeOf(block.data), Uint8Array.prototype);
      block.data.fill(0);
    }
    assert.equal(await store.block('0a', 5n), plainBlock('0a', 5));
  }),
);

recovery('a running store finds what rotted after it was opened', async () => {
  const db = new MemoryLevel<string, Uint8Array>({ keyEncoding: 'utf8', valueEncoding: 'view' });
  await using store = await openLevel({ db, model: plain });
  await store.persist({ blocks: plainBlocks('0a', 0, 5), commitQCs: [plainQC(0), plainQC(1)] });
  await db.put(A(2), flipped((await db.get(A(2)))!, 50));
  await db.del(A(3));
  await db.del(QC(0));
  assert.equal(await store.block('0a', 1n), plainBlock('0a', 1));
  assert.equal(findingLines(await refused(store.block('0a', 2n), 'LANESTORE_CORRUPT')), [`record-crc ${A(2)} 0a 2`]);
  assert.equal(findingLines(await refused(store.block('0a', 3n), 'LANESTORE_CORRUPT')), [`missing ${A(3)} 0a 3`]);
  assert.equal(findingLines(await refused(store.commitQC(0n), 'LANESTORE_CORRUPT')), [`missing ${QC(0)} - 0`]);
  const read: bigint[] = [];
  const readAll = async () => {
    for await (const { number } of store.readBlocks('0a')) read.push(number);
  };
  assert.equal(findingLines(await refused(readAll, 'LANESTORE_CORRUPT')), [`record-crc ${A(2)} 0a 2`]);
  assert.equal(read, [0n, 1n]);
});

recovery(
  'swept keys that a crash left are swept after the next open, and are no findings',
  inTemp(async (dir) => {
    await makeStore(dir);
    // As a jump leaves it that was not swept yet: first moved, keys below it are there.
    await rewriteBody(dir, 'meta/tip', (body) => {
      const lanes = (body.lanes as [Uint8Array, bigint, bigint, bigint][]).map(([lane, first, next, swept]) =>
        lane[0] === 0x0a ? [lane, 6n, next, swept] : [lane, first, next, swept],
      );
      return { ...body, lanes };
    });
    {
      await using store = await open(dir);
      assert.equal(store.takeRecovered().blocks.get('0a'), plainBlocks('0a', 6, 8));
      assert.is(await store.block('0a', 5n), undefined);
      // The sweep is a separate batch here.
      while (store.seq === 3n) await new Promise((resolve) => setImmediate(resolve));
    }
    const left = [...(await dump(dir)).keys()].filter((key) => key.startsWith('lane/0a/'));
    assert.equal(left, [A(6), A(7)]);
    await using store = await open(dir);
    assert.equal(store.takeRecovered().blocks.get('0a'), plainBlocks('0a', 6, 8));
  }),
);

recovery.run();
