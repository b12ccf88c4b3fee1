/** Each file of a store missing, empty, half, or replaced by an older copy. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Random } from '../../support/kill.js';
import { Oracle, roundOf } from '../../support/oracle.js';
import { DAMAGE, mustOpen, mustRefuse, type OpenOptions, openPlain, type Refused } from '../check.js';
import { Image } from '../image.js';
import { caseRandom, type Row, Wrong } from '../row.js';
import { makeRounds, oracleContent, type RoundCall, type RoundShape, record, SMALL_VALUE_FILES } from '../specimen.js';

/** A file and its replacement; undefined: the file is removed. */
interface Harm {
  readonly path: string;
  readonly what: string;
  readonly bytes: Buffer | undefined;
  readonly image: Image;
  readonly content: string;
}

const SHAPE: RoundShape = { lanes: ['0a', '0b'], blockBytes: 3000, innerBytes: 60, anchorEvery: 6 };
/** Blocks that go to value files. */
const LARGE: RoundShape = { lanes: ['0a', '0b'], blockBytes: 12_000, innerBytes: 60, anchorEvery: 6 };

/**
 * A store and older copies of it: of earlier sessions, and of earlier moments of the last session.
 */
interface Store {
  readonly image: Image;
  readonly copies: readonly Image[];
  readonly content: string;
}

/** Files that do not affect the content. */
const ASIDE = /^level\/(LOG|LOG\.old|LOCK)$/;

export const files: Row<readonly Harm[]> = {
  name: 'files',
  fault: 'each file of the directory missing, empty, half, from an older copy',
  mustHold: 'refusal that names it, or exact content (LOG, LOCK, older witness); nothing deleted',
  counts: { full: 'all', short: 'all' },
  // The number of value files prepared ahead depends on timing, so two processes may have different
  // files.
  alone: true,

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'files');
    const stores = [await tablesAndLog(join(dir, 'tables'), random), await twoLogs(join(dir, 'logs'), random)];
    stores.push(await tablesAndLog(join(dir, 'values'), random, LARGE, SMALL_VALUE_FILES));
    return stores.flatMap(harmsOf);
  },

  count: (harms) => harms.length,

  async run(harms, i, { dir }) {
    const { path, what, bytes, image, content } = harms[i] as Harm;
    const harmed = bytes === undefined ? image.without(path) : image.with(path, bytes);
    harmed.write(dir);
    if (ASIDE.test(path) || (path === 'witness' && what === 'older')) return mustOpen(dir, [content]);
    const inspect = (refusal: Refused) => assertNamed(refusal, `${path} (${what})`, basename(path));
    // Values are checked after LevelDB has opened and written its log as a table; no other file may
    // have changed.
    const untouched = path.startsWith('values/') ? {} : { image: harmed };
    const verdict = await mustRefuse(dir, { codes: DAMAGE, contents: [content], inspect, ...untouched }, 3);
    if (verdict.startsWith('exact')) return verdict;
    // Nothing was deleted: with the original file back, the content is exact.
    writeFileSync(join(dir, path), image.get(path));
    await mustOpen(dir, [content]);
    return `${verdict}, whole again with the file back`;
  },
};

/** Few enough tables that LevelDB never compacts them, so every process has the same files. */
async function tablesAndLog(
  location: string,
  random: Random,
  shape = SHAPE,
  options: OpenOptions = {},
): Promise<Store> {
  const oracle = new Oracle();
  const copies: Image[] = [];
  for (let life = 0; life < 2; life++) {
    await record(location, oracle, 14, shape, random, options);
    copies.push(Image.of(location));
  }
  return lastLife(location, oracle, copies, random, shape, options);
}

async function lastLife(
  location: string,
  oracle: Oracle,
  copies: Image[],
  random: Random,
  shape = SHAPE,
  options: OpenOptions = {},
): Promise<Store> {
  const store = await openPlain(location, options);
  for (let n = 0; n < 10; n++) {
    await store.persist(roundOf(makeRounds(oracle, 1, shape, random)[0] as RoundCall));
    copies.push(Image.of(location));
  }
  await store.close();
  return { image: Image.of(location), copies, content: oracleContent(oracle) };
}

/**
 * As during a flush: the older log is complete and still live, because the MANIFEST does not have
 * the new table yet.
 */
async function twoLogs(location: string, random: Random): Promise<Store> {
  const oracle = new Oracle();
  const { image: before } = await record(location, oracle, 10, SHAPE, random);
  const { image, copies, content } = await lastLife(location, oracle, [before], random);
  const manifest = before.manifest();
  const both = image.without(image.manifest()).with('level/CURRENT', before.get('level/CURRENT'));
  const logs = both.with(manifest, before.get(manifest)).with(before.log(), before.get(before.log()));
  return { image: logs, copies, content };
}

function harmsOf({ image, copies, content }: Store): Harm[] {
  return image
    .paths(() => true)
    .flatMap((path) => {
      const bytes = image.get(path);
      const harm = (what: string, replacement: Buffer | undefined): Harm => ({
        path,
        what,
        bytes: replacement,
        image,
        content,
      });
      const others = copies.map((copy) => copy.files.get(path));
      const older = others.findLast((candidate) => candidate !== undefined && !candidate.equals(bytes));
      const harms = [harm('missing', undefined)];
      if (bytes.length > 0) {
        harms.push(harm('empty', Buffer.alloc(0)), harm('half', bytes.subarray(0, bytes.length >> 1)));
      }
      if (older !== undefined) harms.push(harm('older', older));
      return harms;
    });
}

/**
 * A refusal must name the affected file, for programs or for people. For missing whole batches it
 * names their numbers: they may have been in any log.
 */
function assertNamed({ code, message, findings }: Refused, harm: string, name: string): void {
  const texts = [message, ...findings.flatMap(({ file, detail }) => [file ?? '', detail])];
  if (texts.some((text) => text.includes(name))) return;
  if (name.endsWith('.log') && findings.some(({ kind }) => kind === 'witness-ahead')) return;
  throw new Wrong('wrong', `${code} does not name ${harm}: ${texts.join('; ')}`);
}
