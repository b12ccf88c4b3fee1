/** `lanestore find LOCATION KEY` */
import {
  decodeRecord,
  decodeReference,
  isFault,
  isReference,
  type KeyVersion,
  openView,
} from '../adapter/level/index.js';
import type { Model, StoredAt } from '../index.js';
import { padU64 } from '../keys/index.js';
import { AbsentError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { versionsAt } from './key-versions.js';
import { note, print, styled, toJson } from './output.js';
import { withProtocol } from './protocols.js';
import { fullKey } from './short-keys.js';
import type { Run } from './verb.js';

/** A version of a key, as `find --json` prints it. */
interface FoundVersion {
  /** LevelDB's sequence number. The version with the highest number is valid. */
  readonly sequence: number;
  /** The table or log, relative to the location. */
  readonly file: string;
  /** The level of the table; null for a log. */
  readonly level: number | null;
  readonly isDeleted: boolean;
  /** Size of the record in bytes; null if the key was deleted. */
  readonly bytes: number | null;
  /** The place of the record: `file`, or a value file, which is not read. */
  readonly stored: StoredAt | null;
  readonly crc: number | null;
  /** The reason if the value is not a valid record of the key; else null. */
  readonly fault: string | null;
}

/** Runs `find`. */
export const run: Run = async ([location = '', typed = ''], { json }) => {
  const place = await withProtocol(location, ({ model }) => placeOf(location, typed, model), { raw: true });
  const { versions, versionsTotal, notes } = await versionsAt(place.location, place.key);
  const found = versions.map((version) => foundVersion(place.key, version));
  if (found.length === 0 && notes.length === 0)
    throw new AbsentError(`no table and no log of ${place.location} has ${place.key}`);
  if (json === true) print(toJson({ ...place, versions: found, versionsTotal, notes }, 2));
  else {
    for (const version of found) print(lineOf(version));
    if (found.length < versionsTotal) note(`and ${versionsTotal - found.length} older versions`);
    for (const text of notes) note(`note: ${text}`);
  }
  return notes.length > 0 || found.some(({ fault }) => fault !== null) ? EXIT.damaged : EXIT.ok;
};

/**
 * The full key, and the real path of the store. Works on damaged stores; if the tip is damaged, the
 * lane id must be typed in full.
 * @throws as `openView` and `fullKey`.
 */
async function placeOf<B, Q, A>(path: string, typed: string, model: Model<B, Q, A>) {
  await using view = await openView(path, { model, examine: false, values: false, tableCheckBytesMax: 0 });
  return { location: view.location, key: fullKey(typed, view.cursors.lanes.keys()) };
}

function foundVersion(key: string, { sequence, file, level, value }: KeyVersion): FoundVersion {
  const found = {
    ...{ sequence, file, level: level ?? null, isDeleted: value === null },
    ...{ bytes: value?.length ?? null, stored: null, crc: null, fault: null },
  };
  if (value === null) return found;
  if (!isReference(value)) {
    const record = decodeRecord(key, value);
    return { ...found, stored: 'inline', ...(isFault(record) ? { fault: record.detail } : { crc: record.crc }) };
  }
  const reference = decodeReference(key, value);
  if ('kind' in reference) return { ...found, stored: 'inline', fault: reference.detail };
  const { offset, length, crc } = reference;
  const stored = { file: `values/${padU64(reference.file)}.values`, offset, length };
  return { ...found, bytes: length, stored, crc };
}

function lineOf({ sequence, file, level, isDeleted, bytes, stored, crc, fault }: FoundVersion): string {
  const where = level === null ? 'log' : `level ${level}`;
  const separated = stored === null || stored === 'inline' ? '' : ` in ${stored.file} at ${stored.offset}`;
  const sound = `${bytes} B, crc ${crc?.toString(16).padStart(8, '0')}${separated}`;
  const what = isDeleted ? 'deleted' : fault === null ? sound : styled('red', `damaged: ${fault}`);
  return `${String(sequence).padStart(12)}  ${file.padEnd(18)}  ${where.padEnd(7)}  ${what}`;
}
