/** Which format a database has, before anything of it is trusted. */
import { parseFormat0Key } from '../../../keys/format-0.js';
import { eventKey, SCHEMA_KEY, TIP_KEY } from '../../../keys/index.js';
import type { Engine } from '../engine.js';
import { decodeRecord, isFault } from '../format/record.js';

/** Where the step from format 0 says that it has begun: its first batch puts it, before anything is converted. */
export const STEP_KEY = eventKey(0n);

/**
 * The format of what is in the database: that of its schema; 0 for the plain keys of format 0 without one, also when they are half
 * converted; undefined for anything else, a damaged schema included.
 */
export async function storedFormat(engine: Engine): Promise<number | undefined> {
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
