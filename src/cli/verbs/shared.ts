/** What the descriptions of verbs share with each other, and with the code of verbs. */
import type { OriginalLayout, VotePart } from '../../index.js';

/** The option of each verb that reads entries. */
export const MODEL_OPTION = { model: { type: 'string' } } as const;

/** The line of its help. */
export const MODEL_HELP =
  "--model FILE   the store's own types: a JavaScript module that exports `model`, and maybe `checks`";

/** Options of `import` and `export` for checking signatures. */
export const CHECK_OPTIONS = { 'verify-signatures': { type: 'boolean' }, committee: { type: 'string' } } as const;

/** Options of verbs that change a store, if it is in PostgreSQL. */
export const TABLES_OPTIONS = { replicas: { type: 'string' }, 'single-server': { type: 'boolean' } } as const;

/** Their help, with the texts in column `width`. */
export function tablesHelp(width: number): readonly string[] {
  const rows = [
    ['--replicas N', 'for a store in PostgreSQL: the synchronous standbys that must have the change'],
    ['--single-server', 'with --replicas 0: no other server ever takes over'],
  ];
  return rows.map(([option = '', text = '']) => option.padEnd(width) + text);
}

/** The targets of `export`, as `ORIGINAL_LAYOUTS` of the library. */
export const LAYOUTS: readonly OriginalLayout[] = ['wal', 'wal-crc', 'file-per-entry'];

/** The parts of the votes that `release` opens. */
export const VOTE_PARTS: readonly VotePart[] = ['rounds', 'app', 'lanes', 'own'];

/** Seconds between two lines of `watch`. */
export const WATCH_SECONDS = 2;
