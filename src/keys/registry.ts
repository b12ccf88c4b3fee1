/**
 * The registry of the key space, format 2 (docs/format.md, Keys). Keys are printable ASCII, parts
 * separated by `/`, numbers zero-padded, so the order of bytes is: anchor, inner, lanes, meta, QCs,
 * votes; within a lane, by number.
 *
 * A retired key is never reused with a new meaning.
 *
 *   anchor                      -> the prune anchor (AppQC and its CommitQC)
 *   inner                       -> the node's own consensus state, opaque bytes
 *   lane/<lane hex>/<number>    -> the signed block with that number
 *   meta/event/<seq>            -> an action of an operator or a migration, and its time
 *   meta/schema                 -> format, model, store id, time of creation
 *   meta/tip                    -> the cursors of all logs, and the checksums of the single records
 *   qc/<road index>             -> the CommitQC of that road index
 *   votes                       -> last votes and floors of the node's key
 *   votes/lanes                 -> floors of lanes that were dropped
 */
import type { LaneId } from './lane-id.js';

/** A key of the store, parsed. */
export type Key =
  | { readonly kind: 'anchor' }
  | { readonly kind: 'inner' }
  | { readonly kind: 'block'; readonly lane: LaneId; readonly number: bigint }
  | { readonly kind: 'event'; readonly seq: bigint }
  | { readonly kind: 'schema' }
  | { readonly kind: 'tip' }
  | { readonly kind: 'commitQC'; readonly index: bigint }
  | { readonly kind: 'votes' }
  | { readonly kind: 'laneFloors' };

/** The kinds of keys, and the form of each. */
export const KEY_SHAPES = {
  anchor: 'anchor',
  inner: 'inner',
  block: 'lane/<lane hex>/<20 digits>',
  event: 'meta/event/<20 digits>',
  schema: 'meta/schema',
  tip: 'meta/tip',
  commitQC: 'qc/<20 digits>',
  votes: 'votes',
  laneFloors: 'votes/lanes',
} as const satisfies Record<Key['kind'], string>;

/** The key of the prune anchor. */
export const ANCHOR_KEY = 'anchor';
/** The key of the node's own consensus state. */
export const INNER_KEY = 'inner';
/** The key of the schema record, checked before anything else. */
export const SCHEMA_KEY = 'meta/schema';
/** The key of the tip record, the first put of every batch. */
export const TIP_KEY = 'meta/tip';
/** The key of the votes of the node's key. */
export const VOTES_KEY = 'votes';
/** The key of the floors of dropped lanes. */
export const LANE_FLOORS_KEY = 'votes/lanes';

/** The prefix of every block key. */
export const LANE_PREFIX = 'lane/';
/** The prefix of every CommitQC key. */
export const QC_PREFIX = 'qc/';
/** The prefix of every event key. */
export const EVENT_PREFIX = 'meta/event/';
