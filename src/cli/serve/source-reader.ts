/**
 * Reads a state directory of another layout than a store's. Its logs can only be read from their
 * beginning, so each call opens the state again, and reads up to the last entry that it shows.
 */
import type { LaneId } from '../../index.js';
import { padU64 } from '../../keys/index.js';
import { openState, type Source } from '../../migrations/index.js';
import type { AppQC } from '../../model/autobahn/73f917bbd/index.js';
import { type Protocol, withProtocol } from '../protocols.js';
import { theLane } from '../short-keys.js';
import { entryOf } from '../state-entries.js';
import { type LaneRow, laneRow, type Round, roundLanes, type StateReader } from './reader.js';

/** A reader of the state in `location`. Its calls throw as `openState`. */
export function sourceReader(location: string): StateReader {
  return {
    lane: (lane, from, limit) =>
      withState(location, (state, protocol) => laneRows(state, protocol, lane, from, from + BigInt(limit))),
    entry: (typed) => withState(location, (state, protocol) => entryOf(state, typed, protocol)),
    round: (road) => withState(location, (state, protocol) => roundOf(state, protocol, road)),
    close: async () => undefined,
  };
}

function withState<T>(
  location: string,
  use: <B, Q, A>(state: Source<B, Q, A>, protocol: Protocol<B, Q, A>) => Promise<T>,
): Promise<T> {
  return withProtocol(location, async (protocol) => {
    const state = await openState(location, protocol.model);
    try {
      return await use(state, protocol);
    } finally {
      await state.close();
    }
  });
}

async function laneRows<B, Q, A>(
  state: Source<B, Q, A>,
  protocol: Protocol<B, Q, A>,
  text: string,
  from: bigint,
  to: bigint,
): Promise<readonly LaneRow[]> {
  const lane = theLane(text, state.lanes.keys());
  const checks = await protocol.checks();
  // Blocks are checked without the range of CommitQCs, which is not known before all of them are
  // read.
  const roads = { first: 0n, next: 0n };
  const rows: LaneRow[] = [];
  let before: { readonly number: bigint; readonly entry: B } | undefined;
  for await (const { entry, number, wire } of state.blocks(lane)) {
    if (number >= to) break;
    const last = before?.number === number - 1n ? before.entry : undefined;
    before = { number, entry };
    if (number < from) continue;
    const place = { number, key: `lane/${lane}/${padU64(number)}`, bytes: wire.length };
    rows.push(laneRow(place, entry, () => checks.block?.(entry, last, roads), protocol));
  }
  return rows;
}

async function roundOf<B, Q, A>(state: Source<B, Q, A>, { manifest }: Protocol<B, Q, A>, road: bigint): Promise<Round> {
  let [first, next] = [state.commitQCLog.leastNext, state.commitQCLog.leastNext];
  let commitQC: object | null = null;
  let isEmpty = true;
  for await (const { entry, number } of state.commitQCs()) {
    if (isEmpty) first = number;
    isEmpty = false;
    next = number + 1n;
    if (number === road) commitQC = manifest.commitQC(entry);
  }
  const { anchor } = state;
  const isAnchor = anchor?.point.index === road;
  return {
    road,
    commitQC,
    lanes: commitQC === null ? [] : roundLanes(commitQC, await heldRanges(state)),
    anchor: isAnchor ? manifest.anchor(anchor.entry) : null,
    appQCs: await appQCsOf(state, road),
    votes: [],
    first,
    next,
  };
}

async function heldRanges<B, Q, A>(state: Source<B, Q, A>) {
  const held = new Map<LaneId, { first: bigint; next: bigint }>();
  for (const lane of state.lanes.keys()) {
    for await (const { number } of state.blocks(lane)) {
      held.set(lane, { first: held.get(lane)?.first ?? number, next: number + 1n });
    }
  }
  return (lane: LaneId) => held.get(lane);
}

/** AppQCs of the data layer. Omits damaged rows, which `verify` reports. */
async function appQCsOf({ data }: Source<unknown, unknown, unknown>, road: bigint): Promise<object[]> {
  const found: object[] = [];
  for (const row of data?.stored.appQC ?? []) {
    const read = await data?.read(row).catch(() => undefined);
    const qc = read?.entry as AppQC | undefined;
    if (qc?.vote.roadIndex === road) found.push({ key: `data/appqc/${padU64(row.first)}`, vote: qc.vote });
  }
  return found;
}
