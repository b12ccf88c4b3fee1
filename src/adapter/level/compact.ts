/** Compacts a store on which no node runs. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CloseStack, releasing } from '../../base/close-stack.js';
import { boolean, fields, string } from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import type { Model } from '../../model/model.js';
import { MODEL_CHECK } from '../../model/option-checks.js';
import { LocationGuard } from '../location-guard.js';
import { lockDirectory } from '../lock.js';
import { coded } from './database.js';
import { freeSpaceOf } from './disk-watermark.js';
import { linkedError } from './open/amend-store.js';
import { examine, examineCopy, sound } from './open/examine.js';
import { openInPlace } from './open/in-place.js';
import { isLinkedCopy } from './open/linked-copy.js';
import { existingLocation } from './open/location.js';
import { refuseIfOpenElsewhere } from './open/probe-lock.js';
import { hasCompressedTables, levelMap } from './preflight/level-map.js';

/** Options of {@link compactStore}. */
export interface CompactOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** True: check the store, and change nothing; a node may run on it. Default false. */
  readonly dryRun?: boolean;
}

/** The number and the size of LevelDB's tables and logs. */
export interface LevelSize {
  readonly files: number;
  readonly bytes: number;
}

/** The result of {@link compactStore}, or its plan. */
export interface CompactReport {
  /** The real path of the store. */
  readonly location: string;
  /** The newest batch; a compaction does not change it. */
  readonly seq: bigint;
  readonly before: LevelSize;
  /** Absent after a dry run. */
  readonly after?: LevelSize;
  /** Bytes that must be free, because old tables are removed after the new ones are complete. */
  readonly neededBytes: number;
  readonly freeBytes: number;
}

/** Free bytes for the new MANIFEST, log and LOG. */
const MARGIN_BYTES = 16 * 1024 * 1024;
/** Above all keys of a store, which are ASCII. */
const AFTER_ALL_KEYS = '~';

const checkOptions = fields<CompactOptions<unknown, unknown, unknown>>({ ...MODEL_CHECK, dryRun: boolean });

/**
 * Rewrites all tables of the store in `location` without deleted and overwritten records. No node
 * may run on the store. The content does not change, and no batch is written. The whole store is
 * first checked on a private copy. After a crash at any moment the store opens with the same
 * content, because LevelDB syncs new tables and its MANIFEST before it removes old tables.
 * @throws LANESTORE_CORRUPT, LANESTORE_ROLLED_BACK for a store that does not open;
 * LANESTORE_CAPACITY if there is no space for the new tables: then nothing was changed;
 * LANESTORE_IO if LevelDB could not write them; the errors of an open of the store.
 */
export async function compactStore<B, Q, A>(
  location: string,
  options: CompactOptions<B, Q, A>,
): Promise<CompactReport> {
  string(location, 'compactStore: location');
  checkOptions(options, 'compactStore: options');
  const held = new CloseStack();
  try {
    return await releasing(
      () => held.close(),
      () => compact(location, options, held),
    );
  } catch (error) {
    throw coded(error);
  }
}

async function compact<B, Q, A>(
  location: string,
  { model, dryRun = false }: CompactOptions<B, Q, A>,
  held: CloseStack,
): Promise<CompactReport> {
  const paths = existingLocation(location);
  const guard = new LocationGuard();
  held.add(() => guard.close());
  if (!dryRun) {
    held.add(await lockDirectory(paths.location));
    guard.watch(paths.location);
    await refuseIfOpenElsewhere(paths.level);
    if (isLinkedCopy(paths.level)) throw linkedError(paths.level);
  }
  const seq = await examineCopy(paths, { model, depth: 'records', values: true }, async (copy) => sound(copy).tip.seq);
  const before = levelSize(paths.level);
  const neededBytes = before.bytes + MARGIN_BYTES;
  const freeBytes = await freeSpaceOf(paths.location).read();
  if (freeBytes < neededBytes) throw noRoom(paths.location, neededBytes, freeBytes);
  const plan = { location: paths.location, seq, before, neededBytes, freeBytes };
  if (dryRun) return plan;
  // As the tables are: otherwise a compaction of compressed tables would take space.
  const compression = await hasCompressedTables(paths.level);
  const database = () => openInPlace(paths, { model, level: { compression } }, guard, held);
  // The records were read on the copy, and nothing else writes to the store meanwhile.
  const { engine } = sound(await examine(paths, { model, depth: 'singles', database }));
  const deepest = Math.max(1, ...(await levelsOf(paths.level)));
  await engine.compact('', AFTER_ALL_KEYS);
  // LevelDB reports no error of a compaction. One of all keys moves all of them to the deepest
  // level, or below it; nothing else writes tables meanwhile.
  if ((await levelsOf(paths.level)).some((level) => level < deepest)) throw notCompacted(paths.level);
  return { ...plan, after: levelSize(paths.level) };
}

/** The levels of the live tables. */
async function levelsOf(directory: string): Promise<number[]> {
  return (await levelMap(directory)).tables.map(({ level }) => level);
}

/** Counts tables and logs. A file that LevelDB removes during the scan is not counted. */
function levelSize(level: string): LevelSize {
  const sizes = readdirSync(level)
    .filter((name) => /\.(?:ldb|sst|log)$/.test(name))
    .flatMap((name) => statSync(join(level, name), { throwIfNoEntry: false })?.size ?? []);
  return { files: sizes.length, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
}

function noRoom(location: string, needed: number, free: number): LanestoreError {
  const message = `${location}: a compaction needs ${needed} free bytes for the new tables, but only ${free} are free`;
  return new LanestoreError('LANESTORE_CAPACITY', message, {
    remedy: 'free space on the disk of the store, and run it again; nothing was changed',
  });
}

/** The error of a compaction that LevelDB gave up. */
function notCompacted(level: string): LanestoreError {
  const message = `${level}: LevelDB did not finish the compaction: ${reasonInLog(level)}`;
  return new LanestoreError('LANESTORE_IO', message, {
    remedy:
      'check the disk, its quota and limits on the size of files, and run it again; the content is as it was, ' +
      'and unfinished tables are removed when the store is opened',
  });
}

/** What LevelDB's LOG says; on a full disk LevelDB may not have written it. */
function reasonInLog(level: string): string {
  const unknown = 'its LOG does not say why';
  try {
    return /Compaction error: (.*)/.exec(readFileSync(join(level, 'LOG'), 'utf8'))?.[1] ?? unknown;
  } catch {
    return unknown;
  }
}
