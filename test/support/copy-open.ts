/** Copies of stores that are open. */
import { cpSync, readdirSync, rmSync } from 'node:fs';

/**
 * Copies the directory of an open store, as a kill would leave it, without its LOCK: reading it in
 * this process would free the lock. Again if a file came or went meanwhile: LevelDB compacts in the
 * background, and the copy would lack a table.
 */
export function copyOpen(from: string, to: string): void {
  const names = () => readdirSync(from, { recursive: true, encoding: 'utf8' }).sort().join();
  for (let before = ''; before !== names(); ) {
    before = names();
    rmSync(to, { recursive: true, force: true });
    try {
      cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('LOCK') });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      before = '';
    }
  }
}
