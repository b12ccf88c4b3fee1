/**
 * An attacker chooses block bytes. A block with whole LevelDB records, with valid checksums and
 * whole batches, is in the last batch, whose beginning is torn. A reader that searches for records
 * after the damage must not take them for the store's own.
 */
import { join } from 'node:path';
import { makeRecord } from '../../support/faults.js';
import type { Random } from '../../support/kill.js';
import { Oracle, roundOf } from '../../support/oracle.js';
import { mustOpen, openPlain } from '../check.js';
import { Image } from '../image.js';
import { batchOf, FULL, logRecord, logRecords, recordStart } from '../log-format.js';
import { caseRandom, type Row } from '../row.js';
import { bytesOf, makeBlock, makeRounds, oracleContent, type RoundShape } from '../specimen.js';

/** A store whose last, unacknowledged batch holds such a block. */
interface Trap {
  readonly image: Image;
  readonly log: string;
  /** Offsets in the log: of the last batch and its end, and of the end of the planted bytes. */
  readonly from: number;
  readonly to: number;
  readonly embeddedEnd: number;
  readonly witness: Buffer;
  readonly content: string;
}

const SHAPE: RoundShape = { lanes: ['0a', '0b'], blockBytes: 900, innerBytes: 30 };
const LANE = '0a';
const OTHER_STORE = new Uint8Array(16).fill(0xee);

/**
 * Planted bytes at `offset` of the log. `own`: the log's own bytes and the store's id, which an
 * attacker does not know, so both are never whole.
 */
const PAYLOADS: readonly ((random: Random, offset: number, own: Own) => Uint8Array)[] = [
  // A batch that begins with the tip of another store, in one record.
  (random) => logRecord(FULL, batchOf(random.int(1, 2 ** 20), [tipPut(OTHER_STORE), blockPut(random)])),
  // The same in several records, as LevelDB would write it at this offset.
  (random, offset) => logRecords(offset, batchOf(7, [tipPut(OTHER_STORE), blockPut(random, 40_000)])),
  // Batches that do not begin with a tip.
  (random) => logRecord(FULL, batchOf(3, [blockPut(random)])),
  (random) => logRecord(FULL, batchOf(3, [blockPut(random), tipPut(OTHER_STORE)])),
  // An invalid tip: garbage, or the right key with a body that does not decode.
  (random) => logRecord(FULL, batchOf(3, [{ key: 'meta/tip', value: bytesOf(90, false, random) }])),
  // Records with valid checksums without a batch in them, of every type.
  (random) => Buffer.concat([1, 2, 3, 4].map((type) => logRecord(type, bytesOf(random.int(0, 300), false, random)))),
  // Bytes like the header of a long record at every other offset.
  (random) => Buffer.alloc(random.int(3, 9000), Buffer.from([0xff, 0xff, random.pick([1, 2]), 0x01, 0x08])),
  // The log of another store, from its beginning.
  (_, __, { foreignLog }) => foreignLog,
  // This store's own earlier batches, with broken checksums: as if a block repeated the bytes of
  // the disk.
  (random, _, { log }) => {
    const copy = Buffer.from(log);
    for (let at = 0; at < copy.length; at += 256) copy[at + random.int(0, 256)]! ^= 0x10;
    return copy;
  },
];

interface Own {
  readonly log: Buffer;
  readonly foreignLog: Buffer;
}

function tipPut(store: Uint8Array) {
  const body = { store, seq: 1n << 40n, anchor: null, inner: null, qc: [0n, 0n, 0n], lanes: [] };
  return { key: 'meta/tip', value: makeRecord('meta/tip', body) };
}

function blockPut(random: Random, bytes = 200) {
  const key = `lane/0a/${`${random.int(0, 1000)}`.padStart(20, '0')}`;
  return { key, value: makeRecord(key, { data: bytesOf(bytes, false, random) }) };
}

export const embedded: Row<readonly Trap[]> = {
  name: 'embedded',
  fault: 'a block that embeds LevelDB records and whole batches, torn after it',
  mustHold: 'opens like any other',
  counts: { full: 300, short: 30 },

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'embedded');
    const foreignLog = await logOf(join(dir, 'foreign'), random);
    const traps: Trap[] = [];
    for (let n = 0; n < PAYLOADS.length * 2; n++) {
      traps.push(await makeTrap(join(dir, `${n}`), n, foreignLog, random));
    }
    return traps;
  },

  async run(traps, i, { dir, random }) {
    const { image, log, from, to, embeddedEnd, witness, content } = traps[i % traps.length] as Trap;
    const bytes = Buffer.from(image.get(log).subarray(0, to));
    // Torn after the block: cut short, or its first bytes are zero and the rest is whole.
    const cut = random.oneIn(2);
    const torn = cut ? bytes.subarray(0, random.int(embeddedEnd, to)) : bytes;
    if (!cut) torn.fill(0, from, Math.min(from + random.pick([7, 60, 512]), embeddedEnd - 1));
    image.with(log, torn).with('witness', witness).write(dir);
    const verdict = await mustOpen(dir, [content]);
    await mustOpen(dir, [content]);
    return verdict;
  },
};

async function logOf(location: string, random: Random): Promise<Buffer> {
  const oracle = new Oracle();
  const store = await openPlain(location);
  for (const round of makeRounds(oracle, 3, SHAPE, random)) await store.persist(roundOf(round));
  await store.close();
  const image = Image.of(location);
  return image.get(image.log());
}

async function makeTrap(location: string, n: number, foreignLog: Buffer, random: Random): Promise<Trap> {
  const oracle = new Oracle();
  const store = await openPlain(location);
  for (const round of makeRounds(oracle, 3, SHAPE, random)) await store.persist(roundOf(round));
  const before = Image.of(location);
  const log = before.log();
  const from = recordStart(before.get(log).length);
  const content = oracleContent(oracle);
  const payload = PAYLOADS[n % PAYLOADS.length]!(random, from + 200, { log: before.get(log), foreignLog });
  // Bytes before it, so that the traps have different offsets in a block of the log.
  const lead = bytesOf(random.int(0, n < PAYLOADS.length ? 300 : 33_000), false, random);
  const { number } = makeBlock(LANE, oracle.lanes.get(LANE)?.next ?? 0n, SHAPE, random);
  const tail = bytesOf(random.int(50, 9000), false, random);
  await store.persist({ blocks: [{ lane: LANE, number, data: new Uint8Array(Buffer.concat([lead, payload, tail])) }] });
  const image = Image.of(location);
  await store.close();
  const bytes = image.get(log);
  const end = bytes.subarray(from).lastIndexOf(payload.subarray(payload.length - 16));
  if (end < 0) throw new Error(`trap ${n}: its payload is not in the log`);
  const embeddedEnd = from + end + 16;
  return { image, log, from, to: bytes.length, embeddedEnd, witness: before.get('witness'), content };
}
