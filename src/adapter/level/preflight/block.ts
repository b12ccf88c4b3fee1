/**
 * A table's block (table/block.cc, table/format.cc of LevelDB 1.20). In the file:
 *
 *      offset   0 ............... size        size    size + 1             size + 5
 *               the block's bytes             type    crc (masked)
 *                                             0 plain       CRC-32C of the bytes and the type
 *                                             1 snappy
 *
 * Decompressed, a block holds entries, then the offsets of its restart points (u32 each), then
 * their number (u32). An entry:
 *
 *      length of the prefix shared with the key before, length of the rest, value length (varints)
 *      rest of the key, value
 */
import { crc32c } from '../../../base/crc32c.js';
import { ByteReader, fixed32, unmaskCrc } from './bytes.js';
import { unsnappy } from './snappy.js';

/** The type of a block that is stored as it is. */
const PLAIN = 0;
/** The type of a compressed block. */
export const SNAPPY = 1;

/** Bytes of the type and the crc that follow a block. */
export const BLOCK_TRAILER_BYTES = 5;

/** The place of a block in its file; `size` excludes the trailer. */
export interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

/** An entry of a block. */
export interface BlockEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Reads a handle: offset and size, as varints; undefined if the bytes end too early. */
export function readHandle(reader: ByteReader): BlockHandle | undefined {
  const offset = reader.varint();
  const size = reader.varint();
  return offset === undefined || size === undefined ? undefined : { offset, size };
}

/**
 * The decompressed bytes of a block that is stored with its trailer; undefined if its checksum does
 * not match or it cannot be decompressed.
 */
export function openBlock(stored: Uint8Array): Uint8Array | undefined {
  const size = stored.length - BLOCK_TRAILER_BYTES;
  if (size < 0 || unmaskCrc(fixed32(stored, size + 1)) !== crc32c(stored.subarray(0, size + 1))) return undefined;
  const type = stored[size];
  if (type === PLAIN) return stored.subarray(0, size);
  return type === SNAPPY ? unsnappy(stored.subarray(0, size)) : undefined;
}

/** The entries of a block, ascending by key; undefined if the block is malformed. */
export function blockEntries(block: Uint8Array): BlockEntry[] | undefined {
  if (block.length < 4) return undefined;
  const entriesEnd = block.length - 4 * (1 + fixed32(block, block.length - 4));
  if (entriesEnd < 0) return undefined;
  // Not a Buffer: its `subarray` is much slower.
  const reader = new ByteReader(new Uint8Array(block.buffer, block.byteOffset, entriesEnd));
  const entries: BlockEntry[] = [];
  let key: Uint8Array = new Uint8Array();
  while (!reader.atEnd) {
    const shared = reader.varint();
    const rest = reader.varint();
    const length = reader.varint();
    const tail = reader.take(rest);
    const value = reader.take(length);
    if (shared === undefined || shared > key.length || tail === undefined || value === undefined) return undefined;
    // As in every index block: the key needs no copy.
    key = shared === 0 ? tail : Buffer.concat([key.subarray(0, shared), tail]);
    entries.push({ key, value });
  }
  return entries;
}
