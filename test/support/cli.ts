/** The command line as a real process: the built one, what a user runs. */
import { type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Semaphore } from '../../src/base/mutex.js';
import { packageRoot } from './fixtures.js';

/** What `lanestore` runs. */
export const MAIN = join(packageRoot, 'dist', 'cli', 'main.js');

/** How a command ended, and what it printed. */
export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Arguments of some commands. */
export type CommandLines = readonly (readonly string[])[];

/** Runs a verb to its end. */
export function run(...args: string[]): Result {
  return runIn(process.cwd(), ...args);
}

/** Runs a verb in a directory, with options of Node.js where they begin with `--import=`. */
export function runIn(cwd: string, ...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(process.execPath, withMain(args), {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

/** Options of Node.js, which begin with `--import=`, then the program, then the rest. */
function withMain(args: readonly string[]): string[] {
  const node = args.filter((arg) => arg.startsWith('--import='));
  return [...node, MAIN, ...args.filter((arg) => !node.includes(arg))];
}

/** Processes that run at a time: one more than there are cores, for each also waits for the disk. */
const processes = new Semaphore(availableParallelism() + 1);

/** What {@link runIn} does, while other commands run. */
export async function begin(cwd: string, ...args: string[]): Promise<Result> {
  const { status, stdout, stderr } = await ended(withMain(args), ['ignore', 'pipe', 'pipe'], cwd);
  return { status, stdout, stderr };
}

/**
 * What each of the command lines does, all in one process, one after the other: for what a command says of its
 * arguments, which needs no process of its own.
 */
export async function runLines(cwd: string, lines: CommandLines): Promise<Result[]> {
  const worker = fileURLToPath(new URL('cli-lines-worker.js', import.meta.url));
  const { status, stdout, stderr } = await ended([worker, JSON.stringify(lines)], ['ignore', 'pipe', 'pipe'], cwd);
  if (status !== 0) throw new Error(`the commands ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

function ended(args: readonly string[], stdio: StdioOptions, cwd?: string): Promise<Ending & { stdout: string }> {
  return processes.run(async () => {
    const child = spawn(process.execPath, args, { cwd, stdio });
    const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    const read = [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream)));
    const [stdout = '', stderr = ''] = await Promise.all(read);
    const [status, signal] = await closed;
    return { status, signal, stdout, stderr };
  });
}

/** How a command ended whose output was not, or not all, read. */
export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/**
 * Runs a verb whose standard output is a pipe that nobody reads from: it is closed before the first write. `node` are
 * options of Node.js.
 */
export function runUnread(args: readonly string[], node: readonly string[] = []): Promise<Ending> {
  return processes.run(async () => {
    const child = spawn(process.execPath, [...node, MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    const stderr = await text(child.stderr);
    const [status, signal] = await closed;
    return { status, signal, stderr };
  });
}

/** Runs a verb with a device that is always full as standard output, or as standard error, or both. */
export async function runFull(
  full: 'stdout' | 'stderr' | 'both',
  ...args: string[]
): Promise<Ending & { readonly stdout: string }> {
  const device = openSync('/dev/full', 'w');
  try {
    const stdio = ['ignore', full === 'stderr' ? 'pipe' : device, full === 'stdout' ? 'pipe' : device] as const;
    return await ended([MAIN, ...args], [...stdio]);
  } finally {
    closeSync(device);
  }
}

/** Runs a verb that prints bytes. */
export function runBytes(...args: string[]): { status: number | null; stdout: Uint8Array; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { maxBuffer: 2 ** 26 });
  return { status, stdout: new Uint8Array(stdout), stderr: stderr.toString('utf8') };
}

/** The objects of an output with one JSON object a line. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** The names of an object, sorted: its shape. */
export function shapeOf(object: object): string[] {
  return Object.keys(object).sort();
}
