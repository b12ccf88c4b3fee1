/** Runs another process to its end. Whatever becomes of it, this process only gets a result or a rejected promise. */
import { type ChildProcess, spawn } from 'node:child_process';
import { addLeftover } from './leftovers.js';

/** How a process ended. */
export interface ChildEnd {
  /** Absent if a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** Standard output, its last {@link ChildOptions.outputCharsMax} characters. */
  readonly stdout: string;
  /** Standard error, likewise. */
  readonly stderr: string;
}

/** Bounds of {@link runChild}. */
export interface ChildOptions {
  /** After so many milliseconds it is killed (SIGKILL). */
  readonly msMax: number;
  /** Characters of either output that are kept. */
  readonly outputCharsMax: number;
}

/**
 * Runs `command` without standard input, and resolves when it has ended and its output was read.
 * @throws the system's error if it cannot be started: no descriptors (EMFILE), no memory (ENOMEM), no such file (ENOENT), ...
 */
export async function runChild(
  command: string,
  args: readonly string[],
  { msMax, outputCharsMax }: ChildOptions,
): Promise<ChildEnd> {
  // Some errors of the system are thrown here, others are emitted below.
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // Not spawn's own `timeout`: its timer goes on, and keeps this process alive, when there is no process.
  const timer = setTimeout(() => child.kill('SIGKILL'), msMax);
  // A program that is told to end takes it along.
  const forget = addLeftover(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    // Undefined, in spite of their type, if no descriptors were left to make them.
    const stream = child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(-outputCharsMax);
    });
    // Unheard, it would end this process. What is missing shows in the output.
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
