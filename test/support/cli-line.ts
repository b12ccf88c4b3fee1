/**
 * Runs a command line in this process: the program is evaluated again for each, its modules are
 * not.
 */
import { pathToFileURL } from 'node:url';
import { MAIN, type Result } from './cli.js';

const LISTENED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'uncaughtException'] as const;

let count = 0;

/** The outcome of a command line. One at a time: it takes the output of the process. */
export async function runLine(args: readonly string[]): Promise<Result> {
  const result = { status: null as number | null, stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (data: string | Uint8Array, ...rest: unknown[]) => {
      result[name] += typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
      for (const done of rest) if (typeof done === 'function') done();
      return true;
    };
  }
  process.argv = [process.execPath, MAIN, ...args];
  process.exitCode = undefined;
  await import(`${pathToFileURL(MAIN).href}?line=${count++}`);
  result.status = Number(process.exitCode);
  process.exitCode = undefined;
  for (const event of LISTENED) process.removeAllListeners(event);
  return result;
}
