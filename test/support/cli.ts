/** The command line as a real process: the built one, what a user runs. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from './fixtures.js';

/** What `lanestore` runs. */
export const MAIN = join(packageRoot, 'dist', 'cli', 'main.js');

/** Runs a verb to its end. */
export function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
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
