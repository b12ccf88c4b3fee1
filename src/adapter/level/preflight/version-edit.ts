/**
 * A version edit, the content of a MANIFEST's record (db/version_edit.cc of LevelDB 1.20): a
 * sequence of fields. A field is a varint tag and its content. Numbers are varints, keys are
 * slices.
 *
 *   1  comparator           slice
 *   2  log number           number
 *   3  next file number     number
 *   4  last sequence        number
 *   5  compact pointer      level, key
 *   6  deleted table        level, number
 *   7  new table            level, number, size, smallest key, largest key
 *   9  previous log         number (obsolete, 0)
 *
 * A key is an internal one: the user key, then 8 bytes: sequence * 256 + kind (1 put, 0 delete),
 * little-endian.
 */
import { ByteReader } from './bytes.js';

const LEVELS = 7;
/** Bytes after the user key in an internal key. */
export const KEY_TRAILER_BYTES = 8;

/** A table as a MANIFEST names it. */
export interface TableMeta {
  readonly level: number;
  readonly number: number;
  readonly size: number;
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
}

/** The fields in which an edit replaces what earlier edits say. */
export interface EditFields {
  comparator?: string;
  logNumber?: number;
  prevLogNumber?: number;
  nextFile?: number;
  lastSequence?: number;
}

/** What an edit says of tables. */
export interface TableChanges {
  readonly deleted: { readonly level: number; readonly number: number }[];
  readonly added: TableMeta[];
}

/**
 * Parses an edit, sets the `fields` that it has, and returns its tables; or a sentence that
 * describes the fault if LevelDB would refuse the edit.
 */
export function parseVersionEdit(bytes: Uint8Array, fields: EditFields): TableChanges | string {
  const tables: TableChanges = { deleted: [], added: [] };
  const reader = new ByteReader(bytes);
  while (!reader.atEnd) {
    const at = reader.at;
    if (!field(reader, fields, tables)) return `the field at byte ${at} cannot be read`;
  }
  return tables;
}

function field(reader: ByteReader, fields: EditFields, tables: TableChanges): boolean {
  switch (reader.varint()) {
    case 1:
      return set(reader.slice(), (name) => (fields.comparator = Buffer.from(name).toString('latin1')));
    case 2:
      return set(reader.varint(), (number) => (fields.logNumber = number));
    case 3:
      return set(reader.varint(), (number) => (fields.nextFile = number));
    case 4:
      return set(reader.varint(), (number) => (fields.lastSequence = number));
    case 5:
      return level(reader) !== undefined && internalKey(reader) !== undefined;
    case 6:
      return deletedTable(reader, tables);
    case 7:
      return newTable(reader, tables);
    case 9:
      return set(reader.varint(), (number) => (fields.prevLogNumber = number));
    default:
      return false;
  }
}

function set<T>(value: T | undefined, assign: (value: T) => void): boolean {
  if (value === undefined) return false;
  assign(value);
  return true;
}

function level(reader: ByteReader): number | undefined {
  const value = reader.varint();
  return value !== undefined && value < LEVELS ? value : undefined;
}

function internalKey(reader: ByteReader): Uint8Array | undefined {
  const key = reader.slice();
  return key !== undefined && key.length >= KEY_TRAILER_BYTES ? key : undefined;
}

function deletedTable(reader: ByteReader, tables: TableChanges): boolean {
  const at = level(reader);
  const number = reader.varint();
  if (at === undefined || number === undefined) return false;
  tables.deleted.push({ level: at, number });
  return true;
}

function newTable(reader: ByteReader, tables: TableChanges): boolean {
  const at = level(reader);
  const number = reader.varint();
  const size = reader.varint();
  const smallest = internalKey(reader);
  const largest = internalKey(reader);
  if (at === undefined || number === undefined || size === undefined) return false;
  if (smallest === undefined || largest === undefined) return false;
  // Copies, from Buffer's pool: the caller reuses the memory of the edit.
  tables.added.push({ level: at, number, size, smallest: Buffer.from(smallest), largest: Buffer.from(largest) });
  return true;
}
