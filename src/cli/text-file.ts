/** Text files that options and arguments name. */
import { readFile } from 'node:fs/promises';
import { LanestoreError } from '../errors.js';

/** The content of a file. @throws LANESTORE_IO if it cannot be read. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const message = `${file} cannot be read: ${(cause as Error).message}`;
    throw new LanestoreError('LANESTORE_IO', message, { cause, remedy: 'name a readable file' });
  }
}
