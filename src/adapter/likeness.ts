/** What a directory looks like by the names in it, for advice to one who named another: nothing is decided by it, and nothing is thrown. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A store on LevelDB, or a state directory of the original: segment files, or one file an entry. */
export type Likeness = 'store' | 'state';

/** Names that are enough to take a directory for one. */
const MARKS: readonly [Likeness, readonly string[]][] = [
  ['store', ['level/CURRENT']],
  ['state', ['blocks', 'commitqcs']],
];

/** Directories that are named at most. */
const NAMED_MAX = 3;

/** What the directory looks like; undefined if like neither. */
export function likenessOf(directory: string): Likeness | undefined {
  return MARKS.find(([, names]) => names.every((name) => isThere(join(directory, name))))?.[0];
}

/**
 * False too where it may not be looked: the permission model of Node.js makes `existsSync` throw.
 */
function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch {
    return false;
  }
}

/** The question for a path that is neither, `; did you mean …?`: the directory around it, or those right inside of it. Empty if none is. */
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
