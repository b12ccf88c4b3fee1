/** Opens classic-level with the options of this store, and turns its errors into coded ones. */
import type { ClassicLevel } from 'classic-level';
import { boolean, fields, wholeNumber } from '../../base/options.js';
import { messageOf } from '../../base/permission-model.js';
import { LanestoreError } from '../../errors.js';
import { loadClassicLevel } from '../classic-level.js';

/**
 * LevelDB's own settings, in the ranges that LevelDB accepts. docs/benchmarks-details.md explains
 * the defaults; `bench/experiments/tune.ts` compares other values on your disk.
 */
export interface LevelOptions {
  /**
   * Bytes that LevelDB collects before it writes a table. A larger buffer writes fewer bytes, but
   * has a longer log to replay at open, longer stalls when a table is written, more dead entries on
   * disk, and more memory (twice this). 64 KiB to 1 GiB. Default 2 MiB; 16 MiB if `values` is false
   * and blocks are large.
   */
  readonly writeBufferBytes?: number;
  /** Bytes of a table file, 1 MiB to 1 GiB. Default 8 MiB. */
  readonly tableFileBytes?: number;
  /** Bytes of a table's block before compression, 1 KiB to 4 MiB. Default 4 KiB. */
  readonly blockBytes?: number;
  /** Bytes of the cache of uncompressed blocks, 0 to 2 GiB. Default 8 MiB. */
  readonly cacheBytes?: number;
  /**
   * Snappy compression of tables. Blocks of a chain are mostly signatures, hashes and packed
   * transactions, which hardly compress. Default false.
   */
  readonly compression?: boolean;
}

const KIB = 1024;
const MIB = KIB * KIB;
const GIB = KIB * MIB;

/**
 * For a value out of range LevelDB would silently use the nearest bound, and classic-level would
 * pass the value modulo 2^32.
 */
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

/**
 * Number of tables that LevelDB keeps mapped. It bounds the address space; the mapped bytes are in
 * the page cache.
 */
const OPEN_FILES_MAX = 256;

/** A LevelDB, opened with the encodings of this store. */
export type Database = ClassicLevel<string, Uint8Array>;

/**
 * Opens the LevelDB in `path`. `keyEncoding` applies to calls that pass none: `view` accepts a key
 * as bytes or text, and returns bytes.
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

/**
 * The coded error for an open that classic-level refused. The reason is in the `cause` of
 * classic-level's error.
 */
export function openError(path: string, error: unknown): LanestoreError {
  const reason = (error as { cause?: unknown }).cause ?? error;
  const { code } = reason as { code?: string };
  const text = messageOf(reason);
  if (code === 'LEVEL_LOCKED') {
    return new LanestoreError('LANESTORE_LOCKED', `${path} is open in another process: ${text}`, { cause: error });
  }
  // Without a code: there is no database.
  if (isDamage(code, text) || (code === undefined && /does not exist/.test(text))) {
    return levelDamage(`LevelDB does not open ${path}`, text, error);
  }
  return new LanestoreError('LANESTORE_IO', `LevelDB cannot open ${path}: ${text}`, { cause: error });
}

/**
 * True if the cause is the state of LevelDB's files, not a refusal by the system. Another database
 * may use the same words, so only an error of classic-level is looked at.
 */
export function isDamage(code: string | undefined, text: string): boolean {
  if (code === 'LEVEL_CORRUPTION') return true;
  return (
    code === 'LEVEL_IO_ERROR' && (/No such file or directory|does not exist/.test(text) || READ_BEYOND_END.test(text))
  );
}

/**
 * A table that is shorter than its index says. LevelDB calls that an I/O error, although the system
 * refused nothing.
 */
const READ_BEYOND_END = /\.(ldb|sst): Invalid argument/;

/** The error for damage that LevelDB itself reports. */
export function levelDamage(what: string, detail: string, cause: unknown): LanestoreError {
  return new LanestoreError('LANESTORE_CORRUPT', `${what}: ${detail}`, {
    cause,
    findings: [{ kind: 'leveldb', file: 'level', detail }],
  });
}

/**
 * Turns errors of the system and of classic-level into coded ones; returns a programming error
 * unchanged.
 */
export function coded(error: unknown): unknown {
  if (error instanceof LanestoreError || error instanceof TypeError) return error;
  // abstract-level's wrapper of what a database rejected its opening with.
  const isWrapped = (error as { code?: string }).code === 'LEVEL_DATABASE_NOT_OPEN';
  const reason = (isWrapped ? (error as Error).cause : undefined) ?? error;
  if (reason instanceof LanestoreError) return reason;
  const { code } = reason as { code?: string };
  const text = messageOf(reason);
  if (code === 'LEVEL_LOCKED') {
    return new LanestoreError('LANESTORE_LOCKED', `the database is open elsewhere: ${text}`, { cause: error });
  }
  if (isDamage(code, text)) return levelDamage('LevelDB found damage', text, error);
  return new LanestoreError('LANESTORE_IO', `the store cannot be opened: ${text}`, { cause: error });
}

/** Everything was released all the same, and what was acknowledged had been synced before. */
export function closingFailed(cause: unknown): LanestoreError {
  if (cause instanceof LanestoreError) return cause;
  const reason = messageOf(cause);
  return new LanestoreError('LANESTORE_IO', `closing the store failed: ${reason}`, { cause });
}

/** What a rejected write leaves the store with. */
export function writeFailed(cause: unknown): LanestoreError {
  if (cause instanceof LanestoreError && cause.code === 'LANESTORE_FAILED') return cause;
  const reason = messageOf(cause);
  return new LanestoreError('LANESTORE_FAILED', `a write was rejected, reopen the store: ${reason}`, { cause });
}
