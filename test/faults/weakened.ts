/**
 * Stores with one guard taken out, to show that the campaign can fail: the compiled code is copied, and a named piece of its text replaced.
 * The store itself has no switch for any of this.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is replaced in a compiled file; `find` must stand there exactly once. */
interface Replacement {
  readonly file: string;
  readonly find: string;
  readonly by: string;
}

/** A guard that is taken out, and the row that must notice. */
export interface Weakness {
  readonly name: string;
  readonly row: string;
  /** Cases that suffice, of those of the row's short form. */
  readonly count: number;
  readonly replacements: readonly Replacement[];
}

const LEVEL = 'src/adapter/level';

export const WEAKNESSES: readonly Weakness[] = [
  {
    name: 'poison off',
    row: 'interleavings',
    count: 200,
    replacements: [
      {
        file: 'src/adapter/planned.js',
        find: 'this.#failed ??= error;\n        return this.#failed;',
        by: 'return error;',
      },
      { file: `${LEVEL}/commit-queue.js`, find: 'this.#failed = error;', by: '' },
    ],
  },
  {
    name: 'witness off',
    row: 'rollback',
    count: 5,
    replacements: [
      {
        file: `${LEVEL}/witness-check.js`,
        find: 'if (newest !== undefined && newest.seq > tip.seq)',
        by: 'if (false)',
      },
    ],
  },
  {
    name: 'settling order off',
    row: 'interleavings',
    count: 200,
    replacements: [
      {
        file: `${LEVEL}/commit-queue.js`,
        find: 'for (const settle of settles)',
        by: 'for (const settle of settles.reverse())',
      },
    ],
  },
];

/** The compiled tree that this file is part of. */
const BUILD = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Makes the weakened copy, inside of the package so that it finds its dependencies; gives the copy of the campaign's main file. */
export function weaken({ name, replacements }: Weakness): string {
  const copy = join(BUILD, 'weakened', name.replaceAll(' ', '-'));
  rmSync(copy, { recursive: true, force: true });
  for (const part of ['src', 'test/faults', 'test/level', 'test/support']) {
    mkdirSync(dirname(join(copy, part)), { recursive: true });
    cpSync(join(BUILD, part), join(copy, part), { recursive: true });
  }
  for (const { file, find, by } of replacements) {
    const path = join(copy, file);
    const parts = readFileSync(path, 'utf8').split(find);
    if (parts.length !== 2) throw new Error(`${name}: "${find}" stands ${parts.length - 1} times in ${file}`);
    writeFileSync(path, parts.join(by));
  }
  return join(copy, 'test', 'faults', 'main.js');
}
