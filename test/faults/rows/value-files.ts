/**
 * Value files that rot, are cut, lose pages, or are missing: refused, with lane and number of each
 * damaged value; or the damage is outside of all references, and the content is exact.
 */
import { join } from 'node:path';
import { flipped } from '../../support/faults.js';
import type { Random } from '../../support/kill.js';
import { Oracle } from '../../support/oracle.js';
import { mustRefuse, type Refused } from '../check.js';
import type { Image } from '../image.js';
import { caseRandom, type Row, Wrong } from '../row.js';
import { type RoundShape, record, SMALL_VALUE_FILES } from '../specimen.js';

/** A store with several value files, some with free space. */
interface Values {
  readonly image: Image;
  readonly paths: readonly string[];
  readonly content: string;
}

/** Blocks of up to one page, of many pages, and larger than a file. */
const SHAPES: readonly (readonly [rounds: number, shape: RoundShape])[] = [
  [16, { lanes: ['0a', '0b', '0c', '0d'], blockBytes: 5000, innerBytes: 60, anchorEvery: 6 }],
  [10, { lanes: ['0a', '0b'], blockBytes: 40_000, anchorEvery: 5 }],
  [4, { lanes: ['0a'], blockBytes: 200_000 }],
];

/** Damage to a file whose values end at `end`; undefined: the file is removed. */
const HARMS: readonly ((bytes: Buffer, end: number, random: Random) => Buffer | undefined)[] = [
  (bytes, end, random) => Buffer.from(flipped(bytes, random.int(0, end * 8))),
  (bytes, end, random) => Buffer.from(flipped(bytes, random.int(0, end * 8))),
  (bytes, end, random) => bytes.subarray(0, random.int(0, end)),
  (bytes, end, random) => {
    const page = Math.floor(random.int(0, end) / 4096) * 4096;
    return Buffer.from(bytes).fill(0, page, Math.min(bytes.length, page + random.pick([512, 4096, 65_536])));
  },
  () => undefined,
];

/** Files have their full length from the beginning; unwritten bytes are zero. */
function endOf(bytes: Buffer): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

export const valueFiles: Row<readonly Values[]> = {
  name: 'value-files',
  fault: 'bit flipped, cut, zeroed, missing value file',
  mustHold: 'refused with lane and number, or content exact',
  counts: { full: 450, short: 40 },

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'value-files');
    const stores: Values[] = [];
    for (const [n, [rounds, shape]] of SHAPES.entries()) {
      const specimen = await record(join(dir, `${n}`), new Oracle(), rounds, shape, random, SMALL_VALUE_FILES);
      const { image } = specimen;
      const paths = image.paths((path) => /^values\/\d+\.values$/.test(path) && endOf(image.get(path)) > 0);
      if (paths.length === 0) throw new Error('the specimen has no value files');
      stores.push({ image, paths, content: specimen.moments.at(-1)!.content });
    }
    return stores;
  },

  async run(stores, i, { dir, random }) {
    const { image, paths, content } = stores[i % stores.length] as Values;
    const path = random.pick(paths);
    const before = image.get(path);
    const bytes = HARMS[Math.floor(i / stores.length) % HARMS.length]!(before, endOf(before), random);
    const harmed = bytes === undefined ? image.without(path) : image.with(path, bytes);
    harmed.write(dir);
    return mustRefuse(dir, { codes: ['LANESTORE_CORRUPT'], contents: [content], inspect: assertPlaced }, 2);
  },
};

/** The lane and number of each unreadable value are reported. */
function assertPlaced({ findings, message }: Refused): void {
  const placed = findings.every(({ lane, number }) => lane !== undefined && number !== undefined);
  if (!placed) throw new Wrong('wrong', `a finding without lane and number: ${message}`);
}
