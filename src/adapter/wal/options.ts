/** How a state directory, and one log of it, is opened. */
import { checkFiles, type Files } from '../../base/files.js';
import { boolean, byteCount, count, fields, required, string, withMethods } from '../../base/options.js';
import type { Model } from '../../model/model.js';
import { MODEL_CHECK } from '../../model/option-checks.js';
import { LIMIT_CHECKS, type LimitOptions, PLAN_LIMIT_CHECKS, type PlanLimitOptions } from '../backpressure.js';
import { type ABEncoding, checkEncoding } from './ab-format.js';
import type { DescriptorPool } from './descriptor-pool.js';
import type { Reserve } from './reserve.js';

/** Options of `openWal`. */
export interface WalOptions<B, Q, A> extends LimitOptions, PlanLimitOptions {
  readonly model: Model<B, Q, A>;
  /**
   * Sync directories after a segment or a lane's directory was made, renamed or removed. Default true. The original does not
   * (false): after a power cut it relies on the file system to keep names in order.
   */
  readonly directorySync?: boolean;
  /** Hand out the entries at `takeRecovered` (default), or verify them all the same and keep none. */
  readonly load?: boolean;
  /** Make a store in an absent or empty directory (default), or refuse with LANESTORE_NOT_A_STORE. */
  readonly createIfMissing?: boolean;
  /**
   * How new A/B files are written; a store that has some keeps their encoding. Default `crc`, and `wrapper` in a directory that the original made
   * and that has no anchor yet: one of 11419398f needs it. For one of 78c53ddf1, which looks the same then, say `crc`.
   */
  readonly encoding?: ABEncoding;
  /** @internal Size that a segment is cycled at. Default 20 MiB, as the original. */
  readonly segmentBytes?: number;
  /** @internal Tails of logs that are kept open. Default 128. */
  readonly openFilesMax?: number;
  /** @internal */
  readonly files?: Files;
}

/** The options of `openWal`. */
export const checkWalOptions = fields<WalOptions<unknown, unknown, unknown>>({
  ...MODEL_CHECK,
  ...LIMIT_CHECKS,
  ...PLAN_LIMIT_CHECKS,
  directorySync: boolean,
  load: boolean,
  createIfMissing: boolean,
  encoding: checkEncoding,
  segmentBytes: byteCount,
  openFilesMax: count,
  files: checkFiles,
});

/** Options of `IndexedWal.open`. */
export interface IndexedWalOptions {
  /** Where the bytes of torn tails are kept; made when needed. Must not be a directory that the original looks for logs in. */
  readonly tornDirectory: string;
  /** Begins the names in `tornDirectory`, and messages. Default `log`. */
  readonly label?: string;
  /** Sync the directory after a segment was made, renamed or removed. Default true; false is exactly the original. */
  readonly directorySync?: boolean;
  /** @internal Size that a segment is cycled at. */
  readonly segmentBytes?: number;
  /** @internal Shared with other logs. */
  readonly pool?: DescriptorPool;
  /** @internal */
  readonly reserve?: Reserve;
  /** @internal */
  readonly files?: Files;
}

/** The options of `IndexedWal.open`. */
export const checkIndexedWalOptions = fields<IndexedWalOptions>({
  tornDirectory: required(string),
  label: string,
  directorySync: boolean,
  segmentBytes: byteCount,
  pool: withMethods<DescriptorPool>('a pool of descriptors', 'open', 'used'),
  reserve: withMethods<Reserve>('a reserve', 'giveUp', 'spend'),
  files: checkFiles,
});
