/** Options, progress and report of `import` and `export`. */
import type { EntryChecks, MigrationProgress, MigrationReport } from '../index.js';
import { UsageError } from './command-error.js';
import { formatBytes, note, print, type progressLine, styled, toJson } from './output.js';
import type { Protocol } from './protocols.js';
import type { OptionValues } from './verb.js';

/** The checks that the options select. @throws UsageError, and errors of the committee file. */
export async function checksOf<B, Q, A>(
  options: OptionValues,
  { checks }: Protocol<B, Q, A>,
): Promise<EntryChecks<B, Q, A>> {
  const { committee } = options;
  const signatures = options['verify-signatures'] === true;
  if (signatures !== (committee !== undefined))
    throw new UsageError('--verify-signatures and --committee FILE go together');
  return checks(typeof committee === 'string' ? committee : undefined);
}

/** Returns a callback that shows the progress of a migration. */
export function showProgress(line: ReturnType<typeof progressLine>): (progress: MigrationProgress) => void {
  return ({ phase, entries, bytes }) =>
    line.show(`${phase === 'copy' ? 'copied' : 'read back'} ${entries} entries, ${formatBytes(bytes)}`);
}

/** Prints the report of a migration. */
export function showReport(report: MigrationReport, json: boolean): void {
  if (json) {
    print(toJson(report, 2));
    return;
  }
  const { anchor, staleBlocks, staleCommitQCs } = report;
  print(`${report.sourceLayout} ${report.source}`);
  print(`  -> ${report.targetLayout} ${report.target}`);
  print(`  anchor     ${anchor === undefined ? 'none' : `road index ${anchor}`}`);
  print(`  inner      ${report.inner ? 'copied' : 'none'}`);
  print(`  CommitQCs  ${report.commitQCs}${report.anchorQCAdded ? ", with the anchor's added" : ''}`);
  print(`  blocks     ${report.blocks} in ${report.lanes} lanes`);
  print(`  bytes      ${report.bytes} of protobuf`);
  if (staleBlocks + staleCommitQCs > 0)
    print(`  dropped    ${staleBlocks} blocks and ${staleCommitQCs} CommitQCs below the anchor`);
  print(`  ${styled('green', 'verified')}: read back and equal to the source`);
  for (const text of report.notes) note(`note: ${text}`);
}
