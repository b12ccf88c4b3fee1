/** What a history that a sink holds means for a store that is about to sign. Pure. */
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
 * `none`: the sink holds no history. `held`: this store is not behind it. `ahead`: the store lost
 * what it acknowledged, or is a copy. `stranger`: another store signed, and did not hand over.
 */
export type SinkVerdict =
  | { readonly kind: 'none' | 'held' }
  | { readonly kind: 'ahead' | 'stranger'; readonly why: string };

/** Judges one history. */
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

/** A log of which the history has a vote that the store lacks. */
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
 * A lane of which the history has a block that the store lacks, and has no floor for. A lane may
 * have been dropped since; not at the same batch, where all lanes are the same, or two copies wrote
 * it.
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
