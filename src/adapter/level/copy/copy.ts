/**
 * Makes a consistent copy of a store that a node may be writing to (docs/design.md, Reading tools).
 * It takes no lock, and only reads the location. The order:
 *
 *   1. the witness is read, not copied: the batches that it names are durable before the other
 *      files are read, so the copy must contain them
 *   2. CURRENT and the MANIFEST: they name the live tables and logs
 *   3. the live tables, as hard links where the file system allows it
 *   4. the live logs, the newest first
 *
 * If a file of step 3 or 4 is gone, LevelDB has compacted or flushed it meanwhile, and all steps
 * are repeated. Links made by the failed try are kept.
 *
 * The copy is a prefix of the batches. Tables never change. The oldest live log is copied last. If
 * it still exists then, at most one newer log exists. If the newer log was listed, the older one
 * was already complete. If it was not listed, the copy only ends earlier. A batch that was being
 * written is torn, as after a crash.
 *
 * Only live tables are linked. When LevelDB opens the copy, it gives new tables the numbers that
 * follow in the MANIFEST. The node may have begun a table with such a number meanwhile. Through a
 * link to that table, LevelDB would truncate the node's own file.
 *
 * Without a witness a copy does not open as a store, should its process be killed: it would be a
 * second store with the same id. A snapshot gets a witness of its own when it is complete.
 *
 * LOCK is never opened: in the process of the node, closing it would release the node's lock
 * (docs/leveldb-hazards.md, Locks).
 */
import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { readRegular } from '../../../base/open-file.js';
import { LanestoreError } from '../../../errors.js';
import type { StorePaths } from '../format/paths.js';
import { FileReader } from '../preflight/file.js';
import { readManifest, type Version } from '../preflight/manifest.js';
import { logName, logNumbers, manifestNameIn, tableNames } from '../preflight/names.js';

/** Tries before the copy fails. Each try keeps the links of earlier ones. */
const TRIES_MAX = 60;
/** Tries without a pause; a pause precedes each further one. */
const TRIES_AT_ONCE = 8;
const PAUSE_MS = 10;

/** The result of a copy. */
export interface StoreCopy {
  /** The witness's bytes, read before all other files; undefined if there is none. */
  readonly witness: Uint8Array | undefined;
  /** Number of tries. */
  readonly tries: number;
}

/** Options of a copy. */
export interface CopyOptions {
  /** True (default): hard-link files that never change, where possible. False: copy every byte. */
  readonly links?: boolean | undefined;
}

/**
 * A live file that does not exist, or a MANIFEST that cannot be read. If the next try reads the
 * same MANIFEST, the file is missing for good.
 */
class Gone {
  readonly name: string;
  readonly manifest: Uint8Array;

  constructor(name: string, manifest: Uint8Array) {
    this.name = name;
    this.manifest = manifest;
  }
}

/**
 * Copies the store in `from` to `to`, whose directory exists and is empty. A file that is missing
 * for good is missing in the copy too; preflight reports it.
 * @throws LANESTORE_IO if the store changes faster than it can be copied; errors of the file system
 * as they are.
 */
export async function copyStore(from: StorePaths, to: StorePaths, options: CopyOptions = {}): Promise<StoreCopy> {
  await mkdir(to.level, { mode: 0o700 });
  // On Windows a link to a table cannot be removed while the node has that table open.
  const links = options.links !== false && process.platform !== 'win32';
  const missing = new Set<string>();
  let last: Gone | undefined;
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    if (tries > TRIES_AT_ONCE) await setTimeout(PAUSE_MS);
    const witness = await readIfThere(from.witness);
    const gone = await copyLevel(from.level, to.level, missing, links);
    if (gone === undefined) return { witness, tries };
    if (last?.name === gone.name && Buffer.compare(last.manifest, gone.manifest) === 0) missing.add(gone.name);
    last = gone;
  }
  const reason = `${from.location} changes faster than it can be copied (${TRIES_MAX} tries)`;
  throw new LanestoreError('LANESTORE_IO', `${reason}; hard links help: make the copy on its file system`);
}

/**
 * One try. Files in `missing` are absent or damaged for good, so they are not copied. Returns the
 * first file that is gone.
 */
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
    ({ number }) => tableNames(number).find((name) => present.includes(name)) ?? tableNames(number)[0],
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

/** The bytes of a MANIFEST, and its version; undefined if the file does not exist. */
async function readManifestFile(path: string, name: string): Promise<{ bytes: Buffer; version?: Version } | undefined> {
  return new FileReader().with(path, async (file) => {
    const [bytes, { version }] = [await file.read(0, file.size), await readManifest(file, name)];
    return version === undefined ? { bytes } : { bytes, version };
  });
}

/**
 * Removes the files of an earlier try: all except `wanted`, or, while the wanted files are unknown,
 * all except the tables.
 */
async function forgetOthers(to: string, wanted?: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(to)) {
    if (wanted === undefined ? !/\.(ldb|sst)$/.test(name) : !wanted.has(name)) await rm(join(to, name));
  }
}

/**
 * The live logs, the newest first. The MANIFEST names the oldest one, which exists before the edit
 * that names it.
 */
function liveLogs({ logNumber, prevLogNumber }: Version, present: readonly string[]): string[] {
  const numbers = new Set([logNumber, ...logNumbers(present).filter((number) => number > logNumber)]);
  if (prevLogNumber > 0) numbers.add(prevLogNumber);
  return [...numbers].sort((a, b) => b - a).map(logName);
}

/**
 * Links a table, or copies it if it cannot be linked or a link would not be safe. False if the
 * table is gone.
 */
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

/**
 * False for a damaged MANIFEST whose next file number is not above all live tables: LevelDB could
 * overwrite a linked table.
 */
function isSafeToLink({ tables, nextFile }: Version): boolean {
  return tables.every(({ number }) => number < nextFile);
}

/**
 * Error codes for a table that cannot be linked: another file system, one without hard links, a
 * read-only directory, a file of another user, or too many links already.
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
