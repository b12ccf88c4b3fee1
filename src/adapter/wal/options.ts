/** Options for opening a state directory, or a single log. */
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
   * Sync a directory after a segment or a lane's directory in it was created, renamed or removed.
   * Default true. The original does not sync (false): after a power cut it relies on the file
   * system to keep the order of these operations.
   */
  readonly directorySync?: boolean;
  /**
   * True (default): `takeRecovered` returns the stored entries. False: the entries are verified and
   * not kept.
   */
  readonly load?: boolean;
  /**
   * True (default): create a store in an absent or empty directory. False: throw
   * LANESTORE_NOT_A_STORE there.
   */
  readonly createIfMissing?: boolean;
  /**
   * Encoding of new A/B files; a store that has some keeps their encoding. The default is `crc`,
   * except in a directory that the original created and that has no anchor yet: there it is
   * `wrapper`, which the original at 11419398f needs. Such a directory looks the same if the
   * original at 78c53ddf1 created it; pass `crc` then.
   */
  readonly encoding?: ABEncoding;
  /**
   * @internal Size at which a segment is closed and the next one begun, in bytes. Default 20 MiB,
   * as in the original.
   */
  readonly segmentBytes?: number;
  /** @internal Upper bound of open log tails. Default 128. */
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
  /**
   * Directory for the bytes of torn tails; created when needed. Must not be a directory in which
   * the original looks for logs.
   */
  readonly tornDirectory: string;
  /** Prefix of the names in `tornDirectory` and of messages. Default `log`. */
  readonly label?: string;
  /**
   * Sync the directory after a segment was created, renamed or removed. Default true; the original
   * behaves as with false.
   */
  readonly directorySync?: boolean;
  /** @internal Size at which a segment is closed and the next one begun, in bytes. */
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
