/** Tables for the tests of preflight. */
import type { LevelOptions } from '../../../../src/adapter/level/index.js';
import { Random } from '../../../support/kill.js';
import { plainBlock, plainQC } from '../../../support/plain-model.js';
import { LANE, open } from './files.js';

/** A store with all of its blocks in several tables. */
export async function makeStore(location: string, bytes: number, rounds: number, level: LevelOptions): Promise<string> {
  for (let half = 0; half < 2; half++) {
    await using store = await open(location, level);
    for (let i = (half * rounds) / 2; i < ((half + 1) * rounds) / 2; i++) {
      const random = new Random(i);
      const data = Buffer.from(Array.from({ length: bytes }, () => random.int(0, 26) + 97));
      await store.persist({ blocks: [plainBlock(LANE, i, data)], commitQCs: [plainQC(i)] });
    }
  }
  await (await open(location, level)).close();
  return location;
}
