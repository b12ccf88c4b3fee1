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

/** A change of the compiled code. */
export interface Patch {
  readonly name: string;
  readonly replacements: readonly Replacement[];
}

/** A guard that is taken out, and the row that must notice. */
export interface Weakness extends Patch {
  readonly row: string;
  /** Cases that suffice, of those of the row's short form. */
  readonly count: number;
}

const LEVEL = 'src/adapter/level';

/** LevelDB's files are not read before LevelDB reads them. */
const NO_PREFLIGHT: Patch = {
  name: 'preflight off',
  replacements: [
    {
      file: `${LEVEL}/open/open.js`,
      find: 'await preflight(paths.level, { witness, tableCheckBytesMax, refuseIfInUse })',
      by: '{ findings: [], findingsTotal: 0, notes: [], store: new Uint8Array(16) }',
    },
  ],
};

export const WEAKNESSES: readonly Weakness[] = [
  {
    name: 'crc check off',
    row: 'table-bit',
    count: 64,
    replacements: [{ file: `${LEVEL}/format/record.js`, find: 'if (stored === crc)', by: 'if (true)' }],
  },
  {
    name: 'tip check off',
    row: 'table-bit',
    count: 64,
    replacements: [
      { file: `${LEVEL}/open/recovery.js`, find: 'if (number > expected)', by: 'if (false)' },
      { file: `${LEVEL}/open/recovery.js`, find: 'if (expected < next)', by: 'if (false)' },
      { file: `${LEVEL}/open/recovery.js`, find: 'if (actual === expected)', by: 'if (true)' },
    ],
  },
  { ...NO_PREFLIGHT, row: 'log-bit', count: 30 },
  {
    name: 'poison off',
    row: 'interleavings',
    count: 200,
    replacements: [
      {
        file: 'src/adapter/base-persistence.js',
        find: 'this.#failed ??= error;\n        this.gate.close(this.#failed);\n        return this.#failed;',
        by: 'return error;',
      },
      { file: `${LEVEL}/write/queue.js`, find: 'this.#failed = error;', by: '' },
    ],
  },
  {
    name: 'witness off',
    row: 'rollback',
    count: 5,
    replacements: [
      {
        file: `${LEVEL}/format/witness-check.js`,
        find: 'newest !== undefined && newest.seq > (seq ?? -1n)',
        by: 'false',
      },
    ],
  },
  {
    name: 'settling order off',
    row: 'interleavings',
    count: 200,
    replacements: [
      {
        file: `${LEVEL}/write/queue.js`,
        find: 'for (const call of calls)',
        by: 'for (const call of calls.reverse())',
      },
    ],
  },
];

/** The compiled tree that this file is part of. */
const BUILD = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Makes a copy of the compiled tree with the patch in it, inside of the package so that it finds its dependencies; gives its path. */
export function patchedBuild({ name, replacements }: Patch): string {
  const copy = join(BUILD, 'weakened', name.replaceAll(' ', '-'));
  rmSync(copy, { recursive: true, force: true });
  for (const part of ['src', 'test/faults', 'test/kill', 'test/support']) {
    mkdirSync(dirname(join(copy, part)), { recursive: true });
    cpSync(join(BUILD, part), join(copy, part), { recursive: true });
  }
  for (const { file, find, by } of replacements) {
    const path = join(copy, file);
    const parts = readFileSync(path, 'utf8').split(find);
    if (parts.length !== 2) throw new Error(`${name}: "${find}" stands ${parts.length - 1} times in ${file}`);
    writeFileSync(path, parts.join(by));
  }
  return copy;
}
