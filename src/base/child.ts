/**
 * Runs a child process to its end. A failure of the child is a result or a rejected promise, and
 * never ends this process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { addLeftover } from './leftovers.js';

/** How a process ended. */
export interface ChildEnd {
  /** The exit code; undefined if a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** Standard output, its last {@link ChildOptions.outputCharsMax} characters. */
  readonly stdout: string;
  /** Standard error, bounded in the same way. */
  readonly stderr: string;
}

/** Bounds of {@link runChild}. */
export interface ChildOptions {
  /** Time after which the process is killed with SIGKILL, in milliseconds. */
  readonly msMax: number;
  /** Characters that are kept of each output. */
  readonly outputCharsMax: number;
}

/**
 * Runs `command` without standard input. Resolves once it has ended and its output was read.
 * @throws the system's error if it cannot be started: no descriptors (EMFILE), no memory (ENOMEM),
 * no such file (ENOENT), ...
 */
export async function runChild(
  command: string,
  args: readonly string[],
  { msMax, outputCharsMax }: ChildOptions,
): Promise<ChildEnd> {
  // Some system errors are thrown here, others are emitted below.
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // Not spawn's own `timeout`: its timer keeps this process alive even if no child was started.
  const timer = setTimeout(() => child.kill('SIGKILL'), msMax);
  // Registered, so that a program that exits early kills the child.
  const forget = addLeftover(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    // Undefined, despite its type, if there was no descriptor for the pipe.
    const stream = child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(-outputCharsMax);
    });
    // An error event without a listener would end this process. Missing output is noticed by the
    // caller.
    stream?.on('error', () => undefined);
  }
  const ended = new Promise<ChildEnd>((resolve, reject) => {
    child.on('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined, ...output }));
  });
  return ended.finally(() => {
    clearTimeout(timer);
    forget();
  });
}
