/**
 * Transcripts in the pages of docs/: a page's commands, run in order in a directory like a clone,
 * and their output.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAIN } from '../support/cli.js';
import { packageRoot } from '../support/fixtures.js';

/** A command and its output: data, then notes. */
export interface Step {
  readonly command: string;
  readonly output: string;
}

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

/** The text of a page. */
export function readPage(name: string): string {
  return readFileSync(join(packageRoot, 'docs', name), 'utf8');
}

/** The fenced blocks of a page. */
export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }));
}

/** The commands of its `console` blocks, each on one line after `$ `. */
export function stepsOf(page: string): Step[] {
  const consoles = blocksOf(page).filter(({ language }) => language === 'console');
  return consoles.flatMap(({ text }) =>
    text
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const end = step.indexOf('\n');
        return { command: step.slice(0, end), output: step.slice(end + 1) };
      }),
  );
}

/**
 * Sets up `dir` like a clone: the fixtures, `lanestore` and `node` on the path, and the modules
 * that a script may import. Returns a function that runs one command there.
 */
export function cloneIn(dir: string): (command: string) => string {
  mkdirSync(join(dir, 'bin'));
  writeFileSync(join(dir, 'bin', 'lanestore'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(join(dir, 'bin', 'lanestore'), 0o755);
  symlinkSync(process.execPath, join(dir, 'bin', 'node'));
  mkdirSync(join(dir, 'test'));
  symlinkSync(join(packageRoot, 'test/fixtures'), join(dir, 'test/fixtures'));
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(packageRoot, join(dir, 'node_modules/lanestore'));
  symlinkSync(join(packageRoot, 'node_modules/classic-level'), join(dir, 'node_modules/classic-level'));
  // Removes colours, which the environment may force.
  const { FORCE_COLOR: _, ...others } = process.env;
  const env = { ...others, NO_COLOR: '1', PATH: `${join(dir, 'bin')}:${process.env.PATH}` };
  return (command) => {
    const { stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: dir, encoding: 'utf8', env });
    return `${stdout}${stderr}`.replaceAll(packageRoot, '~/lanestore').replaceAll(dir, '~/lanestore');
  };
}

/**
 * Removes output that differs on every run: ids, times, LevelDB's files and their sizes, the disk.
 */
export function settled(output: string): string[] {
  return output
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/^store {7}[0-9a-f]{32}$/m, 'store <id>')
    .replace(/'store': b.*, 'createdAt'/, "'store': <id>, 'createdAt'")
    .replace(/^meta\/schema 1 0x[0-9a-f]+/m, 'meta/schema 1 <crc>')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !/^ {2}(?:level\/|values\/|witness )/.test(line) && !line.startsWith('files  '));
}
