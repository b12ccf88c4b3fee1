/** `verify` on a state directory of the original at 73f917bbd. */
import { isLanestoreError } from '../errors.js';
import type { Finding } from '../index.js';
import { openState, type StateReport, verifyState } from '../migrations/index.js';
import { EXIT } from './exit-codes.js';
import { findingLines } from './findings.js';
import { formatBytes, note, print, styled, toJson } from './output.js';
import { NEWER } from './protocol-73f917bbd.js';

/**
 * Checks the state, with signatures if a file with epochs is given. Resolves with the exit code.
 */
export async function verifyNewerState(
  location: string,
  epochFile: string | undefined,
  asJson: boolean,
  all: boolean,
): Promise<number> {
  const checks = await NEWER.checks(epochFile);
  const { notes, ...report } = await reportOf(location, checks);
  if (asJson) print(toJson({ location, ...report, notes }, 2));
  else {
    for (const text of notes) note(`note: ${text}`);
    for (const line of findingLines(report.findings, all)) print(line);
    const read = `${report.entries} entries, ${formatBytes(report.bytes)}, ${report.rows} rows of the data layer checked`;
    print(
      report.findingsTotal === 0 ? `${styled('green', 'OK')}: ${read}` : `${report.findingsTotal} findings; ${read}`,
    );
  }
  return report.findingsTotal === 0 ? EXIT.ok : EXIT.damaged;
}

/** The report. If the state cannot be read at all, its findings give the reason. */
async function reportOf(
  location: string,
  checks: Awaited<ReturnType<typeof NEWER.checks>>,
): Promise<StateReport & { readonly notes: readonly string[] }> {
  try {
    const source = await openState(location, NEWER.model);
    try {
      return { ...(await verifyState(source, NEWER.model, checks)), notes: source.notes };
    } finally {
      await source.close();
    }
  } catch (error) {
    if (!isLanestoreError(error, 'LANESTORE_IMPORT') || error.findings === undefined) throw error;
    const findings: readonly Finding[] = error.findings;
    return { entries: 0, bytes: 0, rows: 0, findings, findingsTotal: findings.length, notes: [] };
  }
}
