/**
 * The directory of the store replaced by an older copy while the witness is kept: as by a restored
 * backup or disk snapshot.
 */
import { join } from 'node:path';
import { Oracle } from '../../support/oracle.js';
import { mustRefuse } from '../check.js';
import { Image } from '../image.js';
import { caseRandom, type Row } from '../row.js';
import { type Moment, type RoundShape, record } from '../specimen.js';

/** A store at several times, with the last moment of each. */
interface Prepared {
  readonly copies: readonly { readonly image: Image; readonly last: Moment }[];
}

const SHAPE: RoundShape = { lanes: ['0a', '0b'], blockBytes: 700, innerBytes: 60, anchorEvery: 5 };
const LIVES = 8;

export const rollback: Row<Prepared> = {
  name: 'rollback',
  fault: 'whole directory rolled back to an older copy, witness kept',
  mustHold: 'LANESTORE_ROLLED_BACK',
  counts: { full: 20, short: 5 },

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'rollback');
    const oracle = new Oracle();
    const copies: { image: Image; last: Moment }[] = [];
    for (let life = 0; life < LIVES; life++) {
      const { moments } = await record(join(dir, 'store'), oracle, random.int(1, 9), SHAPE, random);
      copies.push({ image: Image.of(join(dir, 'store')), last: moments.at(-1)! });
    }
    return { copies };
  },

  async run({ copies }, _, { dir, random }) {
    const newer = random.int(1, copies.length);
    const older = random.int(0, newer);
    const { witness } = copies[newer]!.last;
    copies[older]!.image.with('witness', witness).write(dir);
    return mustRefuse(dir, { codes: ['LANESTORE_ROLLED_BACK'], contents: [] });
  },
};
