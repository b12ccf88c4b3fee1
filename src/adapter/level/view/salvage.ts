/**
 * Reads a damaged LevelDB in another process, so that an abort does not end this one. That process
 * copies the readable entries into a new LevelDB, from both ends. Entries between two damaged
 * places are not read. Every record has its own checksum over key and body, which detects a record
 * that was read wrongly.
 *
 * The process can also fail for other reasons: it is killed, cannot be started, or does not find
 * its file. Such a failure is not evidence of damage, so it is LANESTORE_IO. Only an error that
 * LevelDB reports as damage, and an abort after reading began, are damage.
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

/** Why a second process is necessary; for messages. */
const WHY = 'another process reads a database that may be damaged, because LevelDB may abort the process';
/** A process that runs longer is considered hung, and is killed. */
const CHILD_MS_MAX = 3_600_000;
/** Characters that are kept of each output stream of the process; its own lines are short. */
const OUTPUT_CHARS_MAX = 65_536;
/** Characters of standard error that a message quotes. */
const STDERR_CHARS = 300;

/** Signals that end a process when LevelDB reads an unexpected structure. */
const ABORTS: readonly (NodeJS.Signals | undefined)[] = ['SIGABRT', 'SIGSEGV', 'SIGBUS'];
/** V8 ends with SIGABRT too when it is out of memory: that is not damage. */
const OUT_OF_MEMORY = /FATAL ERROR: .*(?:out of memory|heap limit)/;

/**
 * Prefix of every protocol line of the process: a module that NODE_OPTIONS loads may print other
 * lines.
 */
export const LINE_MARK = 'lanestore-reader ';

/** A line that the process prints. */
export type ReaderLine =
  /** LevelDB is about to open the database. Only an abort after this line counts as damage. */
  | { readonly begun: true }
  /** LevelDB and the target of the copy are open. */
  | { readonly opened: true }
  /** The last line: all readable entries were read. */
  | { readonly entries: number; readonly error?: ReaderError };

/** Why the process did not read or copy all entries. */
export interface ReaderError {
  readonly code?: string | undefined;
  readonly message: string;
  /** True if the copy could not be written, which is not the fault of the source. */
  readonly isWriting: boolean;
}

/**
 * Reads every entry of the LevelDB in `level` in another process. Returns a finding if that process
 * is aborted or reports damage.
 * @throws LANESTORE_IO if the process failed for another reason; the state of the database is
 * unknown then.
 */
export async function probe(level: string): Promise<readonly Finding[]> {
  const { end, error } = await run('probe', level);
  if (error !== undefined && !isDamage(error.code, error.message)) throw failed(error.message, error);
  return findingsOf(end, error);
}

/**
 * Copies the readable entries of `level` to `into`, which it creates.
 * @throws LANESTORE_IO if they cannot be copied for a reason other than damage.
 */
export async function salvage(level: string, into: string): Promise<Salvage> {
  const forward = await run('forward', level, into);
  const findings = [...findingsOf(forward.end, forward.error)];
  if (!forward.opened || findings.length === 0) return { opened: forward.opened, findings };
  const reverse = await run('reverse', level, into);
  findings.push(...findingsOf(reverse.end, reverse.error));
  // Both directions may report the same damage.
  const details = new Set<string>();
  return { opened: true, findings: findings.filter(({ detail }) => !details.has(detail) && details.add(detail)) };
}

/** The result of a process that read LevelDB, or was aborted by LevelDB. */
interface Outcome {
  readonly opened: boolean;
  /** How LevelDB ended the process, if the last line is missing. */
  readonly end: ChildEnd | undefined;
  readonly error: ReaderError | undefined;
}

/**
 * Runs the process.
 * @throws LANESTORE_IO if the process ended for another reason, or the copy could not be written.
 */
async function run(mode: string, level: string, ...into: readonly string[]): Promise<Outcome> {
  const file = shippedFile('reader-child.js', import.meta.url, WHY);
  let end: ChildEnd;
  try {
    const bounds = { msMax: CHILD_MS_MAX, outputCharsMax: OUTPUT_CHARS_MAX };
    end = await runChild(process.execPath, [file, mode, level, ...into], bounds);
  } catch (cause) {
    throw failed(`it cannot be started: ${messageOf(cause)}`, cause);
  }
  const result = Object.assign({}, ...linesOf(end)) as {
    begun?: true;
    opened?: true;
    entries?: number;
    error?: ReaderError;
  };
  const opened = result.opened === true;
  if (result.entries !== undefined) {
    const { error } = result;
    if (error?.isWriting === true) throw failed(error.message, error);
    return { opened, end: undefined, error };
  }
  const isAborted = result.begun === true && ABORTS.includes(end.signal) && !OUT_OF_MEMORY.test(end.stderr);
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
    const stderr = end.stderr.trim().slice(0, STDERR_CHARS);
    const detail = `LevelDB aborted the process that read it (${endOf(end)}): ${stderr}`;
    return [{ kind: 'leveldb-abort', file: LEVEL_DIR, detail }];
  }
  return error === undefined ? [] : [{ kind: 'leveldb', file: LEVEL_DIR, detail: error.message }];
}

function endOf({ code, signal }: ChildEnd): string {
  return signal ?? `exit code ${code}`;
}

function failed(why: string, cause: unknown): LanestoreError {
  const message = `the process that reads the database for this one failed: ${why.slice(0, STDERR_CHARS)}`;
  return new LanestoreError('LANESTORE_IO', `${message}; the state of the store is unknown`, { cause });
}

/**
 * The path of the shipped file `name`, which no bundle contains. It is next to the module whose
 * `import.meta.url` is `module`. In a CommonJS bundle, `module` is undefined, and the file must be
 * next to the bundle.
 * @throws LANESTORE_IO if the file does not exist; `what` says why it is needed.
 */
function shippedFile(name: string, module: string | undefined, what: string): string {
  const directory = module === undefined ? __dirname : dirname(fileURLToPath(module));
  const path = join(directory, name);
  if (existsSync(path)) return path;
  throw new LanestoreError('LANESTORE_IO', `${path} is missing; lanestore needs it: ${what}`, {
    remedy: 'keep lanestore out of the bundle, or put this file next to the bundle (docs/embedding.md)',
  });
}
