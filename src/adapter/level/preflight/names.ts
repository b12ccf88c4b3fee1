/**
 * Names in LevelDB's directory, and CURRENT (db/filename.cc, db/version_set.cc of LevelDB 1.20).
 *
 *   NNNNNN.log, NNNNNN.ldb   a log, a table; the number with at least six digits (.sst: a table of an older LevelDB, read as well)
 *   MANIFEST-NNNNNN          a sequence of version edits
 *   CURRENT                  the name of the MANIFEST that counts, and a newline; replaced by a rename
 *   NNNNNN.dbtmp             a CURRENT before that rename
 *   LOCK, LOG, LOG.old       the lock, and LevelDB's diary; nothing depends on their bytes
 */

const NAME = /^(\d+)\.(log|ldb|sst)$/;
const CURRENT = /^MANIFEST-\d{6,}\n$/;

/** The name of a log. */
export function logName(number: number): string {
  return `${padded(number)}.log`;
}

/** The names that a table may have, the usual one first. */
export function tableNames(number: number): readonly [string, string] {
  return [`${padded(number)}.ldb`, `${padded(number)}.sst`];
}

/** The numbers of the logs among the names of a directory, ascending. */
export function logNumbers(names: readonly string[]): number[] {
  const numbers = names.flatMap((name) => {
    const [, digits, suffix] = NAME.exec(name) ?? [];
    // LevelDB opens a log by the name that it would give it: another spelling of the number is not found.
    return suffix === 'log' && name === logName(Number(digits)) ? [Number(digits)] : [];
  });
  return numbers.sort((a, b) => a - b);
}

/** The name of the MANIFEST that the bytes of CURRENT give; undefined if they are not what LevelDB writes. */
export function manifestNameIn(current: Uint8Array): string | undefined {
  const text = Buffer.from(current).toString('latin1');
  return CURRENT.test(text) ? text.slice(0, -1) : undefined;
}

function padded(number: number): string {
  return String(number).padStart(6, '0');
}
