/** What may be said about separated values at open, and what holds when nothing is said. */

import { checkFiles, diskFiles, type Files } from '../../../base/files.js';
import { byteCount, type Check, type Checks, fields, orBoolean, outOfRange } from '../../../base/options.js';
import { OFFSET_MAX } from '../format/value-ref.js';

/** Which block records are kept in value files beside LevelDB, and how those files are. */
export interface ValueOptions {
  /** Bytes of block records, each of `valueBytesMin` or more, from which on a batch has them separated. Default 128 KiB. */
  readonly batchBytesMin?: number;
  /** Bytes from which on a block's record may be separated. Default 8 KiB. */
  readonly valueBytesMin?: number;
  /** Bytes of a value file, a multiple of 4 KiB. A larger record gets a file of its own. Default 16 MiB. */
  readonly fileBytes?: number;
  /**
   * A batch that finds no space prepared is stored inline, as if values were not separated; if this many bytes of values are in it or wait
   * behind it, it waits for the preparation instead, which is quicker then. Default 512 KiB.
   */
  readonly waitBytesMin?: number;
  /** @internal Bytes from which on a part of a batch's values is written, and synced, before the rest. */
  readonly portionBytesMin?: number;
  /** @internal */
  readonly files?: Files;
}

/** The same, complete and checked. */
export type ValueSettings = Required<ValueOptions> & {
  /** False: what is separated is read and kept, nothing new is. */
  readonly enabled: boolean;
};

/** Everything in a value file is aligned to this: a sector holds data of one sync only. */
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

/** The settings that the options ask for. @throws LANESTORE_INVALID, or a TypeError, for one that cannot be. */
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
