/**
 * The schema record identifies the store. Written once, at creation, and checked before anything
 * else is read.
 *
 *   meta/schema -> { format: 2, model: text, store: 16 bytes, createdAt: text (ISO 8601, UTC) }
 */
import { copyOf } from '../../../base/bytes.js';
import { type FindingKind, LanestoreError } from '../../../errors.js';
import { SCHEMA_KEY } from '../../../keys/index.js';
import { decodeRecord, type EncodedRecord, encodeRecord, isFault } from './record.js';
import { STORE_ID_BYTES } from './tip.js';

/** The format of keys and values that this code reads and writes. */
export const FORMAT = 2;

/** The oldest format that views read. Format 1 differs in the tip, and has no votes. */
export const OLDEST_READ = 1;

/** The schema record, decoded. */
export interface Schema {
  readonly format: number;
  /** The name of the model that the bodies belong to. */
  readonly model: string;
  /** The store's id: 16 random bytes, the same in tip and witness. */
  readonly store: Uint8Array;
  /** When the store was created: ISO 8601, UTC. */
  readonly createdAt: string;
}

/** The record of a schema. */
export function encodeSchema(schema: Schema): EncodedRecord {
  return encodeRecord(SCHEMA_KEY, { ...schema });
}

/**
 * Reads the schema record and checks that this code, with this model, may read the rest.
 * @param model its name; undefined if a store of any model may be read
 * @param oldest the lowest accepted format
 * @throws LANESTORE_CORRUPT if the record is damaged; LANESTORE_SCHEMA for another format or model.
 */
export function readSchema(value: Uint8Array, model: string | undefined, oldest = FORMAT): Schema {
  const record = decodeRecord(SCHEMA_KEY, value);
  if (isFault(record)) throw corruptSchema(record.kind, record.detail);
  const schema = record.body as Partial<Schema> | null;
  const format = schema?.format;
  if (typeof schema !== 'object' || schema === null || typeof format !== 'number') {
    throw corruptSchema('schema-body', 'format is absent');
  }
  if (!Number.isInteger(format) || format < oldest || format > FORMAT) throw otherFormat(format);
  const { store, createdAt } = schema;
  if (typeof schema.model !== 'string' || typeof createdAt !== 'string') {
    throw corruptSchema('schema-body', 'model or createdAt is not text');
  }
  if (!(store instanceof Uint8Array) || store.length !== STORE_ID_BYTES) {
    throw corruptSchema('schema-body', 'store is not 16 bytes');
  }
  if (model !== undefined && schema.model !== model) {
    throw new LanestoreError(
      'LANESTORE_SCHEMA',
      `the store was written with the model "${schema.model}", not "${model}"`,
    );
  }
  return { format, model: schema.model, store: copyOf(store), createdAt };
}

/**
 * The error for a store of another format. Opening a store never migrates it: an older store is
 * migrated only on request.
 */
export function otherFormat(format: number): LanestoreError {
  const remedy =
    format < FORMAT
      ? 'stop the node and run "lanestore migrate" on it'
      : 'open it with the version that wrote it, or a newer one';
  return new LanestoreError(
    'LANESTORE_SCHEMA',
    `the store has format ${format}; this version reads format ${FORMAT}: ${remedy}`,
  );
}

/** The note that a view adds for a store of an older format. */
export function olderNote(format: number): string {
  return `the store has format ${format}, which can be read: it opens once "lanestore migrate" has made it format ${FORMAT}`;
}

function corruptSchema(kind: FindingKind, detail: string): LanestoreError {
  return new LanestoreError('LANESTORE_CORRUPT', `${SCHEMA_KEY} is damaged: ${detail}`, {
    findings: [{ kind, key: SCHEMA_KEY, detail }],
  });
}
