/**
 * The value files that a copied database refers to, beside the copy.
 *
 * A node never writes into what a durable reference names, and a file that it reuses gets another name first, after which it counts the links. So
 * a link made under the old name holds the bytes for good. What is copied byte by byte is whole if the name still leads to the same file
 * afterwards. The newest of the files may be the one that the node appends to: it is copied, because a file with a second link is left by
 * the node before it is full.
 */
import { constants, type Stats } from 'node:fs';
import { copyFile, link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LANE_PREFIX, prefixRange } from '../../../keys/index.js';
import type { Engine } from '../engine.js';
import { decodeReference, isReference } from '../format/value-ref.js';
import { valueFileName } from '../values/names.js';

/** Links, if that is wanted, or copies what the database refers to from `from` to `to`; gives the numbers of the files that are not there. */
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
 * Links all value files of `from` into `to`, so that the node gives none of them away: it writes to no file that has another link. It costs the
 * node the rest of the file that it appends to, so it is for one that gives its files up faster than they can be copied. Called before
 * and after the database is copied. Where there can be no links it does nothing.
 */
export async function freezeValues(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const names = await readdir(from).catch(() => []);
  for (const name of names) await linked(join(from, name), join(to, name));
}

/** The numbers of the value files that some record names, ascending. */
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

/** False where there can be no link, or there is no file. */
async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    () => false,
  );
}

/** False if the file is not there, or was not any more when its last byte was read. */
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
