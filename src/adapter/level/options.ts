/** Options of `openLevel`, and their defaults. */
import { checkFiles, checkReads, type FileReads, type Files } from '../../base/files.js';
import { boolean, byteCount, type Checks, count, fields, required, uint64, withMethods } from '../../base/options.js';
import type { Model } from '../../model/model.js';
import { MODEL_CHECK } from '../../model/option-checks.js';
import { LIMIT_CHECKS, type LimitOptions, PLAN_LIMIT_CHECKS, type PlanLimitOptions } from '../backpressure.js';
import { checkLevelOptions, type LevelOptions, TABLE_FILE_BYTES, WRITE_BUFFER_BYTES } from './database.js';
import {
  checkMinFreeBytes,
  DiskSpace,
  defaultMinFreeBytes,
  type FreeSpace,
  freeSpaceOf,
  spaceLimits,
} from './disk-watermark.js';
import type { AnyLevel } from './engine.js';
import { checkTableCheckBytes } from './preflight/index.js';
import { checkValues, type ValueOptions } from './values/options.js';
import { BATCH_DELETES } from './write/batch.js';

/** Options of both overloads. */
export interface StoreOptions<B, Q, A> extends LimitOptions, PlanLimitOptions {
  readonly model: Model<B, Q, A>;
  /** Maximum number of bytes of waiting rounds that are merged into one batch. Default 4 MiB. */
  readonly maxMergeBytes?: number;
  /**
   * Maximum number of stale keys that a round's own batch deletes; the sweeper deletes the rest in
   * the background. Default 4096: only a jump over a long lane has more. A small value spreads the
   * deletes of every anchor over several batches.
   */
  readonly maxBatchDeletes?: number;
  /**
   * True (default): `takeRecovered` returns the entries. False: all entries are verified, and none
   * is kept in memory.
   */
  readonly load?: boolean;
}

/** The option `acceptRollback`. */
export interface AcceptRollback {
  readonly seq: bigint;
}

/** Options for a store in a location of its own. */
export interface LocationOptions<B, Q, A> extends StoreOptions<B, Q, A> {
  /**
   * True (default): creates a store in an absent or empty location. False: refuses it with
   * LANESTORE_NOT_A_STORE.
   */
  readonly createIfMissing?: boolean;
  /** LevelDB's own settings. */
  readonly level?: LevelOptions;
  /**
   * Bytes of disk space that stay free. A round that would leave less is refused with
   * LANESTORE_CAPACITY, and `ready` waits for space. Rounds that only prune are accepted as long as
   * there is space for the rounds themselves. Default: the space that LevelDB may need to flush its
   * buffers and compact, 204 MiB with the default settings (disk-watermark.ts). 0 turns the check
   * off; a value file is then still made only if at least as many bytes stay free as it has.
   */
  readonly minFreeBytes?: number;
  /**
   * @internal The file system port for creation, the witness, and value files unless `values` names
   * another.
   */
  readonly files?: Files;
  /** @internal The reads of preflight. */
  readonly reads?: FileReads;
  /** @internal */
  readonly freeSpace?: FreeSpace;
  /**
   * Bytes of LevelDB's tables whose checksums are checked before LevelDB is opened, the newest
   * first; a note in `recovery.notes` lists the omitted tables. 0 checks none. Default 1 GiB, which
   * takes about a second.
   */
  readonly tableCheckBytesMax?: number;
  /**
   * An operator's decision to continue from a store that is refused because of its witness:
   * LANESTORE_ROLLED_BACK, or a witness that is missing or of another store. `seq` is the newest
   * batch in the store, as the error names it. A validator that continues may sign twice. Any other
   * case is LANESTORE_INVALID; damage is LANESTORE_CORRUPT in every case.
   */
  readonly acceptRollback?: AcceptRollback;
  /**
   * True or options (default true): large blocks are kept in value files next to LevelDB. False: no
   * further values are written there; existing ones are still read, and their space is freed as
   * they are truncated.
   */
  readonly values?: ValueOptions | boolean;
}

/** Options for a store in a caller's database. */
export interface DatabaseOptions<B, Q, A> extends StoreOptions<B, Q, A> {
  /**
   * Any abstract-level database with snapshots, empty or ours; the caller owns and closes it. Use a
   * sublevel to share one. Entries that are read may share memory with a database that keeps its
   * values in memory: do not modify them.
   */
  readonly db: AnyLevel;
  /**
   * The owner's assurance that a batch with `sync: true` survives power loss once it resolves.
   * Without it the store keeps no votes: a vote lost after it was sent could be given a second
   * time. Without it, a database that holds the signing state of a validator is refused.
   */
  readonly durable?: boolean;
}

/** The checks of {@link StoreOptions}. */
export const STORE_CHECKS: Checks<StoreOptions<unknown, unknown, unknown>> = {
  ...MODEL_CHECK,
  ...LIMIT_CHECKS,
  ...PLAN_LIMIT_CHECKS,
  maxMergeBytes: byteCount,
  maxBatchDeletes: count,
  load: boolean,
};

/** The options of `openLevel(location, options)`. */
export const checkLocationOptions = fields<LocationOptions<unknown, unknown, unknown>>({
  ...STORE_CHECKS,
  createIfMissing: boolean,
  level: checkLevelOptions,
  minFreeBytes: checkMinFreeBytes,
  files: checkFiles,
  reads: checkReads,
  freeSpace: withMethods('a source of free bytes', 'read', 'readNow'),
  tableCheckBytesMax: checkTableCheckBytes,
  acceptRollback: fields<AcceptRollback>({ seq: required(uint64) }),
  values: checkValues,
});

/** The options of `openLevel(options)`. */
export const checkDatabaseOptions = fields<DatabaseOptions<unknown, unknown, unknown>>({
  ...STORE_CHECKS,
  db: required(withMethods('an abstract-level database', 'open', 'get', 'batch', 'iterator', 'keys')),
  durable: boolean,
});

const MERGE_BYTES = 4 * 1024 * 1024;

/** Limits of one batch. */
export interface BatchLimits {
  /** Maximum number of bytes of encoded entries in merged calls; a single call may have more. */
  readonly mergeBytesMax: number;
  /** Deletes for truncations, sweeping included. */
  readonly deletesMax: number;
}

/**
 * The limits that the options ask for.
 * @throws LANESTORE_INVALID or TypeError for a value that is not a positive integer.
 */
export function batchLimits(
  options: Pick<StoreOptions<unknown, unknown, unknown>, 'maxMergeBytes' | 'maxBatchDeletes'>,
): BatchLimits {
  return {
    mergeBytesMax: byteCount(options.maxMergeBytes ?? MERGE_BYTES, 'maxMergeBytes'),
    deletesMax: count(options.maxBatchDeletes ?? BATCH_DELETES, 'maxBatchDeletes'),
  };
}

/**
 * The check of a location's free space; undefined if it is turned off.
 * @throws LANESTORE_INVALID, TypeError; what the file system throws.
 */
export function diskSpaceOf(
  location: string,
  options: Pick<LocationOptions<unknown, unknown, unknown>, 'level' | 'minFreeBytes' | 'freeSpace'>,
): DiskSpace | undefined {
  const { writeBufferBytes = WRITE_BUFFER_BYTES, tableFileBytes = TABLE_FILE_BYTES } = options.level ?? {};
  const minFreeBytes = options.minFreeBytes ?? defaultMinFreeBytes(writeBufferBytes, tableFileBytes);
  const limits = spaceLimits(minFreeBytes, writeBufferBytes);
  return minFreeBytes === 0 ? undefined : new DiskSpace(options.freeSpace ?? freeSpaceOf(location), limits);
}
