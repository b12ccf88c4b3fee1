/**
 * The format of LevelDB's write-ahead logs and of its MANIFEST (doc/log_format.md, db/log_reader.cc
 * and log_writer.cc of LevelDB 1.20).
 *
 * A file is a sequence of blocks of 32 KiB; only the last one may be shorter. A block holds
 * physical records. Fewer than 7 bytes at the end of a block are a trailer of zeros.
 *
 *      offset   0                4              6       7                      7 + length
 *               crc (masked)     length (u16)   type    payload ............
 *               CRC-32C of type and payload; numbers little-endian
 *
 * type: 1 full; 2 first, 3 middle, 4 last fragment of a record that crosses a block border. A first
 * or middle fragment ends with its block.
 *
 * How LevelDB reads an incomplete file decides what the store holds afterwards:
 * - A record cut by the end of the file, and a fragmented record without its last part: absent,
 *   without an error.
 * - Type 0 with length 0 (never written, preallocated): the rest of the block is skipped. It is an
 *   error only inside a fragmented record.
 * - Anything else that is wrong: the rest of the block is skipped and reported. The reader of a log
 *   ignores the report; the reader of a MANIFEST fails on it.
 * - Then reading goes on at the next block; middle and last fragments without a first one are
 *   skipped.
 *
 * So LevelDB never searches the skipped bytes for another record.
 */
import { crc32c } from '../../../base/crc32c.js';
import { fixed32, startsWith, unmaskCrc } from './bytes.js';
import type { SourceFile } from './file.js';

/** Bytes of a block. */
export const LOG_BLOCK_BYTES = 32768;
/** Bytes of the header before a payload. */
export const LOG_HEADER_BYTES = 7;
/** Types of physical records. */
export const RecordType = { full: 1, first: 2, middle: 3, last: 4 } as const;

/** The first damage of a log. */
export interface LogDamage {
  /**
   * Offset of the damaged physical record; the size of the file if it ends between two fragments.
   */
  readonly offset: number;
  /**
   * Offset of the first record that is lost; lower than `offset` if its first fragments are whole.
   */
  readonly recordAt: number;
  readonly detail: string;
  /**
   * True if LevelDB reports it as corruption: its MANIFEST reader then refuses, its log reader
   * continues without an error.
   */
  readonly reported: boolean;
}

/** Receives the records that LevelDB would read; the bytes are valid only during the call. */
export interface RecordSink {
  /** A record begins. */
  begin(): void;
  /** The next bytes of the record. */
  data(bytes: Uint8Array): void;
  /**
   * The record is whole; it began at offset `at`. `behindDamage`: there is damage before it, and
   * LevelDB reads it nevertheless.
   */
  end(at: number, behindDamage: boolean): void;
}

/**
 * Bytes of a log that are processed in one turn of the event loop: up to about ten thousand
 * records.
 */
const LOG_PORTION_BYTES = 8 * LOG_BLOCK_BYTES;

/** Reads a whole log as LevelDB does. Returns the first damage, if any. */
export async function readLog(
  file: Pick<SourceFile, 'portions' | 'size'>,
  sink: RecordSink,
): Promise<LogDamage | undefined> {
  const parser = new LogParser(sink, file.size);
  const read = (portion: Uint8Array, at: number) => {
    for (let from = 0; from < portion.length; from += LOG_BLOCK_BYTES) {
      parser.block(portion.subarray(from, from + LOG_BLOCK_BYTES), at + from);
    }
  };
  await file.portions(0, file.size, read, LOG_PORTION_BYTES);
  return parser.finish();
}

/** True if the crc of the physical record at `at`, whose payload ends at `end`, matches. */
export function isWhole(bytes: Uint8Array, at: number, end: number): boolean {
  return unmaskCrc(fixed32(bytes, at)) === crc32c(bytes.subarray(at + LOG_HEADER_BYTES - 1, end));
}

class LogParser {
  readonly #sink: RecordSink;
  readonly #size: number;
  /** Offset of the record whose fragments are being read. */
  #openAt: number | undefined;
  #damage: LogDamage | undefined;

  constructor(sink: RecordSink, size: number) {
    this.#sink = sink;
    this.#size = size;
  }

  block(block: Uint8Array, base: number): void {
    // LevelDB detects the end of a file by a short read; after a full last block it has not
    // detected the end yet.
    const isEnd = block.length < LOG_BLOCK_BYTES;
    let at = 0;
    while (block.length - at >= LOG_HEADER_BYTES) {
      const length = block[at + 4]! | (block[at + 5]! << 8);
      const type = block[at + 6]!;
      const end = at + LOG_HEADER_BYTES + length;
      if (end > block.length) {
        if (isEnd) this.#cut(base + at, 'the file ends inside a record');
        else this.#bad(base + at, `a record of ${length} bytes does not fit in its block`, true);
        return;
      }
      if (type === 0 && length === 0) {
        this.#bad(base + at, 'zeros where a record should begin', this.#openAt !== undefined);
        return;
      }
      if (!isWhole(block, at, end)) {
        this.#bad(base + at, 'the checksum of a record does not match', true);
        return;
      }
      this.#physical(type, block.subarray(at + LOG_HEADER_BYTES, end), base + at);
      at = end;
    }
    if (isEnd && at < block.length) this.#cut(base + at, 'the file ends inside the header of a record');
  }

  finish(): LogDamage | undefined {
    if (this.#openAt !== undefined) this.#cut(this.#size, 'the file ends between the parts of a record');
    return this.#damage;
  }

  #physical(type: number, payload: Uint8Array, offset: number): void {
    switch (type) {
      case RecordType.full:
      case RecordType.first:
        if (this.#openAt !== undefined)
          this.#found(offset, 'a record begins where the rest of another should be', true);
        this.#openAt = offset;
        this.#sink.begin();
        this.#sink.data(payload);
        if (type === RecordType.full) this.#end();
        return;
      case RecordType.middle:
      case RecordType.last:
        if (this.#openAt === undefined) {
          this.#found(offset, 'a part of a record without its beginning', true);
          return;
        }
        this.#sink.data(payload);
        if (type === RecordType.last) this.#end();
        return;
      default:
        this.#bad(offset, `a record of unknown type ${type}`, true);
    }
  }

  #end(): void {
    const at = this.#openAt ?? 0;
    this.#openAt = undefined;
    this.#sink.end(at, this.#damage !== undefined);
  }

  /** Damage that LevelDB attributes to a crash of the writer. */
  #cut(offset: number, detail: string): void {
    this.#found(offset, detail, false);
    this.#openAt = undefined;
  }

  #bad(offset: number, detail: string, reported: boolean): void {
    this.#found(offset, detail, reported);
    this.#openAt = undefined;
  }

  #found(offset: number, detail: string, reported: boolean): void {
    if (this.#damage === undefined) this.#damage = { offset, recordAt: this.#openAt ?? offset, detail, reported };
    else if (reported && !this.#damage.reported) this.#damage = { ...this.#damage, reported };
  }
}

/** The pattern that {@link findBehind} looks for: the beginning of a record. */
export interface HeadPattern {
  /** Number of bytes, from the beginning of the record, that are compared. */
  readonly bytes: number;
  /** Bytes that every match has at `at`. One or two bytes reject most other offsets cheaply. */
  readonly fixed: { readonly at: number; readonly bytes: Uint8Array };
  /**
   * True if `head` matches. `head` has fewer than `bytes` bytes if the record has. Called before
   * the checksums are computed.
   */
  accept(head: Uint8Array): boolean;
}

/** Bytes that are searched in one turn of the event loop. */
const WINDOW_BYTES = 512 * 1024;
/** Bytes read beyond {@link WINDOW_BYTES}: a head may be spread over two physical records. */
const REACH_BYTES = 2 * LOG_BLOCK_BYTES;
/** A head spans at most two physical records, because it is smaller than a block. */
const HEAD_PARTS_MAX = 2;
/** A physical record never leaves its block. */
const PAYLOAD_BYTES_MAX = LOG_BLOCK_BYTES - LOG_HEADER_BYTES;
/**
 * Upper bound of bytes whose checksums are computed without finding a match. Beyond it, the next
 * head counts as whole, without a checksum. Only the author of a block can make so many false
 * heads, and only if the store id is unknown. Such a store was never opened, so it may be refused.
 */
const CHECKED_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Searches every offset from `from` on for the beginning of a record with a valid checksum: after
 * damage, the framing may be lost. The head of each candidate is compared with `pattern`; a head
 * that crosses a block border is assembled first. Returns the first offset that matches and whose
 * checksums match; undefined if there is none.
 *
 * The search never skips the claimed length of a record: an attacker may have chosen it, as the
 * author of a block. For the same reason the pattern is compared before the checksum: otherwise
 * block bytes could cause a checksum of 32 KiB at every third offset.
 *
 * Work is proportional to the bytes, whatever they contain. The event loop gets a turn every
 * {@link WINDOW_BYTES}, when the next ones are read.
 */
export async function findBehind(
  file: Pick<SourceFile, 'read' | 'size'>,
  from: number,
  pattern: HeadPattern,
): Promise<number | undefined> {
  const search = new HeadSearch(pattern);
  for (let base = from; base < file.size; base += WINDOW_BYTES) {
    const bytes = await file.read(base, base + WINDOW_BYTES + REACH_BYTES);
    const at = search.firstIn(bytes, Math.min(WINDOW_BYTES, bytes.length - LOG_HEADER_BYTES));
    if (at !== undefined) return base + at;
  }
  return undefined;
}

class HeadSearch {
  readonly #pattern: HeadPattern;
  /** Buffer for a head that spans two physical records. */
  readonly #spread: Uint8Array;
  #checkedBytes = 0;

  constructor(pattern: HeadPattern) {
    this.#pattern = pattern;
    this.#spread = new Uint8Array(pattern.bytes);
  }

  /** The first offset before `end` at which a matching record begins. */
  firstIn(bytes: Uint8Array, end: number): number | undefined {
    const { bytes: headBytes, fixed } = this.#pattern;
    const fixedEnd = fixed.at + fixed.bytes.length;
    for (let at = 0; at < end; at++) {
      const type = bytes[at + LOG_HEADER_BYTES - 1]!;
      if (type !== RecordType.full && type !== RecordType.first) continue;
      const length = bytes[at + 4]! | (bytes[at + 5]! << 8);
      // Rejects most offsets without assembling a head.
      if (length >= fixedEnd && !startsWith(bytes, at + LOG_HEADER_BYTES + fixed.at, fixed.bytes)) continue;
      const parts = partsOfHead(bytes, at, headBytes);
      if (parts === undefined) continue;
      const head = this.#headOf(bytes, parts);
      if (!startsWith(head, fixed.at, fixed.bytes) || !this.#pattern.accept(head)) continue;
      if (this.#isWhole(bytes, parts)) return at;
    }
    return undefined;
  }

  /** The first bytes of the record; valid until the next call. */
  #headOf(bytes: Uint8Array, parts: readonly Part[]): Uint8Array {
    const { bytes: headBytes } = this.#pattern;
    const [first] = parts as readonly [Part];
    const start = first.at + LOG_HEADER_BYTES;
    if (first.end - start >= headBytes || parts.length === 1)
      return bytes.subarray(start, Math.min(first.end, start + headBytes));
    let have = 0;
    for (const { at, end } of parts) {
      const payload = bytes.subarray(at + LOG_HEADER_BYTES, Math.min(end, at + LOG_HEADER_BYTES + headBytes - have));
      this.#spread.set(payload, have);
      have += payload.length;
    }
    return this.#spread.subarray(0, have);
  }

  #isWhole(bytes: Uint8Array, parts: readonly Part[]): boolean {
    if (this.#checkedBytes > CHECKED_BYTES_MAX) return true;
    for (const { at, end } of parts) {
      this.#checkedBytes += end - at;
      if (!isWhole(bytes, at, end)) return false;
    }
    return true;
  }
}

/** A physical record: the offset of its header, and the end of its payload. */
interface Part {
  readonly at: number;
  readonly end: number;
}

/**
 * The physical records that contain the first `headBytes` bytes of the record at `start`; undefined
 * if they do not form one record.
 */
function partsOfHead(bytes: Uint8Array, start: number, headBytes: number): readonly Part[] | undefined {
  const parts: Part[] = [];
  let have = 0;
  for (let at = start; have < headBytes; ) {
    if (parts.length === HEAD_PARTS_MAX || at + LOG_HEADER_BYTES > bytes.length) return undefined;
    const length = bytes[at + 4]! | (bytes[at + 5]! << 8);
    const type = bytes[at + 6]!;
    const end = at + LOG_HEADER_BYTES + length;
    const isNext = at === start || type === RecordType.middle || type === RecordType.last;
    if (length > PAYLOAD_BYTES_MAX || end > bytes.length || !isNext) return undefined;
    parts.push({ at, end });
    have += length;
    if (type === RecordType.full || type === RecordType.last) break;
    at = end;
  }
  return parts;
}
