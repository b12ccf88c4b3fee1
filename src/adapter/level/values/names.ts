/**
 * The files in `<location>/values/`:
 *
 *   <20 digits>.values      a value file: complete once it has this name; its size never changes
 *   <20 digits>.preparing   a file that is being filled with zeros; removed at the next open
 *
 * A number is never reused: the next number is above those of all files and references. So a
 * reference to a file that was renamed for reuse names no file.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { padU64, parsePaddedU64 } from '../../../keys/index.js';
import { VALUES_DIR } from '../format/paths.js';

const VALUES_SUFFIX = '.values';
const PREPARING_SUFFIX = '.preparing';

/** A value file, as found in the directory. */
export interface FoundFile {
  readonly number: bigint;
  readonly bytes: number;
  /**
   * True if all bytes have blocks on the disk, so that a write into the file allocates none. A copy
   * made by other tools may have holes.
   */
  readonly allocated: boolean;
}

/** The content of the directory of value files. */
export interface FoundValues {
  /** Ascending by number. */
  readonly files: readonly FoundFile[];
  /** Names of files whose preparation was interrupted. */
  readonly leftovers: readonly string[];
  /** All other names. */
  readonly unknown: readonly string[];
}

/** The name of a value file. */
export function valueFileName(number: bigint): string {
  return padU64(number) + VALUES_SUFFIX;
}

/** The name of a value file while it is prepared. */
export function preparingName(number: bigint): string {
  return padU64(number) + PREPARING_SUFFIX;
}

/** The name of a value file in findings, relative to the location. */
export function findingFile(number: bigint): string {
  return `${VALUES_DIR}/${valueFileName(number)}`;
}

/** Lists a directory of value files; an absent directory gives an empty list. */
export function findValues(dir: string): FoundValues {
  const files: FoundFile[] = [];
  const leftovers: string[] = [];
  const unknown: string[] = [];
  for (const name of namesIn(dir).sort()) {
    const stat = lstatSync(join(dir, name), { throwIfNoEntry: false });
    const number = numberOf(name, VALUES_SUFFIX);
    if (stat?.isFile() && number !== undefined) {
      files.push({ number, bytes: stat.size, allocated: stat.blocks * 512 >= stat.size });
    } else if (stat?.isFile() && numberOf(name, PREPARING_SUFFIX) !== undefined) leftovers.push(name);
    else if (stat !== undefined) unknown.push(name);
  }
  return { files, leftovers, unknown };
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function numberOf(name: string, suffix: string): bigint | undefined {
  return name.endsWith(suffix) ? parsePaddedU64(name.slice(0, -suffix.length)) : undefined;
}
