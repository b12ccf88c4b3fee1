/**
 * Guesses what a directory is, by the names in it, to give advice about a wrong path. No decision
 * depends on it, and it never throws.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A store on LevelDB, or a state directory of the original: segment files, or one file for each
 * entry.
 */
export type Likeness = 'store' | 'state';

/** Names that are sufficient for a guess. */
const MARKS: readonly [Likeness, readonly string[]][] = [
  ['store', ['level/CURRENT']],
  ['state', ['blocks', 'commitqcs']],
];

/** Upper bound of the directories in a message. */
const NAMED_MAX = 3;

/** The kind of directory that it looks like; undefined if neither. */
export function likenessOf(directory: string): Likeness | undefined {
  return MARKS.find(([, names]) => names.every((name) => isThere(join(directory, name))))?.[0];
}

/** False also if access is refused: under the permission model of Node.js, `existsSync` throws. */
function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch {
    return false;
  }
}

/**
 * For a path that looks like neither: `; did you mean …?` with its parent, or with directories
 * directly in it. Empty if none of them fits.
 */
export function didYouMean(path: string): string {
  const around = dirname(path);
  const meant = likenessOf(around) === undefined ? inside(path) : [around];
  if (meant.length === 0) return '';
  const more = meant.length > NAMED_MAX ? ', …' : '';
  return `; did you mean ${meant.slice(0, NAMED_MAX).join(' or ')}${more}?`;
}

function inside(path: string): string[] {
  try {
    const directories = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const paths = directories.map(({ name }) => join(path, name)).sort();
    return paths.filter((directory) => likenessOf(directory) !== undefined);
  } catch {
    return [];
  }
}
