/**
 * What stands in `<location>/values/`:
 *
 *   <20 digits>.values      a value file: whole from the moment it has this name, its size never changes
 *   <20 digits>.preparing   one that is being filled with zeros; removed at the next open
 *
 * A number is given once: the next one is above every file and every reference, so a reference to a file that was reused since names nothing.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { padU64, parsePaddedU64 } from '../../../keys/index.js';
import { VALUES_DIR } from '../format/paths.js';

const VALUES_SUFFIX = '.values';
const PREPARING_SUFFIX = '.preparing';

/** A value file as a directory shows it. */
export interface FoundFile {
  readonly number: bigint;
  readonly bytes: number;
  /** All of its bytes have a place on the disk: writing into it needs none. A copy made by other tools may lack that. */
  readonly allocated: boolean;
}

/** What is in the directory of value files. */
export interface FoundValues {
  /** Ascending by number. */
  readonly files: readonly FoundFile[];
  /** Names of files whose preparation was cut short. */
  readonly leftovers: readonly string[];
  /** Names that are none of ours. */
  readonly unknown: readonly string[];
}

/** The name of a value file. */
export function valueFileName(number: bigint): string {
  return padU64(number) + VALUES_SUFFIX;
}

/** Its name while it is prepared. */
export function preparingName(number: bigint): string {
  return padU64(number) + PREPARING_SUFFIX;
}

/** The file as findings name it, relative to the location. */
export function findingFile(number: bigint): string {
  return `${VALUES_DIR}/${valueFileName(number)}`;
}

/** Looks into a directory of value files; an absent one holds none. */
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
