/** Files that come with the package and are read by their path. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LanestoreError } from '../index.js';

/** The path of a file of this package, named from its root. */
export function shippedPath(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

/** The same of a file that must be there. @throws LANESTORE_IO if it is not. */
export function shipped(name: string): string {
  const path = shippedPath(name);
  if (existsSync(path)) return path;
  throw new LanestoreError('LANESTORE_IO', `${path} is missing: a bundle does not have what comes with lanestore`);
}
