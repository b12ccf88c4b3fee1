/**
 * Stores with one guard removed, to show that the campaign can fail. The compiled code is linked,
 * and a piece of its text replaced. The store itself has no switch for any of this.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { linkTree } from '../support/link-tree.js';

/** A replacement in a compiled file; `find` must occur there exactly once. */
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

/** A guard to remove, and the row that must detect it. */
export interface Weakness extends Patch {
  readonly row: string;
  /** Sufficient number of cases of the row's short form. */
  readonly count: number;
}

const LEVEL = 'src/adapter/level';

/** The preflight is skipped: LevelDB reads its files first. */
const NO_PREFLIGHT: Patch = {
  name: 'preflight off',
  replacements: [
    {
      file: `${LEVEL}/open/in-place.js`,
      find: 'await preflight(paths.level, { witness, tableCheckBytesMax, refuseIfInUse, reads })',
      by: '{ findings: [], findingsTotal: 0, notes: [], store: new Uint8Array(16) }',
    },
    // Without a report, a private copy would be examined first, and show the damage.
    {
      file: `${LEVEL}/open/in-place.js`,
      find: 'report.store === undefined || report.schema === undefined',
      by: 'false',
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
      { file: `${LEVEL}/read/log-range.js`, find: 'if (this.#expected >= to)', by: 'if (true)' },
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
/** The library's modules as compiled; `npm test` joins those in `src` (join-modules.mjs). */
const MODULES = existsSync(join(BUILD, 'modules')) ? 'modules' : 'src';

/**
 * A compiled tree with the patch applied, inside of the package so that its dependencies resolve;
 * files that the patch does not change are links to this tree's. Returns its path, a new one for
 * each call; the caller removes it.
 */
export function patchedBuild({ name, replacements }: Patch): string {
  mkdirSync(join(BUILD, 'weakened'), { recursive: true });
  const copy = mkdtempSync(join(BUILD, 'weakened', `${name.replaceAll(' ', '-')}-`));
  linkTree(join(BUILD, MODULES), join(copy, 'src'));
  for (const part of ['test', 'examples']) linkTree(join(BUILD, part), join(copy, part));
  for (const replacement of replacements) {
    const path = join(copy, replacement.file);
    const text = replaced(readFileSync(path, 'utf8'), replacement, name);
    rmSync(path);
    writeFileSync(path, text, { flag: 'wx' });
  }
  return copy;
}

/** @throws for a replacement whose text does not occur in the compiled code exactly once. */
export function checkPatch({ name, replacements }: Patch): void {
  for (const replacement of replacements) {
    const file = replacement.file.replace(/^src\b/, MODULES);
    replaced(readFileSync(join(BUILD, file), 'utf8'), replacement, name);
  }
}

function replaced(text: string, { file, find, by }: Replacement, name: string): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${name}: "${find}" stands ${parts.length - 1} times in ${file}`);
  return parts.join(by);
}
