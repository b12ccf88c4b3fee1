/** The command line as a real process: the built one, what a user runs. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './fixtures.js';

/** What `lanestore` runs. */
export const MAIN = join(packageRoot, 'dist', 'cli', 'main.js');

/** Runs a verb to its end. */
export function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return runIn(process.cwd(), ...args);
}

/** Runs a verb in a directory, with options of Node.js where they begin with `--import=`. */
export function runIn(cwd: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const node = args.filter((arg) => arg.startsWith('--import='));
  const rest = args.filter((arg) => !node.includes(arg));
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, MAIN, ...rest], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
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
export async function runUnread(args: readonly string[], node: readonly string[] = []): Promise<Ending> {
  const child = spawn(process.execPath, [...node, MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { status, signal, stderr };
}

/** Runs a verb with a device that is always full as standard output, or as standard error, or both. */
export function runFull(full: 'stdout' | 'stderr' | 'both', ...args: string[]): Ending & { readonly stdout: string } {
  const device = openSync('/dev/full', 'w');
  try {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', full === 'stderr' ? 'pipe' : device, full === 'stdout' ? 'pipe' : device],
    });
    return { status, signal, stdout: stdout ?? '', stderr: stderr ?? '' };
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
