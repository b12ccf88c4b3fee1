/** The examples of docs/format.md match the bytes that the code writes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeRecord, isFault } from '../../src/adapter/level/format/record.js';
import { encodeVotes, NO_STORED_VOTES, parseVotes, type StoredVotes } from '../../src/adapter/level/format/votes.js';
import { autobahn, openLevel, type ValueOptions } from '../../src/index.js';
import { KEY_SHAPES, parseKey, TIP_KEY, VOTES_KEY } from '../../src/keys/index.js';
import { loadRounds, packageRoot } from '../support/fixtures.js';
import { withTemp } from '../support/temp.js';

const test = suite('docs/format.md');
const page = readFileSync(join(packageRoot, 'docs/format.md'), 'utf8');

/** The hex of an annotated listing: the part of each line before the comment. */
function listingBytes(listing: string): Buffer {
  const hex = listing
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/)[0] ?? '')
    .map((part) => (/^[0-9a-f ]+$/.test(part) ? part.replaceAll(' ', '') : ''))
    .join('');
  return Buffer.from(hex, 'hex');
}

function block(after: string): string {
  const from = page.indexOf('```', page.indexOf(after)) + 4;
  return page.slice(from, page.indexOf('```', from));
}

function replayed(
  check: (db: ClassicLevel<string, Buffer>, directory: string) => Promise<void>,
  values?: ValueOptions,
): Promise<void> {
  return withTemp(async (directory) => {
    const store = await openLevel(directory, { model: autobahn, ...(values === undefined ? {} : { values }) });
    for (const round of loadRounds('wal')) {
      await store.persist({
        anchor: round.anchor === undefined ? undefined : autobahn.anchor.fromWire(round.anchor),
        commitQCs: round.commitQCs.map((qc) => autobahn.commitQC.fromWire(qc)),
        blocks: round.blocks.map((bytes) => autobahn.block.fromWire(bytes)),
      });
    }
    await store.close();
    const db = new ClassicLevel<string, Buffer>(join(directory, 'level'), { valueEncoding: 'buffer' });
    await check(db, directory);
    await db.close();
  });
}

test('the worked record, the key listing and the tip match the fixture', () =>
  replayed(async (db) => {
    const key = /The key `([^`]+)`/.exec(page)?.[1] ?? '';
    const value = await db.get(key);
    assert.ok(value, 'the worked record exists');
    assert.is(listingBytes(block('### One record')).toString('hex'), value.toString('hex'));
    assert.is(value.length, 628);
    assert.is(crc32(Buffer.concat([Buffer.from(key), value.subarray(2, -5)])), 0x34269056);

    const keys = await db.keys().all();
    assert.is(keys.length, 68);
    const listed = block('as RocksDB')
      .split('\n')
      .filter((line) => !line.startsWith('$') && line !== '...' && line !== '');
    let at = -1;
    for (const line of listed) {
      const next = keys.indexOf(line);
      assert.ok(next > at, `${line} is listed in order`);
      at = next;
    }

    const votes = await db.get(VOTES_KEY);
    assert.is(listingBytes(block('The record of a new store')).toString('hex'), votes?.toString('hex'));

    const tip = (await db.get(TIP_KEY))?.toString('hex') ?? '';
    for (const part of [
      '63736571' + '1b0000000000000028',
      '6773696e676c6573' + '821a652a9f27f6',
      '65766f746573' + '821a6899c2bcf6',
      '6271638' + '31b000000000000001f1b00000000000000281b000000000000001f',
    ]) {
      assert.ok(tip.includes(part), part);
    }
  }));

test('the worked reference matches the fixture with every block separated, and leads to the worked record', () =>
  replayed(
    async (db, directory) => {
      const key = /The key `([^`]+)`/.exec(page)?.[1] ?? '';
      const value = (await db.get(key)) ?? Buffer.alloc(0);
      assert.is(listingBytes(block('The reference of the record above')).toString('hex'), value.toString('hex'));
      assert.is(crc32(Buffer.concat([Buffer.from(key), value.subarray(2, 27)])), value.readUInt32BE(28));
      const file = readFileSync(join(directory, 'values', '00000000000000000000.values'));
      const record = file.subarray(184320, 184320 + 628);
      assert.is(record.toString('hex'), listingBytes(block('### One record')).toString('hex'));
    },
    { valueBytesMin: 1, batchBytesMin: 1, waitBytesMin: 1, fileBytes: 1024 * 1024 },
  ));

test('the worked record of votes is what the code writes, and reads back', () => {
  const bytes = listingBytes(block('And one whose key'));
  const example: StoredVotes = {
    ...NO_STORED_VOTES,
    signer: new Uint8Array(32).fill(0x11),
    logs: new Map([
      ['app', { watermark: undefined, floor: [41n] }],
      ['prepare', { watermark: { at: [7n, 2n], digest: new Uint8Array(32).fill(0x22) }, floor: [6n, 0n] }],
    ]),
    quarantine: { parts: ['own'], why: 'a test', when: '2026-01-02T03:04:05.678Z', lost: false },
  };
  assert.is(Buffer.from(encodeVotes(example, 9n).bytes).toString('hex'), bytes.toString('hex'));
  const record = decodeRecord(VOTES_KEY, bytes);
  assert.not.ok(isFault(record));
  const { laneFloors: _, ...votes } = example;
  assert.equal(parseVotes(isFault(record) ? undefined : record.body), {
    ...votes,
    quarantine: { ...example.quarantine, seq: 9n },
  });
});

test('the key table has every kind of key', () => {
  for (const shape of Object.values(KEY_SHAPES)) {
    const shown = shape.replace(
      /<20 digits>/,
      shape.startsWith('qc') ? '<road index>' : shape.startsWith('lane') ? '<block number>' : '<seq>',
    );
    assert.ok(page.includes(`\`${shown}\``), shown);
  }
  assert.is(parseKey('values/1'), undefined);
});

test.run();
