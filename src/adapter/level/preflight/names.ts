/**
 * Names in LevelDB's directory, and CURRENT (db/filename.cc, db/version_set.cc of LevelDB 1.20).
 *
 *   NNNNNN.log, NNNNNN.ldb   a log, a table; the number has at least six digits
 *   NNNNNN.sst               a table of an older LevelDB
 *   MANIFEST-NNNNNN          a sequence of version edits
 *   CURRENT                  the name of the current MANIFEST and a newline; replaced by a rename
 *   NNNNNN.dbtmp             the new CURRENT before that rename
 *   LOCK, LOG, LOG.old       the lock, and LevelDB's message log; nothing depends on their bytes
 */

const NAME = /^(\d+)\.(log|ldb|sst)$/;
const CURRENT = /^MANIFEST-\d{6,}\n$/;

/** The name of a log. */
export function logName(number: number): string {
  return `${padded(number)}.log`;
}

/** The possible names of a table, the usual one first. */
export function tableNames(number: number): readonly [string, string] {
  return [`${padded(number)}.ldb`, `${padded(number)}.sst`];
}

/** The numbers of the logs among the names of a directory, ascending. */
export function logNumbers(names: readonly string[]): number[] {
  const numbers = names.flatMap((name) => {
    const [, digits, suffix] = NAME.exec(name) ?? [];
    // LevelDB opens a log by its canonical name, so a file with another spelling of the number is
    // no log.
    return suffix === 'log' && name === logName(Number(digits)) ? [Number(digits)] : [];
  });
  return numbers.sort((a, b) => a - b);
}

/**
 * The name of the MANIFEST in the bytes of CURRENT; undefined if LevelDB does not write such bytes.
 */
export function manifestNameIn(current: Uint8Array): string | undefined {
  const text = Buffer.from(current).toString('latin1');
  return CURRENT.test(text) ? text.slice(0, -1) : undefined;
}

function padded(number: number): string {
  return String(number).padStart(6, '0');
}
