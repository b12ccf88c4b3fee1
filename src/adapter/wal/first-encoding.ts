/**
 * How the first A/B file of a directory is written, of which none says it yet: an original at 11419398f reads only `wrapper`, and an original since
 * 78c53ddf1 only `crc`. A directory that the original made and that has no anchor looks the same for both; it is taken for one of 11419398f,
 * whose segments these are. From then on a file in it says so: what `openWal` makes beside it would make it look like a directory of ours, whose
 * default is `crc`.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from '../../base/files.js';
import { scanAB } from './ab-file.js';
import type { ABEncoding } from './ab-format.js';
import { reading } from './io.js';
import { ANCHOR_PREFIX, INNER_PREFIX, TORN_DIR } from './layout.js';
import { LOCK_DIR } from './lock.js';
import { closing, PRIVATE_MODE } from './repair.js';

/** The file that says `wrapper`; empty. */
export const WRAPPER_MARK = 'ab-wrapper';

/** What only `openWal` makes. */
const OUR_NAMES = [LOCK_DIR, TORN_DIR];

/**
 * The encoding of a pair that holds nothing, in a directory in which no pair holds anything: `wanted`, or what the directory needs. Called
 * before anything is made in it. @throws LANESTORE_IO.
 */
export async function firstEncoding(
  location: string,
  wanted: ABEncoding | undefined,
  files: Files,
): Promise<ABEncoding> {
  if (wanted !== undefined) return wanted;
  const names = await reading(`list ${location}`, () => readdir(location));
  if (names.includes(WRAPPER_MARK)) return 'wrapper';
  if (OUR_NAMES.some((name) => names.includes(name))) return 'crc';
  const pairs = await Promise.all([ANCHOR_PREFIX, INNER_PREFIX].map((prefix) => scanAB(location, prefix)));
  const isOriginal = pairs.some(({ lengths }) => lengths.some((length) => length !== undefined));
  const isWritten = pairs.some(({ newest, findings }) => newest !== undefined || findings.length > 0);
  if (!isOriginal || isWritten) return 'crc';
  await reading(`mark ${location}`, async () => {
    const file = await files.open(join(location, WRAPPER_MARK), PRIVATE_MODE, { empty: true });
    await closing(file, () => file.sync());
    await files.syncDirectory(location);
  });
  return 'wrapper';
}
