/** classic-level as this store opens it: its options, and its errors turned into coded ones. */
import type { ClassicLevel } from 'classic-level';
import { boolean, fields, wholeNumber } from '../../base/options.js';
import { messageOf } from '../../base/permission-model.js';
import { LanestoreError } from '../../errors.js';
import { loadClassicLevel } from '../classic-level.js';

/** LevelDB's own settings, in the ranges that LevelDB takes. docs/benchmarks-details.md says why the defaults are what they are; `bench/experiments/tune.ts` compares others on your disk. */
export interface LevelOptions {
  /**
   * Bytes that LevelDB gathers before it writes a table. Larger: fewer bytes written, but a longer log to replay at open, longer stalls when a
   * table is written, more dead entries on the disk, more memory (twice this). 64 KiB to 1 GiB. Default 2 MiB; 16 MiB where `values` is false
   * and blocks are large.
   */
  readonly writeBufferBytes?: number;
  /** Bytes of a table file, 1 MiB to 1 GiB. Default 8 MiB. */
  readonly tableFileBytes?: number;
  /** Bytes of a table's block before compression, 1 KiB to 4 MiB. Default 4 KiB. */
  readonly blockBytes?: number;
  /** Bytes of the cache of uncompressed blocks, 0 to 2 GiB. Default 8 MiB. */
  readonly cacheBytes?: number;
  /** Snappy compression of tables. Blocks of a chain are mostly signatures, hashes and packed transactions. Default false. */
  readonly compression?: boolean;
}

const KIB = 1024;
const MIB = KIB * KIB;
const GIB = KIB * MIB;

/** LevelDB would silently take the nearest end of its range instead; classic-level would take the rest modulo 2^32. */
export const checkLevelOptions = fields<LevelOptions>({
  writeBufferBytes: wholeNumber(64 * KIB, GIB, 'of bytes'),
  tableFileBytes: wholeNumber(MIB, GIB, 'of bytes'),
  blockBytes: wholeNumber(KIB, 4 * MIB, 'of bytes'),
  cacheBytes: wholeNumber(0, 2 * GIB, 'of bytes'),
  compression: boolean,
});

/** Default of {@link LevelOptions.writeBufferBytes}. */
export const WRITE_BUFFER_BYTES = 2 * MIB;
/** Default of {@link LevelOptions.tableFileBytes}. */
export const TABLE_FILE_BYTES = 8 * MIB;

/** Tables that LevelDB keeps mapped: bounds the address space, not the memory, which is the page cache's. */
const OPEN_FILES_MAX = 256;

/** A LevelDB as this store opens it. */
export type Database = ClassicLevel<string, Uint8Array>;

/**
 * Opens the LevelDB in `path`. `keyEncoding` is for calls that name none: `view` takes a key as bytes, or as text, and gives bytes.
 * @throws LANESTORE_LOCKED, LANESTORE_CORRUPT, LANESTORE_IO.
 */
export async function openDatabase(
  path: string,
  options: LevelOptions,
  create: boolean,
  keyEncoding: 'view' | 'utf8' = 'view',
): Promise<Database> {
  const LevelDB = await loadClassicLevel();
  const db: Database = new LevelDB(path, {
    keyEncoding,
    valueEncoding: 'view',
    createIfMissing: create,
    writeBufferSize: options.writeBufferBytes ?? WRITE_BUFFER_BYTES,
    maxFileSize: options.tableFileBytes ?? TABLE_FILE_BYTES,
    blockSize: options.blockBytes ?? 4096,
    cacheSize: options.cacheBytes ?? 8 * MIB,
    compression: options.compression ?? false,
    maxOpenFiles: OPEN_FILES_MAX,
  });
  try {
    await db.open();
  } catch (error) {
    throw openError(path, error);
  }
  return db;
}

/** What classic-level's reason for not opening means here. The reason stands in the `cause` of its error. */
export function openError(path: string, error: unknown): LanestoreError {
  const reason = (error as { cause?: unknown }).cause ?? error;
  const { code } = reason as { code?: string };
  const text = messageOf(reason);
  if (code === 'LEVEL_LOCKED') {
    return new LanestoreError('LANESTORE_LOCKED', `${path} is open in another process: ${text}`, { cause: error });
  }
  if (isDamage(code, text)) return levelDamage(`LevelDB does not open ${path}`, text, error);
  return new LanestoreError('LANESTORE_IO', `LevelDB cannot open ${path}: ${text}`, { cause: error });
}

/** True if LevelDB's reason is the state of its files, not the system's refusal. */
export function isDamage(code: string | undefined, text: string): boolean {
  return (
    code === 'LEVEL_CORRUPTION' || /No such file or directory|does not exist/.test(text) || READ_BEYOND_END.test(text)
  );
}

/** A table that is shorter than what its index says: LevelDB calls that an I/O error, but the system refused nothing. */
const READ_BEYOND_END = /\.(ldb|sst): Invalid argument/;

/** The error for damage that LevelDB itself reports. */
export function levelDamage(what: string, detail: string, cause: unknown): LanestoreError {
  return new LanestoreError('LANESTORE_CORRUPT', `${what}: ${detail}`, {
    cause,
    findings: [{ kind: 'leveldb', file: 'level', detail }],
  });
}
