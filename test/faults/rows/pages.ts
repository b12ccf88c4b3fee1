/**
 * A power cut during the last, unacknowledged batch. Its pages were written in any order, so some
 * of them are zero, in the middle too, and the file may have an older length.
 */
import { join } from 'node:path';
import { Oracle } from '../../support/oracle.js';
import { mustOpen } from '../check.js';
import { caseRandom, type Row } from '../row.js';
import { type RoundShape, record, type Specimen } from '../specimen.js';

const PAGE = 4096;
const SHAPES: readonly RoundShape[] = [
  { lanes: ['0a', '0b'], blockBytes: 14_000, innerBytes: 100 },
  { lanes: ['0a', '0b', '0c'], blockBytes: 9000, blocks: 4, anchorEvery: 3 },
  { lanes: ['0a'], blockBytes: 3000, innerBytes: 3000 },
];
const ROUNDS = 7;

export const pages: Row<readonly Specimen[]> = {
  name: 'pages',
  fault: "last batch's pages written out of order, some zero",
  mustHold: 'opens; exactly the acknowledged rounds',
  counts: { full: 600, short: 40 },

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'pages');
    const specimens: Specimen[] = [];
    for (const [n, shape] of SHAPES.entries()) {
      specimens.push(await record(join(dir, `${n}`), new Oracle(), ROUNDS, shape, random));
    }
    return specimens;
  },

  async run(specimens, i, { dir, random }) {
    const { image, log, moments } = specimens[i % specimens.length] as Specimen;
    // Any round but the first may be the last one.
    const n = random.int(2, moments.length);
    const [before, after] = [moments[n - 1]!, moments[n]!];
    const bytes = Buffer.from(image.get(log).subarray(0, after.logBytes));
    for (let page = Math.floor(before.logBytes / PAGE); page * PAGE < bytes.length; page++) {
      if (random.oneIn(2))
        bytes.fill(0, Math.max(page * PAGE, before.logBytes), Math.min((page + 1) * PAGE, bytes.length));
    }
    const length = random.oneIn(4) ? random.int(before.logBytes, bytes.length) : bytes.length;
    const torn = bytes.subarray(0, length);
    image.with(log, torn).with('witness', before.witness).write(dir);
    const whole = torn.equals(image.get(log).subarray(0, after.logBytes));
    return mustOpen(dir, [whole ? after.content : before.content]);
  },
};
