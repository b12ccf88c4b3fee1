/**
 * Crashes in LevelDB's own work on its files, outside of a batch:
 * - while a table's edit is appended to the MANIFEST: the edit is cut at every byte, and the files
 *   that it retires still exist;
 * - while a store with a torn log is opened: every stage of LevelDB's open, and real kills before a
 *   system call.
 */
import { join } from 'node:path';
import { type Random, runWorker } from '../../support/kill.js';
import { Oracle, roundOf } from '../../support/oracle.js';
import { mustOpen, openPlain } from '../check.js';
import { Image } from '../image.js';
import { recordsOf } from '../log-format.js';
import { type CaseContext, caseRandom, type Row } from '../row.js';
import { buildShim, faultEnv, shimUnable } from '../shim.js';
import { makeRounds, oracleContent, type RoundCall, type RoundShape, record, type Specimen } from '../specimen.js';

/** A crash while the last record of the MANIFEST was being written. */
interface ManifestTail {
  readonly image: Image;
  readonly from: number;
  readonly content: string;
}

interface Prepared {
  readonly tails: readonly ManifestTail[];
  /** A store whose log can be torn anywhere after its first `from` moments. */
  readonly specimen: Specimen;
  /** The library that kills, if it can be built. */
  readonly shim: string | undefined;
}

const SMALL_BUFFERS = { level: { writeBufferBytes: 64 * 1024, tableFileBytes: 1024 * 1024 } };
const TABLES: RoundShape = { lanes: ['0a', '0b'], blockBytes: 6000, innerBytes: 50, anchorEvery: 10 };
const TORN: RoundShape = { lanes: ['0a', '0b'], blockBytes: 2500, innerBytes: 50, anchorEvery: 4 };
const TABLE_ROUNDS = 60;
const TORN_ROUNDS = 8;
const OPEN_WORKER = new URL('../../support/open-worker.js', import.meta.url);

export const reopen: Row<Prepared> = {
  name: 'reopen',
  fault: 'torn MANIFEST tail; crash during the reopen after a torn log',
  mustHold: 'opens; exactly the acknowledged rounds',
  counts: { full: 360, short: 24 },

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'reopen');
    const tails = await manifestTails(join(dir, 'tables'), random);
    const specimen = await record(join(dir, 'torn'), new Oracle(), TORN_ROUNDS, TORN, random);
    return { tails, specimen, shim: shimUnable() === undefined ? buildShim(dir) : undefined };
  },

  async run({ tails, specimen, shim }, i, context) {
    if (i % 3 === 0) return tornManifest(tails, context);
    if (i % 3 === 1 || shim === undefined) return stagedOpen(specimen, context);
    return killedOpen(specimen, shim, context);
  },
};

/**
 * Runs a store that flushes continuously, and keeps every moment at which the MANIFEST had grown by
 * exactly one record.
 */
async function manifestTails(location: string, random: Random): Promise<ManifestTail[]> {
  const oracle = new Oracle();
  const tails: ManifestTail[] = [];
  const store = await openPlain(location, SMALL_BUFFERS);
  let before = Image.of(location);
  for (let n = 0; n < TABLE_ROUNDS; n++) {
    await store.persist(roundOf(makeRounds(oracle, 1, TABLES, random)[0] as RoundCall));
    const now = await settled(location);
    const manifest = now.manifest();
    const records = recordsOf(now.get(manifest));
    const older = before.files.has(manifest) ? recordsOf(before.get(manifest)).length : records.length;
    if (records.length === older + 1) {
      tails.push({ image: now.union(before), from: records.at(-1)!.at, content: oracleContent(oracle) });
    }
    before = now;
  }
  await store.close();
  if (tails.length < 3) throw new Error(`only ${tails.length} edits of a MANIFEST were seen`);
  return tails;
}

/** An image that did not change for a while: LevelDB has finished its background work. */
async function settled(location: string): Promise<Image> {
  let image = Image.of(location);
  for (let same = 0; same < 3; ) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    same = image.difference(location) === undefined ? same + 1 : 0;
    if (same === 0) image = Image.of(location);
  }
  return image;
}

async function tornManifest(tails: readonly ManifestTail[], { random, dir }: CaseContext): Promise<string> {
  const { image, from, content } = random.pick(tails);
  const manifest = image.manifest();
  const bytes = Buffer.from(image.get(manifest));
  // Cut short, or grown before its data was written.
  const cut = random.oneIn(4) ? bytes.fill(0, from) : bytes.subarray(0, random.int(from, bytes.length));
  image.with(manifest, cut).write(dir);
  await mustOpen(dir, [content]);
  await mustOpen(dir, [content]);
  return 'exact, MANIFEST torn';
}

/** The specimen after a power cut in its last round, and the expected content. */
function tornStore({ image, log, moments }: Specimen, random: Random): { torn: Image; content: string } {
  const n = random.int(2, moments.length);
  const [before, after] = [moments[n - 1]!, moments[n]!];
  const length = random.int(before.logBytes, after.logBytes);
  const torn = image.with(log, image.get(log).subarray(0, length)).with('witness', before.witness);
  return { torn, content: before.content };
}

/** LevelDB's files at each stage of an open, from the files before and after it. */
async function stagedOpen(specimen: Specimen, { random, dir }: CaseContext): Promise<string> {
  const { torn, content } = tornStore(specimen, random);
  torn.write(dir);
  await mustOpen(dir, [content]);
  const after = Image.of(dir);
  const partly = (path: string) => after.get(path).subarray(0, random.int(0, after.get(path).length));
  const made = after.paths((path) => path.startsWith('level/') && !torn.files.has(path));
  const [table, log, manifest] = [/\.ldb$/, /\.log$/, /MANIFEST/].map((name) => made.find((path) => name.test(path)));
  if (table === undefined || log === undefined || manifest === undefined) throw new Error(`an open made ${made}`);
  const current = after.get('level/CURRENT');
  const stages = [torn.with(table, partly(table))];
  const withTable = torn.with(table, after.get(table));
  const withLog = withTable.with(log, Buffer.alloc(0));
  const withManifest = withLog.with(manifest, after.get(manifest));
  const temporary = `level/${manifest.replace(/\D+/, '')}.dbtmp`;
  stages.push(withTable, withLog, withLog.with(manifest, partly(manifest)), withManifest);
  stages.push(withManifest.with(temporary, current.subarray(0, random.int(0, current.length))));
  stages.push(withManifest.with('level/CURRENT', current));
  const stage = random.int(0, stages.length);
  stages[stage]!.write(dir);
  await mustOpen(dir, [content]);
  await mustOpen(dir, [content]);
  return 'exact, open cut short';
}

async function killedOpen(specimen: Specimen, shim: string, { random, dir }: CaseContext): Promise<string> {
  const { torn, content } = tornStore(specimen, random);
  torn.write(dir);
  const end = await runWorker(OPEN_WORKER, [dir], faultEnv(shim, dir, `kill ${random.int(0, KILL_CALLS)}`));
  if (end.signal === null && end.code !== 0) throw new Error(`the opener failed: ${end.stderr}`);
  await mustOpen(dir, [content]);
  await mustOpen(dir, [content]);
  return end.signal === 'SIGKILL' ? 'exact, open killed' : 'exact, killed too late';
}

/** System calls of an open; some kills come too late, which is counted. */
const KILL_CALLS = 45;
