/** One flipped bit in an acknowledged and synced log: rot. */
import { join } from 'node:path';
import { flipped } from '../../support/faults.js';
import { Oracle } from '../../support/oracle.js';
import { DAMAGE, mustRefuse } from '../check.js';
import { caseRandom, type Row } from '../row.js';
import { type RoundShape, record, type Specimen } from '../specimen.js';

/**
 * Batches of about 700 bytes, 10 KB, and 100 KB: both many batches per log block and many log
 * blocks per batch.
 */
const SHAPES: readonly (readonly [rounds: number, shape: RoundShape])[] = [
  [120, { lanes: ['0a'], blockBytes: 220, innerBytes: 40, anchorEvery: 8 }],
  [12, { lanes: ['0a', '0b'], blockBytes: 4900, innerBytes: 40, anchorEvery: 4 }],
  [4, { lanes: ['0a', '0b', '0c', '0d'], blockBytes: 25_000 }],
];

export const logBit: Row<readonly Specimen[]> = {
  name: 'log-bit',
  fault: 'one bit flipped in a log',
  mustHold: 'refused, or content exact; refused again when tried again',
  counts: { full: 900, short: 60 },

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'log-bit');
    const specimens: Specimen[] = [];
    for (const [n, [rounds, shape]] of SHAPES.entries()) {
      specimens.push(await record(join(dir, `${n}`), new Oracle(), rounds, shape, random));
    }
    return specimens;
  },

  async run(specimens, i, { dir, random }) {
    const { image, log, moments } = specimens[i % specimens.length] as Specimen;
    const bytes = image.get(log);
    const harmed = image.with(log, Buffer.from(flipped(bytes, random.int(0, bytes.length * 8))));
    harmed.write(dir);
    return mustRefuse(dir, { codes: DAMAGE, contents: [moments.at(-1)!.content], image: harmed }, 3);
  },
};
