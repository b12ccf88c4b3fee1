/**
 * Files that this package brings along and reads, or runs, by their path. A bundle does not contain
 * them.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LanestoreError } from '../errors.js';

/**
 * The path of the file `name`, which stands beside a module; `module` is the module's
 * `import.meta.url`, which is undefined in a bundle of CommonJS: then it is beside the bundle.
 * @throws LANESTORE_IO if it is not there; `what` says why it is needed.
 */
export function shippedFile(name: string, module: string | undefined, what: string): string {
  const directory = module === undefined ? __dirname : dirname(fileURLToPath(module));
  const path = join(directory, name);
  if (existsSync(path)) return path;
  throw new LanestoreError('LANESTORE_IO', `${path} is missing, which lanestore runs: ${what}`, {
    remedy: 'keep lanestore out of the bundle, or put this file beside it (docs/embedding.md)',
  });
}
