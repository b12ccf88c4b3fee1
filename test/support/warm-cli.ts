/**
 * Command lines in processes that are used again, because starting Node.js and loading the program
 * takes a hundred times as long as most commands.
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from './cli.js';

export interface Request {
  readonly cwd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

const WORKER = fileURLToPath(new URL('warm-cli-worker.js', import.meta.url));

const endedBy = (args: readonly string[]) => new Error(`${args.join(' ')} ended its process`);

let pipes: { readonly requests: number; readonly answers: number } | undefined;

/**
 * Runs a command line, and waits for it as `spawnSync` would: both sides use named pipes.
 * @throws Error if the command ends the process.
 */
export function runWarm(cwd: string, args: readonly string[]): Result {
  pipes ??= openPipes();
  const { requests, answers } = pipes;
  const request: Request = { cwd, args, env: process.env };
  const line = Buffer.from(`${JSON.stringify(request)}\n`);
  for (let done = 0; done < line.length; ) done += writeSync(requests, line, done);
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(2 ** 16);
    const count = readSync(answers, chunk);
    if (count === 0) {
      pipes = undefined;
      throw endedBy(args);
    }
    chunks.push(chunk.subarray(0, count));
    if (chunk[count - 1] === 0x0a) return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  }
}

function openPipes(): NonNullable<typeof pipes> {
  const dir = mkdtempSync(join(tmpdir(), 'lanestore-cli-'));
  const [requests, answers] = [join(dir, 'requests'), join(dir, 'answers')];
  execFileSync('mkfifo', [requests, answers]);
  // It ends with its input, when this process ends.
  spawn(process.execPath, [WORKER, requests, answers], { stdio: ['ignore', 'ignore', 'inherit'] }).unref();
  const opened = { requests: openSync(requests, 'w'), answers: openSync(answers, 'r') };
  rmSync(dir, { recursive: true });
  return opened;
}

const idle: ChildProcess[] = [];

/** Runs a command line while others run. @throws Error if the command ends the process. */
export async function beginWarm(cwd: string, args: readonly string[]): Promise<Result> {
  const used = idle.pop();
  const isAlive = used?.connected === true;
  const helper = isAlive ? used : fork(WORKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  for (const end of [helper, helper.channel]) end?.ref();
  const request: Request = { cwd, args, env: process.env };
  const result = await new Promise<Result>((resolve, reject) => {
    const fail = () => reject(endedBy(args));
    helper.once('exit', fail);
    helper.once('message', (message) => {
      helper.off('exit', fail);
      resolve(message as Result);
    });
    helper.send(request);
  });
  // Idle helpers do not keep this process alive, and end with it.
  for (const end of [helper, helper.channel]) end?.unref();
  idle.push(helper);
  return result;
}
