/** Options of `openLevel`, and what they are when nothing is said. */
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

/** Options that both ways of opening take. */
export interface StoreOptions<B, Q, A> extends LimitOptions, PlanLimitOptions {
  readonly model: Model<B, Q, A>;
  /** Bytes up to which waiting rounds are merged into one batch. Default 4 MiB. */
  readonly maxMergeBytes?: number;
  /**
   * Stale keys that a round's own batch deletes, beyond which they are swept in the background.
   * Default 4096: only a jump over a long lane leaves any. A small one spreads the work of every
   * anchor.
   */
  readonly maxBatchDeletes?: number;
  /**
   * Hand out the entries at `takeRecovered` (default), or verify all of them and hold none in
   * memory.
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
   * Make a store in an absent or empty location (default), or refuse with LANESTORE_NOT_A_STORE.
   */
  readonly createIfMissing?: boolean;
  /** LevelDB's own settings. */
  readonly level?: LevelOptions;
  /**
   * Bytes of disk that stay free: a round that would leave less is LANESTORE_CAPACITY, nothing is
   * harmed, and `ready` waits for space. Rounds that only prune go on down to what they need
   * themselves. Default: what LevelDB may need to write its buffers out and compact, 204 MiB with
   * the default settings (disk-watermark.ts); 0 turns it off (a value file is then made only where
   * as much stays free).
   */
  readonly minFreeBytes?: number;
  /**
   * @internal What creation and witness are written through, and value files unless `values` names
   * another.
   */
  readonly files?: Files;
  /** @internal What preflight reads by. */
  readonly reads?: FileReads;
  /** @internal */
  readonly freeSpace?: FreeSpace;
  /**
   * Bytes of LevelDB's tables whose checksums are checked before LevelDB is opened, the newest
   * first; a note in `recovery.notes` lists what was left out. 0 checks none. Default 1 GiB, which
   * takes about a second.
   */
  readonly tableCheckBytesMax?: number;
  /**
   * An operator's decision to go on from a store that is refused because of its witness:
   * LANESTORE_ROLLED_BACK, or a witness that is missing or of another store. `seq` is the newest
   * batch in the store, as the error names it. A validator that continues may sign twice. Any other
   * case is LANESTORE_INVALID; damage is LANESTORE_CORRUPT in every case.
   */
  readonly acceptRollback?: AcceptRollback;
  /**
   * Whether large blocks are kept in value files next to LevelDB (default), and how. With false no
   * more are; what is there is read, and given back as it is truncated.
   */
  readonly values?: ValueOptions | boolean;
}

/** Options for a store in a caller's database. */
export interface DatabaseOptions<B, Q, A> extends StoreOptions<B, Q, A> {
  /**
   * Any abstract-level database with snapshots, empty or ours; the caller owns and closes it. Use a
   * sublevel to share one. What is read may share memory with a database that keeps its values in
   * memory: do not write to it.
   */
  readonly db: AnyLevel;
  /**
   * The word of the database's owner that a batch with `sync: true` survives power loss once it
   * resolves. Without it the store keeps no votes: a vote that is lost after it was sent is given a
   * second time. A database that holds the signing state of a validator is refused without it.
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

/** What goes into one batch. */
export interface BatchLimits {
  /** Bytes of encoded entries up to which calls are merged; a single call may have more. */
  readonly mergeBytesMax: number;
  /** Deletes for truncations, sweeping included. */
  readonly deletesMax: number;
}

/**
 * The limits that the options ask for.
 * @throws LANESTORE_INVALID, or a TypeError, for one that is no positive whole number.
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
 * The watch over the free space of a location, unless it is turned off.
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
