/**
 * Runs command lines in sequence in this process: the program is evaluated again for each, its
 * modules are not.
 */
import { pathToFileURL } from 'node:url';
import { type CommandLines, MAIN, type Result } from './cli.js';

const LISTENED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'uncaughtException'] as const;

const lines: CommandLines = JSON.parse(process.argv[2] ?? '[]');
const print = process.stdout.write.bind(process.stdout);
const results: Result[] = [];
for (const [number, args] of lines.entries()) {
  const result = { status: null as number | null, stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (data: string | Uint8Array, ...rest: unknown[]) => {
      result[name] += typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
      for (const done of rest) if (typeof done === 'function') done();
      return true;
    };
  }
  process.argv = [process.execPath, MAIN, ...args];
  await import(`${pathToFileURL(MAIN).href}?line=${number}`);
  result.status = Number(process.exitCode);
  results.push(result);
  for (const event of LISTENED) process.removeAllListeners(event);
}
print(JSON.stringify(results));
process.exitCode = 0;
