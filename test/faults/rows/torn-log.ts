/**
 * The log cut short, as by a power cut: at every byte of the last three batches, and around every
 * border of its blocks of 32 KiB. With the final witness, acknowledged data is missing; with the
 * witness of that moment, none is.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Oracle } from '../../support/oracle.js';
import { mustOpen, mustRefuse, type OpenOptions, tryOpen } from '../check.js';
import { caseRandom, type Row, shuffled, Wrong } from '../row.js';
import { type RoundShape, record, SMALL_VALUE_FILES, type Specimen } from '../specimen.js';

interface Prepared {
  readonly specimens: readonly Specimen[];
  /** All cuts, in random order: specimen, bytes that are left. */
  readonly cuts: readonly (readonly [specimen: number, length: number])[];
}

/** Batches of about 700 bytes, of about 10 KB, and of about 1 KB with references to value files. */
const SHAPES: readonly (readonly [rounds: number, shape: RoundShape, options?: OpenOptions])[] = [
  [100, { lanes: ['0a'], blockBytes: 220, innerBytes: 40, anchorEvery: 8 }],
  [10, { lanes: ['0a', '0b'], blockBytes: 4900, innerBytes: 40, anchorEvery: 4 }],
  [8, { lanes: ['0a', '0b'], blockBytes: 9000, innerBytes: 300, anchorEvery: 4 }, SMALL_VALUE_FILES],
];
const BLOCK = 32768;
/** Bytes around a block border: a record header of 7 bytes on either side. */
const NEAR = 24;

export const tornLog: Row<Prepared> = {
  name: 'torn-log',
  fault: 'torn tail of the log, every byte of the last 3 batches, block borders',
  mustHold:
    'with the witness of that moment: opens, a prefix of rounds, all acknowledged before the cut kept; with the final witness: LANESTORE_ROLLED_BACK',
  counts: { full: 'all', short: 250 },

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'torn-log');
    const specimens: Specimen[] = [];
    for (const [n, [rounds, shape, options]] of SHAPES.entries()) {
      specimens.push(await record(join(dir, `${n}`), new Oracle(), rounds, shape, random, options));
    }
    const cuts = specimens.flatMap((specimen, n) => cutsOf(specimen).map((length) => [n, length] as const));
    return { specimens, cuts: shuffled(cuts, random) };
  },

  count: ({ cuts }) => cuts.length,

  async run({ specimens, cuts }, i, { dir, random }) {
    const [n, length] = cuts[i] as readonly [number, number];
    const { image, log, moments } = specimens[n] as Specimen;
    const whole = moments.findLastIndex(({ logBytes }) => logBytes <= length);
    const location = join(dir, 'store');
    const torn = image.with(log, image.get(log).subarray(0, length));
    torn.write(location);
    const codes = ['LANESTORE_ROLLED_BACK'];
    const first = await mustRefuse(location, { codes, contents: [], image: torn }, i % 8 === 0 ? 3 : 1);
    // The last whole batch may be unacknowledged.
    const witnessed = whole > 0 && random.oneIn(2) ? whole - 1 : whole;
    writeFileSync(join(location, 'witness'), moments[witnessed]!.witness);
    const contents = [moments[whole]!.content];
    const second = await mustOpen(location, contents);
    if (i % 8 === 0 && JSON.stringify(await tryOpen(location)).includes('"code"')) {
      throw new Wrong('refused', 'it opened, and not a second time');
    }
    return `${first}; ${second}`;
  },
};

function cutsOf({ moments, image, log }: Specimen): number[] {
  const { length } = image.get(log);
  const cuts = new Set<number>();
  const from = moments.at(-4)!.logBytes;
  for (let at = from; at < length; at++) cuts.add(at);
  for (let border = 0; border < length; border += BLOCK) {
    for (let at = Math.max(0, border - NEAR); at < Math.min(length, border + NEAR); at++) cuts.add(at);
  }
  return [...cuts];
}
