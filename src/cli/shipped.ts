/** Paths of files that are part of the package. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LanestoreError } from '../errors.js';

/**
 * The package's root, relative to dist/cli and to .build/src/cli (the repository's own programs).
 */
const ROOTS = ['../../', '../../../'] as const;

/** The path of a file of this package; `name` is relative to the package's root. */
export function shippedPath(name: string): string {
  const [path, compiled] = ROOTS.map((root) => fileURLToPath(new URL(root + name, import.meta.url))) as [
    string,
    string,
  ];
  return isThere(path) || !isThere(compiled) ? path : compiled;
}

/** False also if the permission model of Node.js denies access to the file. */
function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch {
    return false;
  }
}

/** {@link shippedPath} of a file that must exist. @throws LANESTORE_IO if it does not. */
export function shipped(name: string): string {
  const path = shippedPath(name);
  if (existsSync(path)) return path;
  throw new LanestoreError(
    'LANESTORE_IO',
    `${path} is missing: a bundle does not include the files of the lanestore package`,
  );
}
