/**
 * Bytes after the last batch that were never acknowledged: a power cut leaves them if the file had
 * grown before its data was written.
 */
import { join } from 'node:path';
import type { Random } from '../../support/kill.js';
import { Oracle } from '../../support/oracle.js';
import { mustOpen } from '../check.js';
import { FULL, HEADER_BYTES, logRecord } from '../log-format.js';
import { caseRandom, type Row } from '../row.js';
import { bytesOf, type RoundShape, record, type Specimen } from '../specimen.js';

const SHAPES: readonly RoundShape[] = [
  { lanes: ['0a', '0b'], blockBytes: 300, innerBytes: 40, anchorEvery: 6 },
  { lanes: ['0a'], blockBytes: 9000 },
];
const ROUNDS = 12;
/** Maximum bytes of garbage. It exceeds a block of 32 KiB, so some tails cross a block border. */
const BYTES_MAX = 40_000;

/** The bytes after the tail. */
const TAILS: readonly ((random: Random) => Uint8Array)[] = [
  (random) => new Uint8Array(random.int(1, BYTES_MAX)),
  (random) => bytesOf(random.int(1, BYTES_MAX), false, random),
  (random) => bytesOf(random.int(1, BYTES_MAX), true, random),
  (random) => new Uint8Array(random.int(1, 64)).fill(0xff),
  // The header of a record without its data, and a record with the checksum of another one.
  (random) => logRecord(FULL, bytesOf(random.int(1, 3000), false, random)).subarray(0, HEADER_BYTES + random.int(0, 1)),
  (random) => {
    const whole = logRecord(FULL, bytesOf(random.int(20, 3000), false, random));
    whole[random.int(0, 4)]! ^= 1 << random.int(0, 8);
    return Buffer.concat([whole, new Uint8Array(random.int(0, 5000))]);
  },
];

export const behindTail: Row<readonly Specimen[]> = {
  name: 'behind-tail',
  fault: 'zeros or garbage after the tail',
  mustHold: 'opens; exactly the acknowledged rounds',
  counts: { full: 600, short: 40 },

  async prepare({ seed, dir }) {
    const random = caseRandom(seed, 'behind-tail');
    const specimens: Specimen[] = [];
    for (const [n, shape] of SHAPES.entries()) {
      specimens.push(await record(join(dir, `${n}`), new Oracle(), ROUNDS, shape, random));
    }
    return specimens;
  },

  async run(specimens, i, { dir, random }) {
    const { image, log, moments } = specimens[i % specimens.length] as Specimen;
    const tail = TAILS[Math.floor(i / specimens.length) % TAILS.length]!(random);
    image.with(log, Buffer.concat([image.get(log), tail])).write(dir);
    const contents = [moments.at(-1)!.content];
    const verdict = await mustOpen(dir, contents);
    await mustOpen(dir, contents);
    return verdict;
  },
};
