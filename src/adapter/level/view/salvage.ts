/**
 * Reading a LevelDB whose files are not sound without being taken down by it: another process reads it, and copies what it can into a new
 * LevelDB, entry by entry, from both ends. What lies between two damages is not read. Every record has a checksum of its own, bound to its
 * key, so what was salvaged wrongly is recognised like on a sound store.
 *
 * That process can also fail for reasons of its own: it is killed, cannot be started, does not find its file. That says nothing about the
 * store, so it is LANESTORE_IO. Damage is only what LevelDB reports, and what aborts the process once it has begun to read.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ChildEnd, runChild } from '../../../base/child.js';
import { messageOf } from '../../../base/permission-model.js';
import { type Finding, LanestoreError } from '../../../errors.js';
import type { Salvage } from '../copy/copied-database.js';
import { isDamage } from '../database.js';
import { LEVEL_DIR } from '../format/paths.js';

/** Why there is another process. */
const WHY = 'another process reads what may be damaged, because LevelDB may abort it';
/** A process that has not ended by then hangs, and is killed. */
const CHILD_MS_MAX = 3_600_000;
/** Characters of either output of the process that are kept: its own lines are short. */
const OUTPUT_CHARS_MAX = 65_536;
/** Characters of standard error that messages quote. */
const STDERR_CHARS = 300;

/** Signals with which a process ends when LevelDB meets a structure that it does not expect. */
const ABORTS: readonly (NodeJS.Signals | undefined)[] = ['SIGABRT', 'SIGSEGV', 'SIGBUS'];
/** JavaScript ends with SIGABRT too when it has no memory left: that is no damage. */
const OUT_OF_MEMORY = /FATAL ERROR: .*(?:out of memory|heap limit)/;

/** Begins every line of the process that is meant for this one: what NODE_OPTIONS load may print as well. */
export const LINE_MARK = 'lanestore-reader ';

/** What the process says, a line at a time. */
export type ReaderLine =
  /** From here on it is LevelDB that may end it. */
  | { readonly begun: true }
  /** LevelDB opened, and what it is copied into is there. */
  | { readonly opened: true }
  /** The last line: it has read all that can be read. */
  | { readonly entries: number; readonly error?: ReaderError };

/** Why the process did not read, or copy, all entries. */
export interface ReaderError {
  readonly code?: string | undefined;
  readonly message: string;
  /** The copy could not be written: what is read is not to blame. */
  readonly isWriting: boolean;
}

/**
 * Reads every entry of the LevelDB in `level` in another process. Gives what is wrong if it is aborted by that, or finds damage.
 * @throws LANESTORE_IO if that process failed for another reason: nothing is known then.
 */
export async function probe(level: string): Promise<readonly Finding[]> {
  const { end, error } = await run('probe', level);
  if (error !== undefined && !isDamage(error.code, error.message)) throw failed(error.message, error);
  return findingsOf(end, error);
}

/**
 * Copies the entries that can be read from `level` to `into`, which is made.
 * @throws LANESTORE_IO if they cannot be copied for a reason that is not theirs.
 */
export async function salvage(level: string, into: string): Promise<Salvage> {
  const forward = await run('forward', level, into);
  const findings = [...findingsOf(forward.end, forward.error)];
  if (!forward.opened || findings.length === 0) return { opened: forward.opened, findings };
  const reverse = await run('reverse', level, into);
  findings.push(...findingsOf(reverse.end, reverse.error));
  // The same damage, met from either side.
  const details = new Set<string>();
  return { opened: true, findings: findings.filter(({ detail }) => !details.has(detail) && details.add(detail)) };
}

/** How a process ended that read LevelDB, or was aborted by it. */
interface Outcome {
  readonly opened: boolean;
  /** What ended it if it did not get to its last line: LevelDB, and nothing else. */
  readonly end: ChildEnd | undefined;
  readonly error: ReaderError | undefined;
}

/** @throws LANESTORE_IO for a process that ended otherwise, and for a copy that could not be written. */
async function run(mode: string, level: string, ...into: readonly string[]): Promise<Outcome> {
  const file = shippedFile('reader-child.js', import.meta.url, WHY);
  let end: ChildEnd;
  try {
    const bounds = { msMax: CHILD_MS_MAX, outputCharsMax: OUTPUT_CHARS_MAX };
    end = await runChild(process.execPath, [file, mode, level, ...into], bounds);
  } catch (cause) {
    throw failed(`it cannot be started: ${messageOf(cause)}`, cause);
  }
  const said = Object.assign({}, ...linesOf(end)) as {
    begun?: true;
    opened?: true;
    entries?: number;
    error?: ReaderError;
  };
  const opened = said.opened === true;
  if (said.entries !== undefined) {
    const { error } = said;
    if (error?.isWriting === true) throw failed(error.message, error);
    return { opened, end: undefined, error };
  }
  const isAborted = said.begun === true && ABORTS.includes(end.signal) && !OUT_OF_MEMORY.test(end.stderr);
  if (isAborted) return { opened, end, error: undefined };
  throw failed(`it ended with ${endOf(end)}`, new Error(`${endOf(end)}: ${end.stderr.trim()}`));
}

function linesOf({ stdout }: ChildEnd): ReaderLine[] {
  const lines = stdout.split('\n').slice(0, -1);
  const own = lines.filter((line) => line.startsWith(LINE_MARK));
  return own.map((line) => JSON.parse(line.slice(LINE_MARK.length)) as ReaderLine);
}

function findingsOf(end: ChildEnd | undefined, error: ReaderError | undefined): readonly Finding[] {
  if (end !== undefined) {
    const said = end.stderr.trim().slice(0, STDERR_CHARS);
    const detail = `a process that read it was ended by LevelDB (${endOf(end)}): ${said}`;
    return [{ kind: 'leveldb-abort', file: LEVEL_DIR, detail }];
  }
  return error === undefined ? [] : [{ kind: 'leveldb', file: LEVEL_DIR, detail: error.message }];
}

function endOf({ code, signal }: ChildEnd): string {
  return signal ?? `exit code ${code}`;
}

function failed(why: string, cause: unknown): LanestoreError {
  return new LanestoreError(
    'LANESTORE_IO',
    `the process that reads the database for this one failed: ${why.slice(0, STDERR_CHARS)}; this says nothing about the store`,
    { cause },
  );
}

/**
 * The path of the file `name`, which a bundle does not contain and which stands beside a module; `module` is the module's
 * `import.meta.url`, which is undefined in a bundle of CommonJS: then it is beside the bundle.
 * @throws LANESTORE_IO if it is not there; `what` says why it is needed.
 */
function shippedFile(name: string, module: string | undefined, what: string): string {
  const directory = module === undefined ? __dirname : dirname(fileURLToPath(module));
  const path = join(directory, name);
  if (existsSync(path)) return path;
  throw new LanestoreError('LANESTORE_IO', `${path} is missing, which lanestore runs: ${what}`, {
    remedy: 'keep lanestore out of the bundle, or put this file beside it (docs/embedding.md)',
  });
}
