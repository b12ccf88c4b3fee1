/**
 * A table file (table/format.cc, table_builder.cc of LevelDB 1.20), in this order and without gaps:
 *
 *   data blocks          ascending by internal key
 *   filter block         a Bloom filter; a wrong bit in it hides a key
 *   metaindex block      "filter.<policy>" -> the filter block's handle
 *   index block          a key that no key of the data block exceeds -> its handle
 *   footer, 48 bytes     handles of metaindex and index, zeros up to byte 40, magic 57 fb 80 8b 24 75 47 db
 *
 * LevelDB as shipped checks no checksum of these, gives wrong values in silence, and aborts the process on some wrong structure
 * (docs/leveldb-hazards.md, Bit rot in a table). Checked here: that these parts are where they must be, each with its checksum; so no byte that LevelDB
 * uses is unchecked.
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
} from './block.js';
import { ByteReader, fixed32, unmaskCrc } from './bytes.js';
import type { SourceFile } from './file.js';
import { KEY_TRAILER_BYTES } from './version-edit.js';

const FOOTER_BYTES = 48;
const MAGIC = Buffer.from('57fb808b247547db', 'hex');
const FILTER_PREFIX = 'filter.';

/** A table's structure, checked. */
export interface TableParts {
  readonly index: readonly BlockEntry[];
  /** The data blocks, in the order of the file, without gaps. */
  readonly data: readonly BlockHandle[];
  /** Their bytes. */
  readonly dataBytes: number;
}

/** Reads and checks everything of a table but its data blocks. Gives a finding for the first thing that is wrong. */
export async function readTable(file: SourceFile, name: string): Promise<TableParts | Finding> {
  const fault = (detail: string, offset?: number): Finding => ({
    kind: 'table-damaged',
    file: name,
    ...(offset === undefined ? {} : { offset }),
    detail,
  });
  const footerAt = file.size - FOOTER_BYTES;
  if (footerAt < 0) return fault(`${file.size} bytes are no table`);
  const footer = await file.read(footerAt, file.size);
  if (!footer.subarray(FOOTER_BYTES - MAGIC.length).equals(MAGIC))
    return fault('it does not end like a table', footerAt);
  const reader = new ByteReader(footer);
  const metaindex = readHandle(reader);
  const index = readHandle(reader);
  if (metaindex === undefined || index === undefined) return fault('its footer cannot be read', footerAt);
  if (endOf(index) !== footerAt || endOf(metaindex) !== index.offset) return fault('its footer leads astray', footerAt);

  const indexEntries = await readEntries(file, index);
  if (indexEntries === undefined) return fault('its index block is damaged', index.offset);
  const metaEntries = await readEntries(file, metaindex);
  if (metaEntries === undefined) return fault('its metaindex block is damaged', metaindex.offset);
  const data: BlockHandle[] = [];
  for (const { value } of indexEntries) {
    const handle = readHandle(new ByteReader(value));
    if (handle === undefined || handle.offset !== endOf(data.at(-1))) {
      return fault('its index does not name one data block after the other', index.offset);
    }
    data.push(handle);
  }
  const filters = metaEntries.filter(({ key }) => Buffer.from(key).toString('latin1').startsWith(FILTER_PREFIX));
  let end = endOf(data.at(-1));
  for (const { value } of filters) {
    const handle = readHandle(new ByteReader(value));
    if (handle === undefined || handle.offset !== end) return fault('its metaindex leads astray', metaindex.offset);
    if (openBlock(await file.read(handle.offset, endOf(handle))) === undefined) {
      return fault('its filter block is damaged', handle.offset);
    }
    end = endOf(handle);
  }
  if (end !== metaindex.offset) return fault(`bytes ${end} to ${metaindex.offset} belong to no block`, end);
  return { index: indexEntries, data, dataBytes: endOf(data.at(-1)) };
}

/** Checks data blocks up to `bytesMax` bytes, whole ones; reports every damaged one. Returns the bytes that were checked. */
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
      detail: `the checksum of a data block of ${size} bytes does not hold`,
    }),
  );
  await file.portions(0, end, (portion, at) => checker.add(portion, at));
  return end;
}

/** Sums up blocks as their bytes come. */
class BlockChecker {
  readonly #data: readonly BlockHandle[];
  readonly #fail: (handle: BlockHandle) => void;
  #block = 0;
  #crc = 0;
  /** Bytes of the current block's crc that came, read little-endian. */
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
  /** What was put, or `null` if the key was deleted. */
  readonly value: Uint8Array | null;
}

/** Looks for the user's key `key` in a table; undefined if the table does not have it, 'damaged' if its block cannot be read. */
export async function lookUp(
  file: SourceFile,
  table: TableParts,
  key: Uint8Array,
): Promise<TableEntry | 'damaged' | undefined> {
  const block = table.index.findIndex((entry) => Buffer.compare(userKey(entry.key), key) >= 0);
  const handle = table.data[block];
  if (handle === undefined) return undefined;
  const entries = await readEntries(file, handle);
  if (entries === undefined) return 'damaged';
  const entry = entries.find((candidate) => Buffer.compare(userKey(candidate.key), key) >= 0);
  if (entry === undefined || Buffer.compare(userKey(entry.key), key) !== 0) return undefined;
  const trailer = entry.key.subarray(-KEY_TRAILER_BYTES);
  const sequence = fixed32(trailer, 4) * 2 ** 24 + (fixed32(trailer, 0) >>> 8);
  return { sequence, value: trailer[0] === 1 ? entry.value : null };
}

/** The user's part of an internal key. */
export function userKey(internal: Uint8Array): Uint8Array {
  return internal.subarray(0, Math.max(0, internal.length - KEY_TRAILER_BYTES));
}

async function readEntries(file: SourceFile, handle: BlockHandle): Promise<BlockEntry[] | undefined> {
  const block = openBlock(await file.read(handle.offset, endOf(handle)));
  return block === undefined ? undefined : blockEntries(block);
}

/** Where a block ends with its trailer; 0 for none. */
function endOf(handle: BlockHandle | undefined): number {
  return handle === undefined ? 0 : handle.offset + handle.size + BLOCK_TRAILER_BYTES;
}
