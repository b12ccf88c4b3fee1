/** Each file of a store missing, empty, half, or brought back from an older copy. */
import { basename, join } from 'node:path';
import { Oracle } from '../../support/oracle.js';
import { DAMAGE, mustOpen, mustRefuse, openPlain, type Refused } from '../check.js';
import { Image } from '../image.js';
import { caseRandom, type Row, Wrong } from '../row.js';
import { makeRounds, oracleContent, type RoundCall, type RoundShape, record } from '../specimen.js';

/** A file, and what it is replaced by; undefined: it is gone. */
interface Harm {
  readonly path: string;
  readonly what: string;
  readonly bytes: Buffer | undefined;
  readonly image: Image;
  readonly content: string;
}

const SHAPE: RoundShape = { lanes: ['0a', '0b'], blockBytes: 3000, innerBytes: 60, anchorEvery: 6 };
const SMALL_BUFFERS = { level: { writeBufferBytes: 64 * 1024, tableFileBytes: 64 * 1024 } };

/** What says nothing of the content. */
const ASIDE = /^level\/(LOG|LOG\.old|LOCK)$/;

export const files: Row<readonly Harm[]> = {
  name: 'files',
  fault: 'each file of the directory missing, empty, half, from an older copy',
  mustHold: 'refusal that names it, or exact content (LOG, LOCK, older witness); nothing deleted',
  counts: { full: 'all', short: 'all' },

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'files');
    const oracle = new Oracle();
    const location = join(dir, 'store');
    // Older copies: earlier lives, and earlier moments of the last one.
    const copies: Image[] = [];
    for (let life = 0; life < 3; life++) {
      await record(location, oracle, 14, SHAPE, random, SMALL_BUFFERS);
      copies.push(Image.of(location));
    }
    const store = await openPlain(location, SMALL_BUFFERS);
    for (let n = 0; n < 30; n++) {
      await store.persist(makeRounds(oracle, 1, SHAPE, random)[0] as RoundCall);
      copies.push(Image.of(location));
    }
    await store.close();
    return harmsOf(Image.of(location), copies, oracleContent(oracle));
  },

  count: (harms) => harms.length,

  async run(harms, i, { dir }) {
    const { path, what, bytes, image, content } = harms[i] as Harm;
    const harmed = bytes === undefined ? image.without(path) : image.with(path, bytes);
    harmed.write(dir);
    if (ASIDE.test(path) || (path === 'witness' && what === 'older')) return mustOpen(dir, [content]);
    const inspect = (refusal: Refused) => assertNamed(refusal, path);
    return mustRefuse(dir, { codes: DAMAGE, contents: [content], image: harmed, inspect }, 3);
  },
};

function harmsOf(image: Image, copies: readonly Image[], content: string): Harm[] {
  return image
    .paths(() => true)
    .flatMap((path) => {
      const bytes = image.get(path);
      const harm = (what: string, other: Buffer | undefined): Harm => ({ path, what, bytes: other, image, content });
      const older = copies
        .map(({ files: of }) => of.get(path))
        .findLast((other) => other !== undefined && !other.equals(bytes));
      const harms = [harm('missing', undefined)];
      if (bytes.length > 0)
        harms.push(harm('empty', Buffer.alloc(0)), harm('half', bytes.subarray(0, bytes.length >> 1)));
      if (older !== undefined) harms.push(harm('older', older));
      return harms;
    });
}

/** A refusal tells a program which file it is about, or a person. */
function assertNamed({ code, message, findings }: Refused, path: string): void {
  const named = findings.some(({ file, detail }) => file?.includes(basename(path)) || detail.includes(basename(path)));
  if (named || message.includes(basename(path))) return;
  throw new Wrong(
    'wrong',
    `${code} does not name ${path}: ${message}; ${findings.map(({ detail }) => detail).join('; ')}`,
  );
}
