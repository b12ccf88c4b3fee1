/**
 * Copies the value files that a copied database refers to.
 *
 * A node never writes to bytes that a durable reference names. Before it reuses a file, it renames
 * the file and then counts its links. So a link made under the old name keeps the bytes for good. A
 * file copied byte by byte is whole if its name still leads to the same file afterwards. The newest
 * file may be the one that the node appends to. It is copied rather than linked, because the node
 * stops appending to a file with a second link, and the rest of that file would be wasted.
 */
import { constants, type Stats } from 'node:fs';
import { copyFile, link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LANE_PREFIX, prefixRange } from '../../../keys/index.js';
import type { Engine } from '../engine.js';
import { decodeReference, isReference } from '../format/value-ref.js';
import { valueFileName } from '../values/names.js';

/**
 * Links or copies the value files that the database refers to, from `from` to `to`. Returns the
 * numbers of the absent files.
 */
export async function copyValues(
  engine: Engine,
  from: string,
  to: string,
  { links = true, frozen }: { readonly links?: boolean | undefined; readonly frozen?: string | undefined },
): Promise<Set<bigint>> {
  const numbers = await referredFiles(engine);
  const missing = new Set<bigint>();
  await rm(to, { recursive: true, force: true });
  if (numbers.length > 0) await mkdir(to, { mode: 0o700 });
  for (const [at, number] of numbers.entries()) {
    const name = valueFileName(number);
    const isFrozen = frozen !== undefined && (await statIfThere(join(frozen, name))) !== undefined;
    const paths = [join(isFrozen ? frozen : from, name), join(to, name)] as const;
    const isNewest = at === numbers.length - 1;
    if (!((links && !isNewest && (await linked(...paths))) || (await copied(...paths)))) missing.add(number);
  }
  return missing;
}

/**
 * Links all value files of `from` into `to`, so that the node reuses none of them: it never writes
 * to a file that has another link. The node loses the unused rest of the file that it appends to.
 * So it is used only if a node frees its files faster than they can be copied. Called before and
 * after the database is copied. It has no effect on a file system without links.
 */
export async function freezeValues(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const names = await readdir(from).catch(() => []);
  for (const name of names) await linked(join(from, name), join(to, name));
}

/** The numbers of the value files that any record names, ascending. */
async function referredFiles(engine: Engine): Promise<bigint[]> {
  const numbers = new Set<bigint>();
  for await (const portion of engine.portions(prefixRange(LANE_PREFIX))) {
    for (const [key, value] of portion) {
      if (!isReference(value)) continue;
      const reference = decodeReference(key, value);
      if (!('kind' in reference)) numbers.add(reference.file);
    }
  }
  return [...numbers].sort((a, b) => (a < b ? -1 : 1));
}

/** False if the file does not exist or cannot be linked. */
async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    () => false,
  );
}

/** False if the file did not exist, or no longer existed after the last byte was read. */
async function copied(from: string, to: string): Promise<boolean> {
  const before = await statIfThere(from);
  if (before === undefined) return false;
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  const after = await statIfThere(from);
  if (after?.ino === before.ino && after.dev === before.dev) return true;
  await rm(to);
  return false;
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
