/** Turns findings into the error with which a store is refused. */
import { FINDING_KINDS, type Finding, LanestoreError } from '../../../errors.js';

/**
 * True if nothing is damaged: the store only lacks batches that it acknowledged, or its witness
 * cannot show that it has them.
 */
export function isOnlyRolledBack(findings: readonly Finding[]): boolean {
  return findings.every(({ kind }) => FINDING_KINDS[kind].code === 'LANESTORE_ROLLED_BACK');
}

/**
 * The error for a list of at least one finding: LANESTORE_CORRUPT if anything is damaged, else
 * LANESTORE_ROLLED_BACK.
 */
export function corruptionError(findings: readonly Finding[], total = findings.length): LanestoreError {
  const [first] = findings;
  const at = first?.offset === undefined ? '' : `, byte ${first.offset}`;
  const place = first?.key ?? (first?.file === undefined ? undefined : first.file + at);
  const what = isOnlyRolledBack(findings) ? 'was rolled back' : 'is damaged';
  const more = total > 1 ? ` (and ${total - 1} more findings)` : '';
  const message = `the store ${what}: ${place === undefined ? '' : `${place}: `}${first?.detail ?? ''}${more}`;
  return new LanestoreError(isOnlyRolledBack(findings) ? 'LANESTORE_ROLLED_BACK' : 'LANESTORE_CORRUPT', message, {
    findings,
  });
}
