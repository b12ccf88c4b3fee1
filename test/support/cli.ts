/**
 * The command line in real processes. Calls that do not depend on a fresh process share some:
 * starting one takes a hundred times as long as most commands.
 */
import { type SpawnOptions, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Semaphore } from '../../src/base/mutex.js';
import { packageRoot } from './fixtures.js';
import { beginWarm, runWarm } from './warm-cli.js';

/** The program of `lanestore`, compiled with the tests. Joined, it starts in half the time. */
export const MAIN = join(packageRoot, '.build', 'src', 'cli', 'main.js');
/** The same as it is shipped. */
export const SHIPPED_MAIN = join(packageRoot, 'dist', 'cli', 'main.js');

/** The exit code and the output of a command. */
export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Arguments of some commands. */
export type CommandLines = readonly (readonly string[])[];

/** Options of a child process without root's permissions; empty if the tests do not run as root. */
export const UNPRIVILEGED = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** False if a process with {@link UNPRIVILEGED} cannot read this checkout. */
export function canRunUnprivileged(): boolean {
  return spawnSync(process.execPath, [MAIN, 'version'], { cwd: '/', ...UNPRIVILEGED }).status === 0;
}

/**
 * Runs a verb to its end, in a process that has run others of the same test file if it may; see
 * {@link isWarm}.
 */
export function run(...args: string[]): Result {
  return runIn(process.cwd(), ...args);
}

/**
 * Runs a verb in a directory, as {@link run} does. Leading `--import=` arguments are options of
 * Node.js.
 */
export function runIn(cwd: string, ...args: string[]): Result {
  return isWarm(args) ? runWarm(cwd, args) : runFresh(cwd, ...args);
}

/** Runs a verb in a process of its own. */
function runFresh(cwd: string, ...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(process.execPath, withMain(args), {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

/** Options of Node.js, then the program, then the other arguments. */
function withMain(args: readonly string[]): string[] {
  const node = args.filter(isNodeOption);
  return [...node, MAIN, ...args.filter((arg) => !node.includes(arg))];
}

/**
 * False for options of Node.js, and for verbs that redirect the output of their process or write to
 * its descriptor.
 */
function isWarm(args: readonly string[]): boolean {
  return !args.some(isNodeOption) && args[0] !== 'demo' && !args.includes('-') && !args.includes('--acks');
}

function isNodeOption(arg: string): boolean {
  return arg.startsWith('--import=');
}

/** Number of concurrent processes: one more than cores, because each also waits for the disk. */
const processes = new Semaphore(availableParallelism() + 1);

/** Like {@link runIn}, while other commands run. */
export async function begin(cwd: string, ...args: string[]): Promise<Result> {
  if (isWarm(args)) return processes.run(() => beginWarm(cwd, args));
  const { status, stdout, stderr } = await ended(withMain(args), ['ignore', 'pipe', 'pipe'], { cwd });
  return { status, stdout, stderr };
}

/** The outcome of each command line, in sequence; those of `user`, if given, in one process. */
export async function runLines(cwd: string, lines: CommandLines, user: SpawnOptions = {}): Promise<Result[]> {
  const results: Result[] = [];
  if (Object.keys(user).length === 0) {
    for (const args of lines) results.push(await begin(cwd, ...args));
    return results;
  }
  const worker = fileURLToPath(new URL('cli-lines-worker.js', import.meta.url));
  const args = [worker, JSON.stringify(lines)];
  const { status, stdout, stderr } = await ended(args, ['ignore', 'pipe', 'pipe'], { ...user, cwd });
  if (status !== 0) throw new Error(`the commands ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

function ended(
  args: readonly string[],
  stdio: StdioOptions,
  options: SpawnOptions = {},
): Promise<Ending & { stdout: string }> {
  return processes.run(async () => {
    const child = spawn(process.execPath, args, { ...options, stdio });
    const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    const read = [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream)));
    const [stdout = '', stderr = ''] = await Promise.all(read);
    const [status, signal] = await closed;
    return { status, signal, stdout, stderr };
  });
}

/** The outcome of a command whose output was not, or not all, read. */
export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/**
 * Runs a verb whose standard output is a pipe without a reader: it is closed before the first
 * write. `node` are options of Node.js.
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

/** Runs a verb with a full device as standard output, standard error, or both. */
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

/** The objects of an output with one JSON object per line. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** The sorted keys of an object: its shape. */
export function shapeOf(object: object): string[] {
  return Object.keys(object).sort();
}
