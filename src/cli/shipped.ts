/** Files that come with the package and are read by their path. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LanestoreError } from '../index.js';

/** From dist/cli, and from .build/src/cli, where the repository's own programs are. */
const ROOTS = ['../../', '../../../'] as const;

/** The path of a file of this package, named from its root. */
export function shippedPath(name: string): string {
  const [path, compiled] = ROOTS.map((root) => fileURLToPath(new URL(root + name, import.meta.url))) as [
    string,
    string,
  ];
  return isThere(path) || !isThere(compiled) ? path : compiled;
}

/** What the permission model of Node.js hides is not there. */
function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch {
    return false;
  }
}

/** The same of a file that must be there. @throws LANESTORE_IO if it is not. */
export function shipped(name: string): string {
  const path = shippedPath(name);
  if (existsSync(path)) return path;
  throw new LanestoreError('LANESTORE_IO', `${path} is missing: a bundle does not have what comes with lanestore`);
}
