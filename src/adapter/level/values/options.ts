/** What may be said about separated values at open, and what holds when nothing is said. */
import { LanestoreError } from '../../../errors.js';
import { diskFiles, type Files } from '../../files.js';
import { positiveBytes } from '../../room.js';
import { OFFSET_MAX } from './reference.js';

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

type BytesOption = 'batchBytesMin' | 'valueBytesMin' | 'fileBytes' | 'waitBytesMin' | 'portionBytesMin';

/** Everything in a value file is aligned to this: a sector holds data of one sync only. */
export const SECTOR_BYTES = 4096;

const KIB = 1024;

/** `bytes` rounded up to whole sectors. */
export function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}

/** The settings that the options ask for. @throws LANESTORE_INVALID, or a TypeError, for one that cannot be. */
export function valueSettings(options: ValueOptions | boolean = true): ValueSettings {
  const given = typeof options === 'object' && options !== null ? options : {};
  if (typeof options !== 'boolean' && given !== options) throw new TypeError('values must be an object or a boolean');
  const bytes = (name: BytesOption, otherwise: number) => positiveBytes(`values.${name}`, given[name] ?? otherwise);
  const fileBytes = bytes('fileBytes', 16 * KIB * KIB);
  if (fileBytes % SECTOR_BYTES !== 0 || fileBytes > OFFSET_MAX) {
    throw new LanestoreError(
      'LANESTORE_INVALID',
      `values.fileBytes must be a multiple of ${SECTOR_BYTES} below 4 GiB, got ${fileBytes}`,
    );
  }
  return {
    enabled: options !== false,
    batchBytesMin: bytes('batchBytesMin', 128 * KIB),
    valueBytesMin: bytes('valueBytesMin', 8 * KIB),
    fileBytes,
    waitBytesMin: bytes('waitBytesMin', 512 * KIB),
    portionBytesMin: bytes('portionBytesMin', 512 * KIB),
    files: given.files ?? diskFiles,
  };
}
