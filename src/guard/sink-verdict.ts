/** Compares a store that is about to sign with a history that a sink holds. Pure. */
import type { SigningHistory } from '../adapter/index.js';
import type { Cursors, VoteState } from '../adapter/persistence.js';
import { comparePositions } from '../adapter/vote-rules.js';
import type { StoreBatch } from '../adapter/witness-set.js';
import { hex } from '../base/bytes.js';

/** A store, as of its newest durable batch. */
export interface StoreAtOpen {
  readonly newest: StoreBatch;
  readonly votes: VoteState;
  readonly cursors: Cursors;
}

/**
 * `none`: the sink holds no history. `held`: the store contains all of the history. `ahead`: the
 * store lacks a part of it, because it lost acknowledged batches or is a copy. `stranger`: the
 * history is of another store, which did not hand over.
 */
export type SinkVerdict =
  | { readonly kind: 'none' | 'held' }
  | { readonly kind: 'ahead' | 'stranger'; readonly why: string };

/** Compares one history with the store. */
export function verdictOn(history: SigningHistory | undefined, store: StoreAtOpen): SinkVerdict {
  if (history === undefined) return { kind: 'none' };
  const { newest, votes } = store;
  const name = `batch ${history.seq} of store ${hex(history.store)}`;
  const isOwn = hex(history.store) === hex(newest.store);
  if (!isOwn && !isHeirOf(votes, history)) {
    return { kind: 'stranger', why: `it holds ${name}, which did not hand over to this store, ${hex(newest.store)}` };
  }
  if (isOwn && history.seq > newest.seq) {
    return { kind: 'ahead', why: `it holds ${name}, the newest batch here is ${newest.seq}` };
  }
  const missing = aheadLog(history, votes) ?? aheadLane(history, store, isOwn && history.seq === newest.seq);
  if (missing === undefined) return { kind: 'held' };
  return { kind: 'ahead', why: `it holds ${name}, with ${missing} that is not here` };
}

function isHeirOf({ heirOf = [] }: VoteState, { store, seq }: SigningHistory): boolean {
  return heirOf.some((heir) => hex(heir.store) === hex(store) && heir.seq >= seq);
}

/** Names a vote of the history that the store lacks; undefined if there is none. */
function aheadLog({ logs }: SigningHistory, votes: VoteState): string | undefined {
  for (const [name, { watermark }] of logs) {
    if (watermark === undefined) continue;
    const own = votes.logs.get(name)?.watermark;
    const order = own === undefined ? 1 : comparePositions(watermark.at, own.at);
    const isOther = order === 0 && own !== undefined && Buffer.compare(watermark.digest, own.digest) !== 0;
    if (order > 0 || isOther) return `a vote at (${watermark.at.join(', ')}) of log ${name}`;
  }
  return undefined;
}

/**
 * Names a block of the history that the store lacks and has no floor for; undefined if there is
 * none. A lane that is absent proves nothing: the store may have dropped it after the history's
 * batch. At the same batch all lanes must be equal; if they are not, two copies wrote that batch.
 */
function aheadLane(
  { lanes }: SigningHistory,
  { cursors, votes }: StoreAtOpen,
  isSameBatch: boolean,
): string | undefined {
  for (const [lane, { last }] of lanes) {
    const next = cursors.lanes.get(lane)?.next;
    const floor = votes.laneFloors.get(lane);
    if (last === undefined || (floor !== undefined && floor >= last)) continue;
    const isOther = isSameBatch && next !== last + 1n;
    if (isOther || (next !== undefined && next <= last)) return `block ${last} of lane ${lane}`;
  }
  return undefined;
}
