/** The batch that creates a store. */
import { randomBytes } from 'node:crypto';
import { SCHEMA_KEY, TIP_KEY, VOTES_KEY } from '../../../keys/index.js';
import type { Operation } from './operation.js';
import { encodeSchema, FORMAT } from './schema.js';
import { encodeTip, firstTip, STORE_ID_BYTES } from './tip.js';
import { encodeVotes, NO_STORED_VOTES } from './votes.js';

/**
 * A store that holds nothing, with an id of its own: tip, schema, and votes of a key that is not
 * bound yet.
 */
export function firstBatch(model: string): Operation[] {
  const store = new Uint8Array(randomBytes(STORE_ID_BYTES));
  const schema = encodeSchema({ format: FORMAT, model, store, createdAt: new Date().toISOString() });
  const votes = encodeVotes(NO_STORED_VOTES, 0n);
  return [
    { type: 'put', key: TIP_KEY, value: encodeTip(firstTip(store, votes.crc)).bytes },
    { type: 'put', key: SCHEMA_KEY, value: schema.bytes },
    { type: 'put', key: VOTES_KEY, value: votes.bytes },
  ];
}
