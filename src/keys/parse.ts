/**
 * Parses keys: the inverse of encode.ts, and strict. Only keys that encoding produces are parsed.
 */
import { isLaneId } from './lane-id.js';
import {
  ANCHOR_KEY,
  EVENT_PREFIX,
  INNER_KEY,
  type Key,
  LANE_FLOORS_KEY,
  LANE_PREFIX,
  QC_PREFIX,
  SCHEMA_KEY,
  TIP_KEY,
  VOTES_KEY,
} from './registry.js';
import { ENTRY_NUMBER_MAX, parsePaddedU64, U64_DIGITS } from './u64.js';

/**
 * Parses a key. Returns undefined for a key outside of this key space: an unknown prefix, uppercase
 * hex, missing padding, a number above the largest of an entry, or any text before or after the
 * key.
 * @example
 * ```ts
 * import { autobahn, openView } from 'lanestore';
 * import { parseKey } from 'lanestore/keys';
 *
 * const view = await openView('state', { model: autobahn });
 * for await (const { key } of view.entries()) console.log(key, parseKey(key));
 * await view.close();
 * ```
 */
export function parseKey(key: string): Key | undefined {
  switch (key) {
    case ANCHOR_KEY:
      return { kind: 'anchor' };
    case INNER_KEY:
      return { kind: 'inner' };
    case SCHEMA_KEY:
      return { kind: 'schema' };
    case TIP_KEY:
      return { kind: 'tip' };
    case VOTES_KEY:
      return { kind: 'votes' };
    case LANE_FLOORS_KEY:
      return { kind: 'laneFloors' };
  }
  if (key.startsWith(LANE_PREFIX)) return parseBlockKey(key);
  if (key.startsWith(QC_PREFIX)) {
    const index = parseEntryNumber(key.slice(QC_PREFIX.length));
    return index === undefined ? undefined : { kind: 'commitQC', index };
  }
  if (key.startsWith(EVENT_PREFIX)) {
    const seq = parsePaddedU64(key.slice(EVENT_PREFIX.length));
    return seq === undefined ? undefined : { kind: 'event', seq };
  }
  return undefined;
}

function parseBlockKey(key: string): Key | undefined {
  const slash = key.length - U64_DIGITS - 1;
  if (slash < LANE_PREFIX.length || key[slash] !== '/') return undefined;
  const lane = key.slice(LANE_PREFIX.length, slash);
  const number = parseEntryNumber(key.slice(slash + 1));
  return number === undefined || !isLaneId(lane) ? undefined : { kind: 'block', lane, number };
}

function parseEntryNumber(digits: string): bigint | undefined {
  const number = parsePaddedU64(digits);
  return number === undefined || number > ENTRY_NUMBER_MAX ? undefined : number;
}
