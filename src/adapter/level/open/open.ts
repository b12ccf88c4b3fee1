/**
 * Opening a store (docs/design.md, Opening), step by step:
 *   1. the real path; one opener in this process
 *   2. what the location holds; creation if it holds nothing
 *   3. the witness; then preflight, the files before LevelDB sees them
 *   4. LevelDB, which takes the lock between processes; whether it is held
 *   5. schema, tip, witness; then every live record
 * Whatever fails, what was taken is given back.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CloseStack } from '../../../base/close-stack.js';
import { makeDirectory, syncNames } from '../../../base/directories.js';
import type { Files } from '../../../base/files.js';
import { mismatch } from '../../../base/options.js';
import { messageOf } from '../../../base/permission-model.js';
import { syncDirectory } from '../../../base/synced-file.js';
import { type Finding, LanestoreError } from '../../../errors.js';
import { SCHEMA_KEY, TIP_KEY } from '../../../keys/index.js';
import { meter } from '../../../metrics/channel.js';
import { STORE_STATES } from '../../../metrics/table.js';
import { admissionLimits } from '../../backpressure.js';
import { guardedFiles } from '../../guarded-files.js';
import { didYouMean } from '../../likeness.js';
import { LOCK_NOT_SHOWN, LocationGuard } from '../../location-guard.js';
import { lockDatabase, lockDirectory, openLocked, refuseIfOpenHere, type Unlock } from '../../lock.js';
import { withPrivateCopy } from '../copy/private-copy.js';
import { isDamage, levelDamage, openDatabase } from '../database.js';
import { freeSpaceOf, withoutWatermark } from '../disk-watermark.js';
import { type AnyLevel, Engine } from '../engine.js';
import { corruptionError } from '../format/corruption-error.js';
import { type StorePaths, storePaths, VALUES_DIR } from '../format/paths.js';
import { encodeSchema, FORMAT, otherFormat, readSchema, type Schema } from '../format/schema.js';
import { encodeTip, firstTip, STORE_ID_BYTES, type Tip } from '../format/tip.js';
import { Witness } from '../format/witness.js';
import { judgeWitness } from '../format/witness-check.js';
import {
  batchLimits,
  checkDatabaseOptions,
  checkLocationOptions,
  type DatabaseOptions,
  diskSpaceOf,
  type LocationOptions,
  type StoreOptions,
} from '../options.js';
import { type PreflightReport, preflight } from '../preflight/index.js';
import { LevelStore, type RecoveryReport } from '../store.js';
import { type FoundValues, findValues } from '../values/names.js';
import { valueSettings } from '../values/options.js';
import { ValueStore } from '../values/value-store.js';
import { checkAccepted, isAcceptable, recordRollback } from './accept-rollback.js';
import { createLevel, NAME_A_STORE, needsCreation, refuseOtherTypes, removeLeftovers } from './create.js';
import { refuseIfOpenElsewhere } from './probe-lock.js';
import { type RecoverOptions, readTip, recover } from './recovery.js';
import { storedFormat } from './stored-format.js';

/**
 * Opens the store in `location`, or creates it. Verifies everything that was acknowledged before it resolves.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_LOCKED, LANESTORE_SCHEMA, LANESTORE_CORRUPT, LANESTORE_ROLLED_BACK, LANESTORE_IO;
 * then nothing is held, and nothing of the store's content was changed.
 */
export function openLevel<B, Q, A>(location: string, options: LocationOptions<B, Q, A>): Promise<LevelStore<B, Q, A>>;
/**
 * Opens a store in a caller's database. There is no witness, and durability is what that database's synced batch gives.
 * @throws as above; LANESTORE_NOT_A_STORE if the database holds something else.
 */
export function openLevel<B, Q, A>(options: DatabaseOptions<B, Q, A>): Promise<LevelStore<B, Q, A>>;
export async function openLevel<B, Q, A>(
  first: string | DatabaseOptions<B, Q, A>,
  second?: LocationOptions<B, Q, A>,
): Promise<LevelStore<B, Q, A>> {
  const started = performance.now();
  if (typeof first === 'string') {
    if (first === '') throw new LanestoreError('LANESTORE_INVALID', 'the location is an empty string');
    checkLocationOptions(second, 'openLevel: options');
    return openLocation(first, second as LocationOptions<B, Q, A>, started);
  }
  if (typeof first !== 'object' || first === null) throw mismatch('openLevel: location', 'a string, or options', first);
  if (second !== undefined) throw new TypeError('openLevel: options with a db are the only argument');
  if ('acceptRollback' in first) {
    throw new LanestoreError(
      'LANESTORE_INVALID',
      "acceptRollback is for a location: a caller's database has no witness",
    );
  }
  checkDatabaseOptions(first, 'openLevel: options');
  return openCallersDatabase(first, started);
}

async function holding<T>(open: (held: CloseStack) => Promise<T>): Promise<T> {
  const held = new CloseStack();
  try {
    return await open(held);
  } catch (error) {
    await held.close().catch(() => undefined);
    const refusal = coded(error);
    if (refusal instanceof LanestoreError && refusal.findings !== undefined) {
      meter('lanestore_recovery_findings_total', refusal.findings.length);
      meter('lanestore_state', STORE_STATES.closed);
    }
    throw refusal;
  }
}

function openLocation<B, Q, A>(
  location: string,
  options: LocationOptions<B, Q, A>,
  started: number,
): Promise<LevelStore<B, Q, A>> {
  return holding(async (held) => {
    const limits = admissionLimits(options);
    const batches = batchLimits(options);
    const settings = valueSettings(options.values);
    const { createIfMissing = true, acceptRollback } = options;
    const { paths, unlock } = await claim(location, createIfMissing && acceptRollback === undefined);
    held.add(unlock);
    refuseOtherTypes(paths);
    const guard = new LocationGuard();
    held.add(() => guard.close());
    guard.watch(paths.location);
    const space = diskSpaceOf(paths.location, options);
    const mayCreate = createIfMissing && acceptRollback === undefined;
    const isNew = needsCreation(paths, mayCreate ? undefined : NAME_A_STORE);
    if (isNew) {
      if (!mayCreate) throw noStore(location);
      await createLevel(paths, options.model.name, options.level ?? {});
    }
    guard.watchClosely(paths.level);
    const lockFile = join(paths.level, 'LOCK');
    refuseIfOpenHere(lockFile);
    const witnessBytes = Witness.read(paths.witness);
    const files = await checkFiles(paths, witnessBytes, options);
    if (files.store === undefined) await refuseUnidentified(paths, options.model.name, witnessBytes !== undefined);
    const { db, lock } = await openLocked(lockFile, () => openDatabase(paths.level, options.level ?? {}, false));
    held.add(() => db.close());
    guard.watchLock(lockFile, lock);
    removeLeftovers(paths);
    const engine = new Engine(db, true);
    const tip = await readIdentity(engine, options.model.name, witnessBytes !== undefined);
    const verdict = judgeWitness(witnessBytes, tip);
    if (acceptRollback !== undefined) checkAccepted(acceptRollback, verdict.findings, tip.seq);
    const known = acceptRollback === undefined ? verdict.findings : [];
    if (existsSync(paths.values)) guard.watch(paths.values);
    const foundValues = findValues(paths.values);
    const { references, ...found } = await recoverStore(engine, options, tip, started, { known, values: paths.values });
    const goOn =
      acceptRollback === undefined ? undefined : await recordRollback(engine, tip, witnessBytes, verdict.findings);
    const current = goOn?.tip ?? tip;
    const witness = await openWitness(paths, current, goOn?.needsWitness ?? false);
    held.add(() => witness.close());
    return new LevelStore({
      ...found,
      tip: current,
      values: new ValueStore({
        dir: paths.values,
        settings: { ...settings, files: guardedValueFiles(settings.files, guard) },
        found: foundValues,
        references,
        disk: space ?? withoutWatermark(options.freeSpace ?? freeSpaceOf(paths.location)),
      }),
      report: {
        ...found.report,
        seq: current.seq,
        ...(verdict.provenSeq === undefined ? {} : { witnessedSeq: verdict.provenSeq }),
        files,
        notes: [
          ...files.notes,
          ...verdict.notes,
          ...(goOn?.notes ?? []),
          ...notesOn(foundValues),
          ...(lock === undefined ? [LOCK_NOT_SHOWN] : []),
        ],
      },
      limits,
      batches,
      level: paths.level,
      guard,
      space,
      witness,
      release: () => held.close(),
    });
  });
}

/** The directory of value files is made when the first of them is, and watched from then on. */
function guardedValueFiles(files: Files, guard: LocationGuard): Files {
  const guarded = guardedFiles(files, guard);
  const makeDirectory = async (path: string) => {
    await guarded.makeDirectory(path);
    guard.watch(path);
  };
  return { ...guarded, makeDirectory };
}

/** Preflight. @throws LANESTORE_LOCKED; LANESTORE_CORRUPT, LANESTORE_ROLLED_BACK with what it found; then LevelDB has not been near the files. */
async function checkFiles<B, Q, A>(
  paths: StorePaths,
  witness: Uint8Array | undefined,
  { tableCheckBytesMax, acceptRollback }: LocationOptions<B, Q, A>,
): Promise<PreflightReport> {
  const refuseIfInUse = () => refuseIfOpenElsewhere(paths.level);
  const files = await preflight(paths.level, { witness, tableCheckBytesMax, refuseIfInUse });
  if (files.findingsTotal === 0) return files;
  const areAllKnown = files.findings.length === files.findingsTotal;
  if (acceptRollback === undefined || !areAllKnown || !isAcceptable(files.findings)) {
    throw corruptionError(files.findings, files.findingsTotal);
  }
  checkAccepted(acceptRollback, files.findings, files.seq);
  return files;
}

/**
 * For a database in which preflight found no store's tip: of format 0, of another program, or damaged. LevelDB would write into it as soon as
 * it opens it, so a private copy is asked what it is. @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_CORRUPT.
 */
async function refuseUnidentified(paths: StorePaths, model: string, hasWitness: boolean): Promise<void> {
  await withPrivateCopy(paths, (engine) => readIdentity(engine, model, hasWitness));
}

function openCallersDatabase<B, Q, A>(
  options: DatabaseOptions<B, Q, A>,
  started: number,
): Promise<LevelStore<B, Q, A>> {
  return holding(async (held) => {
    const limits = admissionLimits(options);
    const batches = batchLimits(options);
    const { db, model } = options;
    if (!db.supports.implicitSnapshots) {
      throw new LanestoreError(
        'LANESTORE_INVALID',
        'the database has no snapshots; a store cannot read whole batches on it',
      );
    }
    const { root, prefix } = rootOf(db);
    held.add(lockDatabase(root, prefix));
    await db.open();
    const engine = new Engine(db);
    const isNew = (await engine.get(SCHEMA_KEY)) === undefined && (await engine.get(TIP_KEY)) === undefined;
    if (isNew) await createInDatabase(engine, model.name);
    const tip = await readIdentity(engine, model.name, false);
    const { references: _, ...found } = await recoverStore(engine, options, tip, started);
    return new LevelStore({
      ...found,
      limits,
      batches,
      release: () => held.close(),
    });
  });
}

/** Resolves the real path and registers the opener. With `create`, an absent location is made. */
async function claim(location: string, create: boolean): Promise<{ paths: StorePaths; unlock: Unlock }> {
  const stat = statSync(location, { throwIfNoEntry: false });
  if (stat === undefined && !create) throw noStore(location);
  if (stat !== undefined && !stat.isDirectory()) {
    throw noDirectory(location);
  }
  if (stat === undefined) makeDirectory(location);
  const real = realpathSync(location);
  return { paths: storePaths(real), unlock: await lockDirectory(real) };
}

/** Reads who the store is and what it must hold. @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_CORRUPT. */
async function readIdentity(engine: Engine, model: string, hasWitness: boolean): Promise<Tip> {
  return readTip(engine, (await readStoreSchema(engine, model, hasWitness)).store);
}

/** Reads what the store is. @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_CORRUPT. */
export async function readStoreSchema(engine: Engine, model: string, hasWitness: boolean): Promise<Schema> {
  const schema = await engine.get(SCHEMA_KEY);
  if (schema === undefined) {
    const findings: Finding[] = [{ kind: 'schema-missing', key: SCHEMA_KEY, detail: 'the record is missing' }];
    // With a tip or a witness it is ours, and damaged; without either it is somebody else's LevelDB.
    const rest = (await engine.get(TIP_KEY)) !== undefined ? TIP_KEY : hasWitness ? 'the witness' : undefined;
    if (rest !== undefined) {
      throw new LanestoreError('LANESTORE_CORRUPT', `${SCHEMA_KEY} is missing, ${rest} is there`, { findings });
    }
    if ((await storedFormat(engine)) === 0) throw otherFormat(0);
    throw new LanestoreError('LANESTORE_NOT_A_STORE', `the LevelDB has no ${SCHEMA_KEY}: it is not a lanestore`, {
      remedy: 'it is the database of another program, and was left as it is: check the path',
    });
  }
  return readSchema(schema, model);
}

async function recoverStore<B, Q, A>(
  engine: Engine,
  options: StoreOptions<B, Q, A>,
  tip: Tip,
  started: number,
  more: Omit<RecoverOptions, 'load'> = {},
) {
  const checking = performance.now();
  const { recovered, anchor, records, bytes, references } = await recover(engine, options.model, tip, {
    load: options.load ?? true,
    ...more,
  });
  const ended = performance.now();
  const lanes = new Map([...tip.lanes].map(([lane, { first, next }]) => [lane, { first, next }] as const));
  const commitQCs = { first: tip.qc.first, next: tip.qc.next };
  const report: RecoveryReport = {
    seq: tip.seq,
    records,
    bytes,
    checkMs: ended - checking,
    openMs: ended - started,
    notes: [],
  };
  return { model: options.model, engine, tip, state: { lanes, commitQCs, anchor }, recovered, report, references };
}

/** Files that are none of ours stay where they are. */
function notesOn({ unknown }: FoundValues): string[] {
  return unknown.length === 0 ? [] : [`${VALUES_DIR}/ holds other files: ${unknown.slice(0, 5).join(', ')}`];
}

/**
 * Opens the witness and brings it up to the tip that was verified. Before the first round every open ends creation again, whatever
 * an interrupted one had synced: first the names, so that no witness outlives its database, then the witness. After an accepted rollback the
 * witness is made anew as well.
 */
async function openWitness(paths: StorePaths, tip: Tip, anew: boolean): Promise<Witness> {
  if (tip.seq === 0n || anew) {
    await syncDirectory(paths.location);
    await syncNames(paths.location);
    await Witness.create(paths.witness, tip.store, tip.seq);
    await syncDirectory(paths.location);
  }
  const witness = await Witness.open(paths.witness, tip.store);
  try {
    witness.write(tip.seq);
  } catch (error) {
    await witness.close();
    throw error;
  }
  return witness;
}

async function createInDatabase(engine: Engine, model: string): Promise<void> {
  const [key] = await engine.keys({}, 1);
  if (key !== undefined) {
    throw new LanestoreError(
      'LANESTORE_NOT_A_STORE',
      `the database holds other data (key "${key.slice(0, 80)}"); give it an empty one, or a sublevel`,
      { remedy: 'give openLevel an empty database, or a sublevel of one' },
    );
  }
  const store = new Uint8Array(randomBytes(STORE_ID_BYTES));
  const createdAt = new Date().toISOString();
  await engine.write([
    { type: 'put', key: TIP_KEY, value: encodeTip(firstTip(store)).bytes },
    {
      type: 'put',
      key: SCHEMA_KEY,
      value: encodeSchema({ format: FORMAT, model, store, createdAt }).bytes,
    },
  ]);
}

/** A sublevel's database and its whole prefix; any other database stands for itself. */
function rootOf(db: AnyLevel): { root: object; prefix: string } {
  const { db: root, prefix } = db as { db?: object; prefix?: string };
  return root === undefined ? { root: db, prefix: '' } : { root, prefix: prefix ?? '' };
}

/** The error for a location that holds no store, where none is made. */
export function noStore(location: string): LanestoreError {
  const what = existsSync(location) ? `holds no store${didYouMean(location)}` : 'does not exist';
  return new LanestoreError('LANESTORE_NOT_A_STORE', `${location} ${what}`, { remedy: NAME_A_STORE });
}

/** The error for a location that is a file. */
export function noDirectory(location: string): LanestoreError {
  const message = `${location} is not a directory${didYouMean(location)}`;
  return new LanestoreError('LANESTORE_NOT_A_STORE', message, { remedy: NAME_A_STORE });
}

/** Errors of the system, and of classic-level, get a code; programming mistakes stay what they are. */
export function coded(error: unknown): unknown {
  if (error instanceof LanestoreError || error instanceof TypeError) return error;
  const { code } = error as { code?: string };
  const text = messageOf(error);
  if (code?.startsWith('LEVEL_') && isDamage(code, text)) return levelDamage('LevelDB found damage', text, error);
  return new LanestoreError('LANESTORE_IO', `the store cannot be opened: ${text}`, { cause: error });
}
