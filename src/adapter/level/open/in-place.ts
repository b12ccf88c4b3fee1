/**
 * Opens a store's own database in its place. This process must be the one opener of the location.
 *
 * LevelDB writes into a directory as soon as it opens it: it replaces its log, CURRENT and
 * MANIFEST. So LevelDB opens it only once preflight found its files sound, and they, or a private
 * copy, show that it is a store of this format and model.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CloseStack } from '../../../base/close-stack.js';
import { diskFiles } from '../../../base/files.js';
import { loadClassicLevel } from '../../classic-level.js';
import { FindingList } from '../../finding-list.js';
import type { LocationGuard } from '../../location-guard.js';
import { openLocked, refuseIfOpenHere } from '../../lock.js';
import type { OpenedDatabase } from '../copy/copied-database.js';
import { openDatabase } from '../database.js';
import { Engine } from '../engine.js';
import type { StorePaths } from '../format/paths.js';
import { readSchema } from '../format/schema.js';
import { Witness } from '../format/witness.js';
import { judgeWitness } from '../format/witness-check.js';
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
 * Opens the database of `paths`, whose `level/` exists and of which this process is the one opener.
 * `guard` watches it from then on, `held` closes it.
 * @throws LANESTORE_LOCKED; LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA for a database that is no store
 * of this format and model, LANESTORE_INVALID for an `acceptRollback` that does not fit: then
 * nothing is written; LANESTORE_CORRUPT if LevelDB finds damage. With `findings` LevelDB has not
 * opened the files.
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
  // Loaded while preflight waits for the disk, and then cached. If it cannot be loaded, opening the
  // database reports that.
  void loadClassicLevel().catch(() => undefined);
  const refuseIfInUse = () => refuseIfOpenElsewhere(paths.level);
  const report = await preflight(paths.level, { witness, tableCheckBytesMax, refuseIfInUse, reads });
  const findings = new FindingList();
  const opened = { engine: undefined, witness, values: paths.values, findings, notes: report.notes, report, tries: 0 };
  if (report.findingsTotal > 0) {
    if (acceptRollback === undefined || !isRollback(report)) {
      findings.addAll(report.findings, report.findingsTotal);
      return { ...opened, isLockShown: true, close: async () => undefined };
    }
  }
  if (report.schema !== undefined) readSchema(report.schema, model.name);
  // Of format 0, of another program, or damaged.
  if (report.store === undefined || report.schema === undefined) {
    await examineCopy(paths, { model, depth: 'identity' }, async () => undefined);
  }
  if (acceptRollback !== undefined) {
    const against = report.findingsTotal > 0 ? report.findings : judgeWitness(witness, report).findings;
    checkAccepted(acceptRollback, against, report.seq);
  }
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
