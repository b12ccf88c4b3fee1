/**
 * Opening a store (docs/design.md, Opening): the real path and one opener in this process; creation
 * if the location holds nothing; then `examine` with the database in its place; then the running
 * store. After any failure all resources are released.
 */
import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CloseStack } from '../../../base/close-stack.js';
import { refuseCopy } from '../../../base/copy-place.js';
import { makeDirectory } from '../../../base/directories.js';
import { diskFiles, type Files } from '../../../base/files.js';
import { mismatch } from '../../../base/options.js';
import { LanestoreError } from '../../../errors.js';
import { SCHEMA_KEY, TIP_KEY } from '../../../keys/index.js';
import { meter } from '../../../metrics/channel.js';
import { STORE_STATES } from '../../../metrics/table.js';
import { type AdmissionLimits, admissionLimits } from '../../backpressure.js';
import { guardedFiles } from '../../guarded-files.js';
import { LOCK_NOT_SHOWN, LocationGuard } from '../../location-guard.js';
import { lockDatabase, lockDirectory } from '../../lock.js';
import { coded } from '../database.js';
import { freeSpaceOf, withoutWatermark } from '../disk-watermark.js';
import { type AnyLevel, Engine } from '../engine.js';
import { firstBatch } from '../format/first-batch.js';
import { type StorePaths, storePaths, VALUES_DIR } from '../format/paths.js';
import type { Tip } from '../format/tip.js';
import type { StoredVotes } from '../format/votes.js';
import type { WitnessVerdict } from '../format/witness-check.js';
import {
  batchLimits,
  checkDatabaseOptions,
  checkLocationOptions,
  type DatabaseOptions,
  diskSpaceOf,
  type LocationOptions,
  type StoreOptions,
} from '../options.js';
import { LevelStore, type StoreParts } from '../store.js';
import { type FoundValues, findValues } from '../values/names.js';
import { valueSettings } from '../values/options.js';
import { ValueStore } from '../values/value-store.js';
import { type AcceptedRollback, recordRollback } from './accept-rollback.js';
import { amended, closedAsCopy, closedUnlessProven } from './amend.js';
import { createLevel, openWitness } from './create.js';
import { examine, examineDatabase, type SoundStore, sound } from './examine.js';
import { openInPlace } from './in-place.js';
import { isLinkedCopy } from './linked-copy.js';
import { existingLocation } from './location.js';

/**
 * Opens the store in `location`, or creates it. Before it resolves, it verifies everything that was
 * acknowledged.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_LOCKED, LANESTORE_SCHEMA, LANESTORE_CORRUPT,
 * LANESTORE_ROLLED_BACK, LANESTORE_IO. Then no resource is held, and the content of the store is
 * unchanged.
 * @example
 * ```ts
 * import { autobahn, openLevel } from 'lanestore';
 *
 * const store = await openLevel('state', { model: autobahn });
 * const { blocks, commitQCs } = store.takeRecovered();
 * console.log(`${blocks.size} lanes, ${commitQCs.length} CommitQCs`);
 * await store.persist({ inner: new Uint8Array([1]) }); // survives power loss from here on
 * await store.close();
 * ```
 */
export function openLevel<B, Q, A>(location: string, options: LocationOptions<B, Q, A>): Promise<LevelStore<B, Q, A>>;
/**
 * Opens a store in a caller's database. There is no witness. Durability is that of the database's
 * synced batch.
 * @throws as above; LANESTORE_NOT_A_STORE if the database holds another program's keys.
 * @example
 * ```ts
 * import { ClassicLevel } from 'classic-level';
 * import { autobahn, openLevel } from 'lanestore';
 *
 * const db = new ClassicLevel<string, Uint8Array>('shared', { valueEncoding: 'view' });
 * const sublevel = db.sublevel<string, Uint8Array>('validator', {});
 * const store = await openLevel({ db: sublevel, model: autobahn });
 * await store.persist({ inner: new Uint8Array([1]) });
 * await store.close();
 * await db.close();
 * ```
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
    const why = "acceptRollback is for a location: a caller's database has no witness";
    throw new LanestoreError('LANESTORE_INVALID', why);
  }
  checkDatabaseOptions(first, 'openLevel: options');
  return openCallersDatabase(first, started);
}

async function holding<T>(store: string, open: (held: CloseStack) => Promise<T>): Promise<T> {
  const held = new CloseStack();
  try {
    return await open(held);
  } catch (error) {
    await held.close().catch(() => undefined);
    const refusal = coded(error);
    if (refusal instanceof LanestoreError && refusal.findings !== undefined) {
      meter(store, 'lanestore_recovery_findings_total', refusal.findings.length);
      meter(store, 'lanestore_state', STORE_STATES.closed);
    }
    throw refusal;
  }
}

function openLocation<B, Q, A>(
  location: string,
  options: LocationOptions<B, Q, A>,
  started: number,
): Promise<LevelStore<B, Q, A>> {
  const store = resolve(location);
  return holding(store, async (held) => {
    const limits = admissionLimits(options);
    const batches = batchLimits(options);
    const settings = valueSettings(options.values);
    const { model, createIfMissing = true, acceptRollback, level = {}, files = diskFiles } = options;
    const mayCreate = createIfMissing && acceptRollback === undefined;
    const paths = await claim(location, mayCreate, files);
    held.add(await lockDirectory(paths.location));
    const guard = new LocationGuard();
    held.add(() => guard.close());
    guard.watch(paths.location);
    const space = diskSpaceOf(paths.location, options);
    let isLockShown = true;
    const found = sound(
      await examine(paths, {
        model,
        depth: 'records',
        load: options.load ?? true,
        acceptRollback,
        create: mayCreate ? () => createLevel(paths, model.name, level, files) : undefined,
        database: async () => {
          const opened = await openInPlace(paths, options, guard, held);
          isLockShown = opened.isLockShown;
          return opened;
        },
      }),
    );
    const { engine, verdict, witness: witnessed, database } = found;
    const foundValues = findValues(paths.values);
    const state = { tip: found.tip, votes: found.records.votes };
    const goOn =
      acceptRollback === undefined
        ? await closeUnproven(engine, state, verdict, paths.level)
        : await recordRollback(engine, state, witnessed, verdict.findings);
    const { tip, votes } = goOn ?? state;
    const witness = await openWitness(paths, tip, goOn?.needsWitness ?? false, files);
    held.add(() => witness.close());
    const parts = partsOf(found, options, limits, started, votes);
    return new LevelStore({
      ...parts,
      store,
      tip,
      values: new ValueStore({
        dir: paths.values,
        store,
        settings: { ...settings, files: guardedValueFiles(options.files ?? settings.files, guard) },
        found: foundValues,
        references: found.records.references,
        disk: space ?? withoutWatermark(options.freeSpace ?? freeSpaceOf(paths.location)),
      }),
      report: {
        ...parts.report,
        seq: tip.seq,
        ...(verdict.provenSeq === undefined ? {} : { witnessedSeq: verdict.provenSeq }),
        ...(database === undefined ? {} : { files: database.report }),
        notes: [
          ...found.notes,
          ...(goOn?.notes ?? []),
          ...notesOn(foundValues),
          ...(isLockShown ? [] : [LOCK_NOT_SHOWN]),
        ],
      },
      batches,
      level: paths.level,
      guard,
      space,
      witness,
      release: () => held.close(),
    });
  });
}

/**
 * The paths of a location, by its real path. An absent directory is made if the caller may create a
 * store.
 * @throws LANESTORE_NOT_A_STORE.
 */
async function claim(location: string, mayCreate: boolean, files: Files): Promise<StorePaths> {
  if (!mayCreate || statSync(location, { throwIfNoEntry: false }) !== undefined) {
    const paths = existingLocation(location);
    refuseCopy(paths.location);
    return paths;
  }
  await makeDirectory(location, files);
  return storePaths(realpathSync(location));
}

/** Watches the directory of value files from its creation on; the first value file creates it. */
function guardedValueFiles(files: Files, guard: LocationGuard): Files {
  const guarded = guardedFiles(files, guard);
  const makeDirectory = async (path: string) => {
    await guarded.makeDirectory(path);
    guard.watch(path);
  };
  return { ...guarded, makeDirectory };
}

function openCallersDatabase<B, Q, A>(
  options: DatabaseOptions<B, Q, A>,
  started: number,
): Promise<LevelStore<B, Q, A>> {
  return holding('', async (held) => new LevelStore({ ...(await openDatabase(options, held, started)), store: '' }));
}

/**
 * Opens a store in a database that is closed together with the store; `make` makes it.
 * `store` is its label in metrics.
 * @throws as {@link openLevel}; then the database is closed.
 */
export function openOwnedDatabase<B, Q, A, Store extends LevelStore<B, Q, A>>(
  options: DatabaseOptions<B, Q, A>,
  store: string,
  make: (parts: StoreParts<B, Q, A>) => Store,
): Promise<Store> {
  const started = performance.now();
  return holding(store, async (held) => {
    held.add(() => options.db.close());
    return make({ ...(await openDatabase(options, held, started)), store });
  });
}

async function openDatabase<B, Q, A>(
  options: DatabaseOptions<B, Q, A>,
  held: CloseStack,
  started: number,
): Promise<Omit<StoreParts<B, Q, A>, 'store'>> {
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
  const found = sound(await examineDatabase(engine, { model, depth: 'records', load: options.load ?? true }));
  const { votes } = found.records;
  if (options.durable !== true) refuseSigned(votes);
  return {
    ...partsOf(found, options, limits, started, options.durable === true ? votes : undefined),
    batches,
    release: () => held.close(),
  };
}

/**
 * Checks a database that is opened without its signing state: without that state nothing would stop
 * its key from signing again.
 * @throws LANESTORE_INVALID if a key is bound to the store, or parts of it are closed.
 */
function refuseSigned({ signer, quarantine }: StoredVotes): void {
  if (signer === undefined && quarantine === undefined) return;
  throw new LanestoreError('LANESTORE_INVALID', 'the database holds the signing state of a validator', {
    remedy: 'open it with durable: true, if its synced batches survive a power cut: no other way keeps its votes',
  });
}

/** The components of a running store, from the examined store. */
function partsOf<B, Q, A>(
  { engine, tip, records: found, checkMs }: SoundStore<B, Q, A>,
  { model }: StoreOptions<B, Q, A>,
  limits: AdmissionLimits,
  started: number,
  votes: StoredVotes | undefined,
) {
  const lanes = new Map([...tip.lanes].map(([lane, { first, next }]) => [lane, { first, next }] as const));
  const commitQCs = { first: tip.qc.first, next: tip.qc.next };
  const { recovered, anchor, records, bytes } = found;
  const openMs = performance.now() - started;
  const report = { seq: tip.seq, records, bytes, checkMs, openMs, notes: [] };
  const state = { lanes, commitQCs, anchor, ...(votes === undefined ? {} : { votes }) };
  return { model, engine, tip, votes: votes ?? found.votes, state, recovered, report, limits };
}

/**
 * If the witness proves nothing, or the store is a copy by hard links, closes every part of the
 * votes, in a separate batch before the witness is written.
 */
async function closeUnproven(
  engine: Engine,
  { tip, votes }: { readonly tip: Tip; readonly votes: StoredVotes },
  verdict: WitnessVerdict,
  level: string,
): Promise<AcceptedRollback | undefined> {
  const proven = closedUnlessProven(votes, tip, verdict);
  const closed = proven.signer !== undefined && isLinkedCopy(level) ? closedAsCopy(proven) : proven;
  if (closed === votes) return undefined;
  const [event, why] =
    proven === votes ? ['linked-copy', 'it is a copy by hard links'] : ['witness-torn', 'the witness proves nothing'];
  const next = amended(tip, { votes: closed, event: { event, tipSeq: tip.seq } });
  await engine.write(next.operations);
  return { ...next, needsWitness: false, notes: [`every part of the votes was closed: ${why}`] };
}

/** The note on unknown files among the value files; they are left unchanged. */
function notesOn({ unknown }: FoundValues): string[] {
  return unknown.length === 0 ? [] : [`${VALUES_DIR}/ holds other files: ${unknown.slice(0, 5).join(', ')}`];
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
  await engine.write(firstBatch(model));
}

/**
 * The database of a sublevel with the whole prefix; for any other database, the database itself.
 */
function rootOf(db: AnyLevel): { root: object; prefix: string } {
  const { db: root, prefix } = db as { db?: object; prefix?: string };
  return root === undefined ? { root: db, prefix: '' } : { root, prefix: prefix ?? '' };
}
