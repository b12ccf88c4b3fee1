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

/** The fields of an edit that replace those of the edits before it; undefined if it has none. */
export interface EditFields {
  comparator: string | undefined;
  logNumber: number | undefined;
  prevLogNumber: number | undefined;
  nextFile: number | undefined;
  lastSequence: number | undefined;
}

/** The fields before the first edit. */
export const NO_FIELDS: Readonly<EditFields> = {
  comparator: undefined,
  logNumber: undefined,
  prevLogNumber: undefined,
  nextFile: undefined,
  lastSequence: undefined,
};

/** One edit. */
export interface VersionEdit extends EditFields {
  readonly deleted: { readonly level: number; readonly number: number }[];
  readonly added: TableMeta[];
}

/** Parses an edit. Returns a sentence that describes the fault if LevelDB would refuse the edit. */
export function parseVersionEdit(bytes: Uint8Array): VersionEdit | string {
  const edit: VersionEdit = {
    comparator: undefined,
    logNumber: undefined,
    prevLogNumber: undefined,
    nextFile: undefined,
    lastSequence: undefined,
    deleted: [],
    added: [],
  };
  const reader = new ByteReader(bytes);
  while (!reader.atEnd) {
    const at = reader.at;
    if (!field(reader, edit)) return `the field at byte ${at} cannot be read`;
  }
  return edit;
}

function field(reader: ByteReader, edit: VersionEdit): boolean {
  switch (reader.varint()) {
    case 1:
      return set(reader.slice(), (name) => (edit.comparator = Buffer.from(name).toString('latin1')));
    case 2:
      return set(reader.varint(), (number) => (edit.logNumber = number));
    case 3:
      return set(reader.varint(), (number) => (edit.nextFile = number));
    case 4:
      return set(reader.varint(), (number) => (edit.lastSequence = number));
    case 5:
      return level(reader) !== undefined && internalKey(reader) !== undefined;
    case 6:
      return deletedTable(reader, edit);
    case 7:
      return newTable(reader, edit);
    case 9:
      return set(reader.varint(), (number) => (edit.prevLogNumber = number));
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

function deletedTable(reader: ByteReader, edit: VersionEdit): boolean {
  const at = level(reader);
  const number = reader.varint();
  if (at === undefined || number === undefined) return false;
  edit.deleted.push({ level: at, number });
  return true;
}

function newTable(reader: ByteReader, edit: VersionEdit): boolean {
  const at = level(reader);
  const number = reader.varint();
  const size = reader.varint();
  const smallest = internalKey(reader);
  const largest = internalKey(reader);
  if (at === undefined || number === undefined || size === undefined) return false;
  if (smallest === undefined || largest === undefined) return false;
  // Copies, from Buffer's pool: the caller reuses the memory of the edit.
  edit.added.push({ level: at, number, size, smallest: Buffer.from(smallest), largest: Buffer.from(largest) });
  return true;
}
