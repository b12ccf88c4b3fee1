/**
 * Reading a LevelDB whose files are not sound without being taken down by it: another process reads it, and copies what it can into a new
 * LevelDB, entry by entry, from both ends. What lies between two damages is not read. Every record has a checksum of its own, bound to its
 * key, so what was salvaged wrongly is recognised like on a sound store.
 */
import { spawn } from 'node:child_process';
import { addLeftover } from '../../../base/leftovers.js';
import { messageOf } from '../../../base/permission-model.js';
import { shippedFile } from '../../../base/shipped-file.js';
import { type Finding, LanestoreError } from '../../../errors.js';
import { LEVEL_DIR } from '../paths.js';

/** Why there is another process. */
const WHY = 'another process reads what may be damaged, because LevelDB may abort it';
/** A process that has not ended by then hangs on damage, and is killed. */
const CHILD_MS_MAX = 3_600_000;
/** Of what an aborted process wrote to standard error, this much is told. */
const STDERR_CHARS = 300;

/** What could be salvaged. */
export interface Salvage {
  /** False if LevelDB does not even open. */
  readonly opened: boolean;
  /** Why the rest cannot be read. */
  readonly findings: readonly Finding[];
}

/** Reads every entry of the LevelDB in `level` in another process. Gives what is wrong if it is aborted by that, or finds damage. */
export async function probe(level: string): Promise<readonly Finding[]> {
  return (await run('probe', level)).findings;
}

/** Copies the entries that can be read from `level` to `into`, which is made. */
export async function salvage(level: string, into: string): Promise<Salvage> {
  const forward = await run('forward', level, into);
  if (forward.opened === false || forward.findings.length === 0) return { ...forward, opened: forward.opened ?? false };
  const reverse = await run('reverse', level, into);
  const findings = [...forward.findings, ...reverse.findings];
  // The same damage, met from either side.
  const details = new Set<string>();
  const distinct = findings.filter(({ detail }) => !details.has(detail) && details.add(detail));
  return { opened: reverse.opened ?? true, findings: distinct };
}

/** What one process said. `opened` is absent if it was aborted. */
interface Outcome {
  readonly opened?: boolean;
  readonly findings: readonly Finding[];
}

/** @throws LANESTORE_IO if the process cannot be started. */
async function run(mode: string, level: string, ...into: readonly string[]): Promise<Outcome> {
  const file = shippedFile('reader-child.js', import.meta.url, WHY);
  const child = start([file, mode, level, ...into]);
  const forget = addLeftover(() => child.kill('SIGKILL'));
  child.once('exit', forget);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(0, STDERR_CHARS);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(outcomeOf(stdout, signal ?? `exit code ${code}`, stderr)));
  });
}

function start(args: readonly string[]) {
  try {
    return spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: CHILD_MS_MAX,
      killSignal: 'SIGKILL',
    });
  } catch (cause) {
    throw new LanestoreError('LANESTORE_IO', `${WHY}; it cannot be started: ${messageOf(cause)}`, { cause });
  }
}

function outcomeOf(stdout: string, end: string, stderr: string): Outcome {
  const [line] = stdout.split('\n');
  if (line === undefined || line === '') {
    const detail = `a process that read it was ended by LevelDB (${end}): ${stderr.trim()}`;
    return { findings: [{ kind: 'leveldb-abort', file: LEVEL_DIR, detail }] };
  }
  const { opened, error } = JSON.parse(line) as { opened: boolean; error?: string };
  return { opened, findings: error === undefined ? [] : [{ kind: 'leveldb', file: LEVEL_DIR, detail: error }] };
}
