/**
 * A consistent copy of a store that a node may be writing to (docs/design.md, Reading tools). It takes no lock, and of the location it only reads.
 *
 *   1. the witness: all that it names was durable before anything else is read, so it must be in the copy
 *   2. CURRENT and the MANIFEST: which tables and logs are live
 *   3. the live tables, as hard links where the file system allows it
 *   4. the live logs, the newest first
 * A file of step 3 or 4 that is gone was compacted or flushed away meanwhile: all of it again. What is linked stays linked.
 *
 * Why that is a prefix of the batches: tables are never changed. The oldest live log is copied last, and it was still there: until LevelDB
 * removes it, at most one newer log exists. If that one was listed, the older one had ended before; if not, it only cuts the copy short.
 * A batch that was being written is torn, as after a crash.
 *
 * Why only live tables are linked: LevelDB numbers the tables that it makes when it opens the copy on from the MANIFEST. It would
 * truncate a link to a table that the node has begun since, and with it the node's own file.
 *
 * LOCK is never opened: in the process of the node, closing it would free the node's lock (docs/leveldb-hazards.md, Locks).
 */
import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { readRegular } from '../../../base/open-file.js';
import { LanestoreError } from '../../../errors.js';
import type { StorePaths } from '../format/paths.js';
import { WITNESS_FILE } from '../format/witness.js';
import { FileReader } from '../preflight/file.js';
import { readManifest, type Version } from '../preflight/manifest.js';
import { logName, logNumbers, manifestNameIn, tableNames } from '../preflight/names.js';

/** Tries until it is said that the store changes too fast. Each one begins with the links of those before. */
const TRIES_MAX = 60;
/** After so many tries a pause comes before each further one. */
const TRIES_AT_ONCE = 8;
const PAUSE_MS = 10;

/** A copy that was made. */
export interface StoreCopy {
  /** The witness's bytes, from before anything else was read; undefined if there is none. */
  readonly witness: Uint8Array | undefined;
  /** How often it was begun. */
  readonly tries: number;
}

/** How a copy is made. */
export interface CopyOptions {
  /** Hard links of what never changes, where they are possible (default), or a copy of every byte. */
  readonly links?: boolean | undefined;
}

/** A live file that is not there, or a MANIFEST that cannot be read. If the next MANIFEST read is the same, it is not a race. */
class Gone {
  readonly name: string;
  readonly manifest: Uint8Array;

  constructor(name: string, manifest: Uint8Array) {
    this.name = name;
    this.manifest = manifest;
  }
}

/**
 * Copies the store in `from` to `to`, whose directory exists and is empty. What is missing for good is missing in the copy, for preflight to find.
 * @throws LANESTORE_IO if the store changes faster than it can be copied; errors of the file system as they are.
 */
export async function copyStore(from: StorePaths, to: StorePaths, options: CopyOptions = {}): Promise<StoreCopy> {
  await mkdir(to.level, { mode: 0o700 });
  const missing = new Set<string>();
  let last: Gone | undefined;
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    if (tries > TRIES_AT_ONCE) await setTimeout(PAUSE_MS);
    const witness = await readIfThere(from.witness);
    const gone = await copyLevel(from.level, to.level, missing, options.links ?? true);
    if (gone === undefined) {
      if (witness !== undefined) await writeFile(join(to.location, WITNESS_FILE), witness, { mode: 0o600 });
      return { witness, tries };
    }
    if (last?.name === gone.name && Buffer.compare(last.manifest, gone.manifest) === 0) missing.add(gone.name);
    last = gone;
  }
  throw new LanestoreError(
    'LANESTORE_IO',
    `${from.location} changes faster than it can be copied (${TRIES_MAX} tries); hard links help: make the copy on its file system`,
  );
}

/** One try. What is in `missing` is absent or damaged for good: the copy goes without it. */
async function copyLevel(
  from: string,
  to: string,
  missing: ReadonlySet<string>,
  links: boolean,
): Promise<Gone | undefined> {
  const current = await readRegular(join(from, 'CURRENT'));
  await forgetOthers(to);
  await writeFile(join(to, 'CURRENT'), current);
  const name = manifestNameIn(current);
  if (name === undefined) return undefined;
  const manifest = await readManifestFile(join(from, name), name);
  if (manifest === undefined) return missing.has(name) ? undefined : new Gone(name, current);
  const { bytes, version } = manifest;
  await writeFile(join(to, name), bytes);
  if (version === undefined) return missing.has(name) ? undefined : new Gone(name, bytes);
  const present = await readdir(from);
  const tables = version.tables.map(
    ({ number }) => tableNames(number).find((one) => present.includes(one)) ?? tableNames(number)[0],
  );
  await forgetOthers(to, new Set(['CURRENT', name, ...tables]));
  for (const table of tables) {
    if (missing.has(table) || (await copyTable(from, to, table, links && isSafeToLink(version)))) continue;
    return new Gone(table, bytes);
  }
  for (const log of liveLogs(version, present)) {
    if (missing.has(log) || (await copied(join(from, log), join(to, log)))) continue;
    return new Gone(log, bytes);
  }
  return undefined;
}

/** The bytes of a MANIFEST, and the version that they lead to; undefined if it is not there. */
async function readManifestFile(path: string, name: string): Promise<{ bytes: Buffer; version?: Version } | undefined> {
  return new FileReader().with(path, async (file) => {
    const [bytes, { version }] = [await file.read(0, file.size), await readManifest(file, name)];
    return version === undefined ? { bytes } : { bytes, version };
  });
}

/** Removes what an earlier try left: all but `wanted`, or, as long as that is not known, all but the tables. */
async function forgetOthers(to: string, wanted?: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(to)) {
    if (wanted === undefined ? !/\.(ldb|sst)$/.test(name) : !wanted.has(name)) await rm(join(to, name));
  }
}

/** The live logs, the newest first. The oldest is always one that the MANIFEST names: it exists from before the edit on that names it. */
function liveLogs({ logNumber, prevLogNumber }: Version, present: readonly string[]): string[] {
  const numbers = new Set([logNumber, ...logNumbers(present).filter((number) => number > logNumber)]);
  if (prevLogNumber > 0) numbers.add(prevLogNumber);
  return [...numbers].sort((a, b) => b - a).map(logName);
}

/** Links a table, or copies it where it cannot be linked or a link would not be safe. False if it is gone. */
async function copyTable(from: string, to: string, name: string, links: boolean): Promise<boolean> {
  const [source, target] = [join(from, name), join(to, name)];
  if (links) {
    try {
      await link(source, target);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return true;
      if (code === 'ENOENT') return false;
      if (!UNLINKABLE.has(code ?? '')) throw error;
    }
  } else if (await exists(target)) return true;
  return copied(source, target);
}

/** A MANIFEST that gives away the number of a live table again is damaged: no link to what LevelDB may then write over. */
function isSafeToLink({ tables, nextFile }: Version): boolean {
  return tables.every(({ number }) => number < nextFile);
}

/**
 * Another file system, one without hard links, a node's directory that may only be read, somebody
 * else's file, or too many links already.
 */
const UNLINKABLE = new Set([
  'EXDEV',
  'EPERM',
  'EACCES',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
  'ERR_ACCESS_DENIED',
]);

async function copied(source: string, target: string): Promise<boolean> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readRegular(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
