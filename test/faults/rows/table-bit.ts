/**
 * One flipped bit in a table that LevelDB wrote and synced: rot. LevelDB reads tables without
 * verifying them: wrong values, missing keys, an aborted process. Every eighth case is damage that
 * a compaction has rewritten under a valid checksum of LevelDB, so only the store's own checksum
 * can detect it.
 */
import { join } from 'node:path';
import { verify } from '../../../src/adapter/level/index.js';
import { blockKey } from '../../../src/keys/index.js';
import { flipped, rawBatch, rawGet } from '../../support/faults.js';
import type { Random } from '../../support/kill.js';
import { Oracle } from '../../support/oracle.js';
import { plain } from '../../support/plain-model.js';
import { DAMAGE, mustOpen, mustRefuse, type OpenOptions, tryOpen } from '../check.js';
import { Image } from '../image.js';
import { type CaseContext, caseRandom, type Row, Wrong } from '../row.js';
import { oracleContent, type RoundShape, record } from '../specimen.js';

/** A store whose entries are in tables. */
interface Tables {
  readonly image: Image;
  readonly paths: readonly string[];
  readonly content: string;
}

interface Prepared {
  readonly sets: readonly Tables[];
  readonly laundered: readonly { readonly image: Image; readonly content: string }[];
}

/** The data sets of docs/leveldb-hazards.md, Bit rot in a table. */
const SETS: readonly (readonly [rounds: number, compression: boolean, shape: RoundShape])[] = [
  [60, true, { lanes: ['0a'], blockBytes: 1024, text: true, innerBytes: 40 }],
  [60, false, { lanes: ['0a'], blockBytes: 1024, text: true, innerBytes: 40 }],
  [60, true, { lanes: ['0a'], blockBytes: 1024, innerBytes: 40, anchorEvery: 20, keep: 12 }],
  [60, false, { lanes: ['0a'], blockBytes: 1024, innerBytes: 40, anchorEvery: 20, keep: 12 }],
  [4, false, { lanes: ['0a'], blockBytes: 100_000 }],
  [40, true, { lanes: ['0a', '0b'], blocks: 3, blockBytes: 40, text: true, innerBytes: 40 }],
  [40, false, { lanes: ['0a', '0b'], blocks: 3, blockBytes: 40, innerBytes: 40 }],
];
/** One case in eight is damage rewritten by a compaction. */
const KINDS = 8;
const LAUNDERED = 24;

/** Every fifth flip is outside the range that the preflight reads. */
function isBeyond(i: number): boolean {
  return i % KINDS !== KINDS - 1 && Math.floor(i / KINDS) % 5 === 4;
}

/** Every tenth flip is checked by `verify`, which first reads the database in another process. */
function isVerified(i: number): boolean {
  return Math.floor(i / KINDS) % 10 === 3;
}

export const tableBit: Row<Prepared> = {
  name: 'table-bit',
  fault: 'one bit flipped in a table, several value sizes, compression on and off',
  mustHold: "refused, or content exact; the process survives within the preflight's bound, `verify` always",
  counts: { full: 3200, short: 100 },

  mayDie: isBeyond,

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'table-bit');
    const sets: Tables[] = [];
    for (const [n, set] of SETS.entries()) sets.push(await makeTables(join(dir, `${n}`), set, random));
    return { sets, laundered: await launder(join(dir, 'laundered'), sets[3]!, random) };
  },

  async run({ sets, laundered }, i, context) {
    const kind = i % KINDS;
    if (kind === KINDS - 1) return runLaundered(laundered[Math.floor(i / KINDS) % laundered.length]!, context);
    const { image, paths, content } = sets[kind]!;
    const { dir, random } = context;
    const path = random.pick(paths);
    const bytes = image.get(path);
    const harmed = image.with(path, Buffer.from(flipped(bytes, random.int(0, bytes.length * 8))));
    harmed.write(dir);
    if (isVerified(i)) return runVerify(dir, harmed, content);
    if (!isBeyond(i)) return mustRefuse(dir, { codes: DAMAGE, contents: [content], image: harmed });
    const options: OpenOptions = { tableCheckBytesMax: 1 };
    return `${await mustRefuse(dir, { codes: [...DAMAGE, 'LANESTORE_IO'], contents: [content], options }, 1)}, beyond the bound`;
  },
};

async function runVerify(dir: string, harmed: Image, content: string): Promise<string> {
  const { refusal, findingsTotal } = await verify(dir, { model: plain });
  const difference = harmed.difference(dir);
  if (difference !== undefined) throw new Wrong('touched', `by verify ${difference}`);
  if (refusal === undefined) return `verify finds it sound; ${await mustOpen(dir, [content])}`;
  if (findingsTotal === 0) throw new Wrong('wrong', `verify refuses without a finding: ${refusal.message}`);
  return `verify finds ${refusal.code}`;
}

async function makeTables(location: string, [rounds, compression, shape]: (typeof SETS)[number], random: Random) {
  const oracle = new Oracle();
  await record(location, oracle, rounds, shape, random, { level: { compression } });
  // Opening writes the log as a table.
  await tryOpen(location, { level: { compression } });
  const image = Image.of(location);
  const paths = image.paths((path) => path.endsWith('.ldb'));
  return { image, paths, content: oracleContent(oracle) };
}

/** Stores with a wrong value or a missing key, and valid checksums of LevelDB. */
async function launder(location: string, { image, content }: Tables, random: Random) {
  const harmed: { image: Image; content: string }[] = [];
  const held = /lane 0a \[(\d+), (\d+)\)/.exec(content)!;
  for (let n = 0; n < LAUNDERED; n++) {
    image.write(location);
    const key = blockKey('0a', BigInt(random.int(Number(held[1]), Number(held[2]))));
    const value = await rawGet(location, key);
    const wrong = flipped(value, random.int(24, value.length * 8 - 40));
    await rawBatch(location, [n % 2 === 0 ? { type: 'put', key, value: wrong } : { type: 'del', key }]);
    harmed.push({ image: Image.of(location), content });
  }
  return harmed;
}

async function runLaundered({ image }: Prepared['laundered'][number], { dir }: CaseContext): Promise<string> {
  image.write(dir);
  return `${await mustRefuse(dir, { codes: ['LANESTORE_CORRUPT'], contents: [] })}, rewritten by a compaction`;
}
