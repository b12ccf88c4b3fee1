/** Options of separated values, and their defaults. */

import { checkFiles, diskFiles, type Files } from '../../../base/files.js';
import { byteCount, type Check, type Checks, fields, orBoolean, outOfRange } from '../../../base/options.js';
import { OFFSET_MAX } from '../format/value-ref.js';

/** Options of value files: which block records they hold instead of LevelDB, and their sizes. */
export interface ValueOptions {
  /**
   * Minimum bytes of block records in a batch, each of at least `valueBytesMin`, for the batch to
   * separate them. Default 128 KiB.
   */
  readonly batchBytesMin?: number;
  /** Minimum bytes of a block record that may be separated. Default 8 KiB. */
  readonly valueBytesMin?: number;
  /**
   * Bytes of a value file, a multiple of 4 KiB below 4 GiB. A larger record gets a file of its own.
   * Default 16 MiB.
   */
  readonly fileBytes?: number;
  /**
   * A batch without prepared space is stored inline, as if values were not separated. But if the
   * batch and the rounds waiting after it have at least this many bytes of values, the batch waits
   * for prepared space, which is faster than writing them inline. Default 512 KiB.
   */
  readonly waitBytesMin?: number;
  /**
   * @internal Minimum bytes of a portion. The values of a batch are written and synced in portions.
   */
  readonly portionBytesMin?: number;
  /** @internal */
  readonly files?: Files;
}

/** The options with all defaults, checked. */
export type ValueSettings = Required<ValueOptions> & {
  /** False: no new value is separated; values separated earlier are still read and kept. */
  readonly enabled: boolean;
};

/** Alignment of every write to a value file: a sector holds data of one sync only. */
export const SECTOR_BYTES = 4096;

const KIB = 1024;

/** `bytes` rounded up to whole sectors. */
export function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}

const fileBytes: Check<number> = (value, name) => {
  const bytes = byteCount(value, name);
  if (bytes % SECTOR_BYTES === 0 && bytes <= OFFSET_MAX) return bytes;
  throw outOfRange(name, `a multiple of ${SECTOR_BYTES} below 4 GiB`, bytes);
};

const VALUE_CHECKS: Checks<ValueOptions> = {
  batchBytesMin: byteCount,
  valueBytesMin: byteCount,
  fileBytes,
  waitBytesMin: byteCount,
  portionBytesMin: byteCount,
  files: checkFiles,
};

/** The option `values`. */
export const checkValues = orBoolean(fields(VALUE_CHECKS));

/** The settings for `options`. @throws LANESTORE_INVALID or a TypeError for an invalid option. */
export function valueSettings(options: ValueOptions | boolean = true): ValueSettings {
  checkValues(options, 'values');
  const given = typeof options === 'boolean' ? {} : options;
  return {
    enabled: options !== false,
    batchBytesMin: given.batchBytesMin ?? 128 * KIB,
    valueBytesMin: given.valueBytesMin ?? 8 * KIB,
    fileBytes: given.fileBytes ?? 16 * KIB * KIB,
    waitBytesMin: given.waitBytesMin ?? 512 * KIB,
    portionBytesMin: given.portionBytesMin ?? 512 * KIB,
    files: given.files ?? diskFiles,
  };
}
