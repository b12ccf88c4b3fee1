/**
 * A table file (table/format.cc, table_builder.cc of LevelDB 1.20), in this order and without gaps:
 *
 *   data blocks          ascending by internal key
 *   filter block         a Bloom filter; a wrong bit in it hides a key
 *   metaindex block      "filter.<policy>" -> the filter block's handle
 *   index block          an upper bound of the keys of each data block -> its handle
 *   footer, 48 bytes     handles of metaindex and index, zeros up to byte 40,
 *                        magic 57 fb 80 8b 24 75 47 db
 *
 * LevelDB as shipped verifies none of these checksums, returns wrong values without an error, and
 * aborts the process on some malformed structures (docs/leveldb-hazards.md, Bit rot in a table).
 * This module checks that every part is in its place and that its checksum matches. So LevelDB uses
 * no unchecked byte of a table, except in data blocks beyond `tableCheckBytesMax`.
 */

import { crc32c } from '../../../base/crc32c.js';
import type { Finding } from '../../../errors.js';
import {
  BLOCK_TRAILER_BYTES,
  type BlockEntry,
  type BlockHandle,
  blockEntries,
  openBlock,
  readHandle,
  SNAPPY,
} from './block.js';
import { ByteReader, fixed32, unmaskCrc } from './bytes.js';
import type { SourceFile } from './file.js';
import { KEY_TRAILER_BYTES } from './version-edit.js';

const FOOTER_BYTES = 48;
const MAGIC = Buffer.from('57fb808b247547db', 'hex');
const FILTER_PREFIX = 'filter.';
/** Read at once from the end of a table: enough for all parts but the data blocks, as a rule. */
const END_BYTES = 64 * 1024;

/** The checked structure of a table. */
export interface TableParts {
  readonly index: readonly BlockEntry[];
  /** The data blocks in file order, without gaps. */
  readonly data: readonly BlockHandle[];
  /** Bytes of all data blocks, with their trailers. */
  readonly dataBytes: number;
}

/**
 * Reads and checks all parts of a table except its data blocks. Returns a finding for the first
 * fault.
 */
export async function readTable(file: SourceFile, name: string): Promise<TableParts | Finding> {
  const fault = (detail: string, offset?: number): Finding => ({
    kind: 'table-damaged',
    file: name,
    ...(offset === undefined ? {} : { offset }),
    detail,
  });
  const footerAt = file.size - FOOTER_BYTES;
  if (footerAt < 0) return fault(`${file.size} bytes are too few for a table`);
  await file.readAhead(Math.max(0, file.size - END_BYTES), file.size);
  const footer = await file.read(footerAt, file.size);
  if (!footer.subarray(FOOTER_BYTES - MAGIC.length).equals(MAGIC))
    return fault('it does not end with the magic number of a table', footerAt);
  const reader = new ByteReader(footer);
  const metaindex = readHandle(reader);
  const index = readHandle(reader);
  if (metaindex === undefined || index === undefined) return fault('its footer cannot be read', footerAt);
  if (endOf(index) !== footerAt || endOf(metaindex) !== index.offset)
    return fault('its footer points to a wrong place', footerAt);

  const indexEntries = await readEntries(file, index);
  if (indexEntries === undefined) return fault('its index block is damaged', index.offset);
  const metaEntries = await readEntries(file, metaindex);
  if (metaEntries === undefined) return fault('its metaindex block is damaged', metaindex.offset);
  const data: BlockHandle[] = [];
  for (const { value } of indexEntries) {
    const handle = readHandle(new ByteReader(value));
    if (handle === undefined || handle.offset !== endOf(data.at(-1))) {
      return fault('its index does not name consecutive data blocks', index.offset);
    }
    data.push(handle);
  }
  const filters = metaEntries.filter(({ key }) => Buffer.from(key).toString('latin1').startsWith(FILTER_PREFIX));
  let end = endOf(data.at(-1));
  for (const { value } of filters) {
    const handle = readHandle(new ByteReader(value));
    if (handle === undefined || handle.offset !== end)
      return fault('its metaindex points to a wrong place', metaindex.offset);
    if (openBlock(await file.read(handle.offset, endOf(handle))) === undefined) {
      return fault('its filter block is damaged', handle.offset);
    }
    end = endOf(handle);
  }
  if (end !== metaindex.offset) return fault(`bytes ${end} to ${metaindex.offset} belong to no block`, end);
  return { index: indexEntries, data, dataBytes: endOf(data.at(-1)) };
}

/**
 * Checks whole data blocks, up to `bytesMax` bytes, and reports every damaged one. Returns the
 * number of checked bytes.
 */
export async function checkDataBlocks(
  file: SourceFile,
  name: string,
  data: readonly BlockHandle[],
  bytesMax: number,
  report: (finding: Finding) => void,
): Promise<number> {
  let last = 0;
  while (last < data.length && endOf(data[last]) <= bytesMax) last++;
  const end = endOf(data[last - 1]);
  const checker = new BlockChecker(data, ({ offset, size }) =>
    report({
      kind: 'table-damaged',
      file: name,
      offset,
      detail: `the checksum of a data block of ${size} bytes does not match`,
    }),
  );
  await file.portions(0, end, (portion, at) => checker.add(portion, at));
  return end;
}

/** Computes the checksums of blocks incrementally. */
class BlockChecker {
  readonly #data: readonly BlockHandle[];
  readonly #fail: (handle: BlockHandle) => void;
  #block = 0;
  #crc = 0;
  /** The bytes of the current block's crc received so far, as a little-endian number. */
  #stored = 0;

  constructor(data: readonly BlockHandle[], fail: (handle: BlockHandle) => void) {
    this.#data = data;
    this.#fail = fail;
  }

  add(portion: Uint8Array, base: number): void {
    const portionEnd = base + portion.length;
    for (let at = base; at < portionEnd; ) {
      const handle = this.#data[this.#block];
      if (handle === undefined) return;
      const crcAt = handle.offset + handle.size + 1;
      if (at < crcAt) {
        const to = Math.min(crcAt, portionEnd);
        this.#crc = crc32c(portion.subarray(at - base, to - base), this.#crc);
        at = to;
      } else {
        this.#stored += portion[at - base]! * 2 ** (8 * (at - crcAt));
        at++;
        if (at === endOf(handle)) this.#finish(handle);
      }
    }
  }

  #finish(handle: BlockHandle): void {
    if (unmaskCrc(this.#stored) !== this.#crc) this.#fail(handle);
    this.#block++;
    this.#crc = 0;
    this.#stored = 0;
  }
}

/** The newest entry of a key in a table. */
export interface TableEntry {
  readonly sequence: number;
  /** The value, or `null` if the key was deleted. */
  readonly value: Uint8Array | null;
}

/**
 * The newest entry of the user key `key`; undefined if the table does not have it, 'damaged' if its
 * block cannot be read.
 */
export async function lookUp(
  file: SourceFile,
  table: TableParts,
  key: Uint8Array,
): Promise<TableEntry | 'damaged' | undefined> {
  const handle = table.data[blockOf(table, key)];
  if (handle === undefined) return undefined;
  const entries = await readEntries(file, handle);
  if (entries === undefined) return 'damaged';
  const entry = entries.find((candidate) => Buffer.compare(userKey(candidate.key), key) >= 0);
  if (entry === undefined || Buffer.compare(userKey(entry.key), key) !== 0) return undefined;
  return tableEntry(entry);
}

/**
 * Passes every entry of the user key `key` to `add`, the newest first. False if one of the blocks
 * cannot be read.
 */
export async function tableVersions(
  file: SourceFile,
  table: TableParts,
  key: Uint8Array,
  add: (entry: TableEntry) => void,
): Promise<boolean> {
  for (let block = blockOf(table, key); block < table.data.length; block++) {
    const entries = await readEntries(file, table.data[block]!);
    if (entries === undefined) return false;
    for (const entry of entries) if (Buffer.compare(userKey(entry.key), key) === 0) add(tableEntry(entry));
    const last = entries.at(-1);
    if (last !== undefined && Buffer.compare(userKey(last.key), key) > 0) break;
  }
  return true;
}

/** The first block whose keys may reach the user key `key`; the number of blocks if none do. */
function blockOf({ index }: TableParts, key: Uint8Array): number {
  let [low, high] = [0, index.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(userKey(index[middle]!.key), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** True if one of up to `count` data blocks, spread over the table, is compressed. */
export async function hasCompressedBlock(file: SourceFile, { data }: TableParts, count: number): Promise<boolean> {
  const step = Math.max(1, Math.floor(data.length / count));
  for (let block = 0; block < data.length; block += step) {
    const { offset, size } = data[block]!;
    const [type] = await file.read(offset + size, offset + size + 1);
    if (type === SNAPPY) return true;
  }
  return false;
}

function tableEntry({ key, value }: BlockEntry): TableEntry {
  const trailer = key.subarray(-KEY_TRAILER_BYTES);
  const sequence = fixed32(trailer, 4) * 2 ** 24 + (fixed32(trailer, 0) >>> 8);
  return { sequence, value: trailer[0] === 1 ? value : null };
}

/** The user key in an internal key. */
export function userKey(internal: Uint8Array): Uint8Array {
  return internal.subarray(0, Math.max(0, internal.length - KEY_TRAILER_BYTES));
}

async function readEntries(file: SourceFile, handle: BlockHandle): Promise<BlockEntry[] | undefined> {
  const block = openBlock(await file.read(handle.offset, endOf(handle)));
  return block === undefined ? undefined : blockEntries(block);
}

/** Offset of the end of a block and its trailer; 0 for undefined. */
function endOf(handle: BlockHandle | undefined): number {
  return handle === undefined ? 0 : handle.offset + handle.size + BLOCK_TRAILER_BYTES;
}
