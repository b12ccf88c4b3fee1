/** Identifies a database before anything in it is trusted: its format, its schema, its tip. */
import { hex } from '../../../base/bytes.js';
import { type Finding, type FindingKind, LanestoreError } from '../../../errors.js';
import { parseFormat0Key } from '../../../keys/format-0.js';
import { eventKey, SCHEMA_KEY, TIP_KEY } from '../../../keys/index.js';
import type { Engine } from '../engine.js';
import { decodeRecord, isFault } from '../format/record.js';
import { FORMAT, otherFormat, readSchema, type Schema } from '../format/schema.js';
import { parseTip, type Tip } from '../format/tip.js';

/**
 * The key that marks a begun conversion from format 0: the first batch of the step puts it, before
 * anything is converted.
 */
export const STEP_KEY = eventKey(0n);

/**
 * The format of a database: the format in its schema; 0 for the plain keys of format 0 without a
 * schema, also when they are half converted.
 * @throws LANESTORE_NOT_A_STORE for another program's database; LANESTORE_CORRUPT for a store whose
 * schema is damaged.
 */
export async function readFormat(engine: Engine, model: string | undefined, hasWitness: boolean): Promise<number> {
  const format = await storedFormat(engine);
  return format ?? (await readStoreSchema(engine, model, hasWitness)).format;
}

/** As {@link readFormat}; undefined for any other database and for a damaged schema. */
async function storedFormat(engine: Engine): Promise<number | undefined> {
  const schema = await engine.get(SCHEMA_KEY);
  if (schema !== undefined) {
    const record = decodeRecord(SCHEMA_KEY, schema);
    const format = isFault(record) ? undefined : (record.body as { format?: unknown } | null)?.format;
    return typeof format === 'number' ? format : undefined;
  }
  if ((await engine.get(TIP_KEY)) !== undefined) return undefined;
  if ((await engine.get(STEP_KEY)) !== undefined) return 0;
  const [first] = await engine.keys({}, 1);
  return first !== undefined && parseFormat0Key(first) !== undefined ? 0 : undefined;
}

/**
 * Reads the schema.
 * @param oldest the lowest accepted format
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA; LANESTORE_CORRUPT with findings.
 */
export async function readStoreSchema(
  engine: Engine,
  model: string | undefined,
  hasWitness: boolean,
  oldest = FORMAT,
): Promise<Schema> {
  const schema = await engine.get(SCHEMA_KEY);
  if (schema !== undefined) return readSchema(schema, model, oldest);
  // With a tip or a witness, the database is a damaged store; without either, it is another
  // program's LevelDB.
  const rest = (await engine.get(TIP_KEY)) !== undefined ? TIP_KEY : hasWitness ? 'the witness' : undefined;
  if (rest !== undefined) {
    const findings: Finding[] = [{ kind: 'schema-missing', key: SCHEMA_KEY, detail: 'the record is missing' }];
    throw new LanestoreError('LANESTORE_CORRUPT', `${SCHEMA_KEY} is missing, ${rest} is there`, { findings });
  }
  if ((await storedFormat(engine)) === 0) throw otherFormat(0);
  throw new LanestoreError('LANESTORE_NOT_A_STORE', `the LevelDB has no ${SCHEMA_KEY}: it is not a lanestore`, {
    remedy: 'it is the database of another program, and was left as it is: check the path',
  });
}

/**
 * Reads the tip.
 * @throws LANESTORE_CORRUPT with findings if it is absent, damaged, or of another store or format
 * than the schema, if one is given.
 */
export async function readTip(engine: Engine, schema?: Schema): Promise<Tip> {
  const corrupt = (kind: FindingKind, detail: string) =>
    new LanestoreError('LANESTORE_CORRUPT', `${TIP_KEY}: ${detail}`, { findings: [{ kind, key: TIP_KEY, detail }] });
  const value = await engine.get(TIP_KEY);
  if (value === undefined) throw corrupt('tip-missing', 'the record is missing: what must be in the store is unknown');
  const record = decodeRecord(TIP_KEY, value);
  if (isFault(record)) throw corrupt(record.kind, record.detail);
  const tip = parseTip(record.body);
  if (typeof tip === 'string') throw corrupt('tip-body', tip);
  if (schema === undefined) return tip;
  if (Buffer.compare(tip.store, schema.store) !== 0) {
    throw corrupt('tip-store', `it is of store ${hex(tip.store)}, the schema says ${hex(schema.store)}`);
  }
  if ((tip.votes === null) !== (schema.format === 1)) {
    throw corrupt('tip-body', `it is not of format ${schema.format}, which the schema names`);
  }
  return tip;
}
