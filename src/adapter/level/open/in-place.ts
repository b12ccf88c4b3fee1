/**
 * Opens a store's own database in its place. This process must be the one opener of the location.
 *
 * LevelDB writes to a directory as soon as it opens it, and replaces a damaged log. So LevelDB
 * opens the directory only after preflight has found its files sound, and after the files, or a
 * private copy of them, have shown that it is a store.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CloseStack } from '../../../base/close-stack.js';
import { diskFiles } from '../../../base/files.js';
import { FindingList } from '../../finding-list.js';
import type { LocationGuard } from '../../location-guard.js';
import { openLocked, refuseIfOpenHere } from '../../lock.js';
import type { OpenedDatabase } from '../copy/copied-database.js';
import { openDatabase } from '../database.js';
import { Engine } from '../engine.js';
import type { StorePaths } from '../format/paths.js';
import { Witness } from '../format/witness.js';
import type { LocationOptions } from '../options.js';
import { type PreflightReport, preflight } from '../preflight/index.js';
import { checkAccepted, isAcceptable } from './accept-rollback.js';
import { removeLeftovers } from './create.js';
import { examineCopy } from './examine.js';
import { refuseIfOpenElsewhere } from './probe-lock.js';

/** A database that is open in its place. */
export interface DatabaseInPlace extends OpenedDatabase {
  /** False where the system does not show whether LevelDB's lock is held. */
  readonly isLockShown: boolean;
}

/**
 * Opens the database of `paths`. Its `level/` must exist, and this process must be its one opener.
 * From then on `guard` watches the database, and `held` closes it. If the result has `findings`,
 * preflight refused the files, and LevelDB has not opened them.
 * @throws LANESTORE_LOCKED; LANESTORE_NOT_A_STORE or LANESTORE_SCHEMA for a database that is not a
 * store of this format; LANESTORE_CORRUPT if LevelDB finds damage; LANESTORE_INVALID for an
 * `acceptRollback` that does not match the store.
 */
export async function openInPlace<B, Q, A>(
  paths: StorePaths,
  { model, level = {}, tableCheckBytesMax, acceptRollback, files = diskFiles, reads }: LocationOptions<B, Q, A>,
  guard: LocationGuard,
  held: CloseStack,
): Promise<DatabaseInPlace> {
  guard.watchClosely(paths.level);
  const lockFile = join(paths.level, 'LOCK');
  refuseIfOpenHere(lockFile);
  const witness = Witness.read(paths.witness);
  const refuseIfInUse = () => refuseIfOpenElsewhere(paths.level);
  const report = await preflight(paths.level, { witness, tableCheckBytesMax, refuseIfInUse, reads });
  const findings = new FindingList();
  const opened = { engine: undefined, witness, values: paths.values, findings, notes: report.notes, report, tries: 0 };
  if (report.findingsTotal > 0) {
    if (acceptRollback === undefined || !isRollback(report)) {
      findings.addAll(report.findings, report.findingsTotal);
      return { ...opened, isLockShown: true, close: async () => undefined };
    }
    checkAccepted(acceptRollback, report.findings, report.seq);
  }
  // The files name no store: format 0, another program's database, or damage.
  if (report.store === undefined) await examineCopy(paths, { model, depth: 'identity' }, async () => undefined);
  const { db, lock } = await openLocked(lockFile, () => openDatabase(paths.level, level, false));
  held.add(() => db.close());
  guard.watchLock(lockFile, lock);
  await removeLeftovers(paths, files);
  if (existsSync(paths.values)) guard.watch(paths.values);
  return { ...opened, engine: new Engine(db, true), isLockShown: lock !== undefined, close: () => db.close() };
}

/** True if every finding is known, and none of them is damage. */
function isRollback({ findings, findingsTotal }: PreflightReport): boolean {
  return findings.length === findingsTotal && isAcceptable(findings);
}
