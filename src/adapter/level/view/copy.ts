/**
 * A consistent copy of a store that a node may be writing to (design.md 5.8). It takes no lock, and of the location it only reads.
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
 * LOCK is never opened: in the process of the node, closing it would free the node's lock (leveldb-hazards.md section 8).
 */
import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Finding, type FindingKind, LanestoreError } from '../../../errors.js';
import { LEVEL_DIR, type StorePaths } from '../paths.js';
import { WITNESS_FILE } from '../witness.js';
import { type LiveFiles, readLiveFiles } from './live-files.js';

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
  /** What keeps LevelDB from finding all of its files; the copy has the rest. */
  readonly findings: readonly Finding[];
}

/** How a copy is made. */
export interface CopyOptions {
  /** Hard links of what never changes, where they are possible (default), or a copy of every byte. */
  readonly links?: boolean | undefined;
}

/** A live file that is not there. If the next MANIFEST read is the same, it is not a race. */
class Gone {
  readonly name: string;
  readonly manifest: Uint8Array;

  constructor(name: string, manifest: Uint8Array) {
    this.name = name;
    this.manifest = manifest;
  }
}

/**
 * Copies the store in `from` to `to`, whose directory exists and is empty.
 * @throws LANESTORE_IO if the store changes faster than it can be copied; errors of the file system as they are.
 */
export async function copyStore(from: StorePaths, to: StorePaths, options: CopyOptions = {}): Promise<StoreCopy> {
  await mkdir(to.level, { mode: 0o700 });
  const findings: Finding[] = [];
  const missing = new Set<string>();
  let last: Gone | undefined;
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    if (tries > TRIES_AT_ONCE) await setTimeout(PAUSE_MS);
    const witness = await readIfThere(from.witness);
    const gone = await copyLevel(from.level, to.level, { missing, findings, links: options.links ?? true });
    if (gone === undefined) {
      if (witness !== undefined) await writeFile(join(to.location, WITNESS_FILE), witness, { mode: 0o600 });
      return { witness, tries, findings };
    }
    if (last?.name === gone.name && Buffer.compare(last.manifest, gone.manifest) === 0) missing.add(gone.name);
    last = gone;
    findings.length = 0;
  }
  throw new LanestoreError(
    'LANESTORE_IO',
    `${from.location} changes faster than it can be copied (${TRIES_MAX} tries); hard links help: make the copy on its file system`,
  );
}

interface Try {
  /** Files that are known to be absent for good, and become findings. */
  readonly missing: ReadonlySet<string>;
  readonly findings: Finding[];
  readonly links: boolean;
}

/** One try. */
async function copyLevel(from: string, to: string, { missing, findings, links }: Try): Promise<Gone | undefined> {
  const find = (kind: FindingKind, file: string, detail: string) =>
    findings.push({ kind, file: `${LEVEL_DIR}/${file}`, detail });
  const current = await readFile(join(from, 'CURRENT'));
  const name = /^(MANIFEST-\d+)\n$/.exec(current.toString('latin1'))?.[1];
  if (name === undefined) {
    find('current-damaged', 'CURRENT', 'it does not name a MANIFEST');
    return undefined;
  }
  const manifest = await readIfThere(join(from, name));
  if (manifest === undefined) {
    if (!missing.has(name)) return new Gone(name, current);
    find('manifest-missing', name, 'CURRENT names it, but it is not there');
    return undefined;
  }
  const live = readLiveFiles(manifest);
  const present = new Set(await readdir(from));
  await forgetOthers(to, live);
  for (const table of tableNames(live, present)) {
    if (await copyTable(from, to, table, links && isSafeToLink(live))) continue;
    if (!missing.has(table)) return new Gone(table, manifest);
    find('table-missing', table, 'the MANIFEST names it, but it is not there');
  }
  for (const log of logNames(live, present)) {
    if (await copied(join(from, log), join(to, log))) continue;
    if (!missing.has(log)) return new Gone(log, manifest);
    find('log-missing', log, 'the MANIFEST names it, but it is not there');
  }
  await writeFile(join(to, name), manifest);
  await writeFile(join(to, 'CURRENT'), current);
  return undefined;
}

/** Removes what an earlier try left and this one does not need. */
async function forgetOthers(to: string, live: LiveFiles): Promise<void> {
  for (const name of await readdir(to)) {
    const number = numberOf(name);
    if (number === undefined || !isTable(name) || !live.tables.has(number)) await rm(join(to, name), { force: true });
  }
}

/** LevelDB calls a table .ldb, and accepts the older .sst. */
function tableNames(live: LiveFiles, present: ReadonlySet<string>): string[] {
  return [...live.tables.keys()].map((number) => {
    const old = fileName(number, 'sst');
    return present.has(old) ? old : fileName(number, 'ldb');
  });
}

/** The live logs, the newest first. The oldest is always one that the MANIFEST names: it exists from before the edit on that names it. */
function logNames(live: LiveFiles, present: ReadonlySet<string>): string[] {
  const numbers = new Set([live.logNumber]);
  if (live.previousLog > 0) numbers.add(live.previousLog);
  for (const name of present) {
    const number = numberOf(name);
    if (number !== undefined && name.endsWith('.log') && number > live.logNumber) numbers.add(number);
  }
  return [...numbers].sort((a, b) => b - a).map((number) => fileName(number, 'log'));
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
function isSafeToLink({ tables, nextFile }: LiveFiles): boolean {
  for (const number of tables.keys()) if (number >= nextFile) return false;
  return true;
}

/** Another file system, one without hard links, somebody else's file, or too many links already. */
const UNLINKABLE = new Set(['EXDEV', 'EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

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
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function fileName(number: number, extension: string): string {
  return `${String(number).padStart(6, '0')}.${extension}`;
}

function numberOf(name: string): number | undefined {
  const digits = /^(\d+)\.\w+$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function isTable(name: string): boolean {
  return name.endsWith('.ldb') || name.endsWith('.sst');
}
