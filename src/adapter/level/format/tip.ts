/**
 * The tip: the record that lists what the store must contain. It is the first put of every batch,
 * so it always describes the newest surviving batch, and every other record must agree with it.
 *
 *   meta/tip -> { store: 16 bytes, seq, singles: [anchor crc | null, inner crc | null],
 *                 votes: [crc, lane floors crc | null], qc: [first, next, swept],
 *                 lanes: [[lane bytes, first, next, swept], ...] }
 *
 * `seq` counts batches; creation is 0. Each crc is that of the record `anchor`, `inner`, `votes` or
 * `votes/lanes`, null if the record is absent. All other integers are u64. Lanes ascend by their
 * bytes. swept <= first <= next; stale keys may remain in [swept, first) until the sweeper deletes
 * them.
 *
 * In format 1, too, the tip is a map of six entries that begins with `store` and `seq`. By these
 * bytes preflight recognizes a batch of the store. So an older version reports a newer store as
 * newer, not as damaged. Format 1 has `anchor: crc | null, inner: crc | null` in place of `singles`
 * and `votes`.
 */

import { copyOf } from '../../../base/bytes.js';
import { array, byteString, cbor, map, text, UINT64 } from '../../../cbor/template.js';
import type { CborWriter } from '../../../cbor/writer.js';
import { isLaneId, isU64, type LaneId, laneBytes, laneIdOf, remembered, TIP_KEY } from '../../../keys/index.js';
import type { Cursor } from '../../persistence.js';
import { type EncodedRecord, writeRecord } from './record.js';

/** Bytes of a store's id. */
export const STORE_ID_BYTES = 16;

/** A cursor, and the number below which no keys remain. */
export interface Extent extends Cursor {
  readonly swept: bigint;
}

/** The tip, decoded. It is never changed in place: each batch makes a new one. */
export interface Tip {
  readonly store: Uint8Array;
  readonly seq: bigint;
  readonly anchor: number | null;
  readonly inner: number | null;
  /**
   * Null in format 1 only, which is read but never written: every store of format 2 has the record
   * `votes`.
   */
  readonly votes: number | null;
  readonly laneFloors: number | null;
  readonly qc: Extent;
  /** Ascending by lane. */
  readonly lanes: ReadonlyMap<LaneId, Extent>;
}

/** The tip of a store that holds only the record `votes`, with this crc. */
export function firstTip(store: Uint8Array, votes: number): Tip {
  const qc = { first: 0n, next: 0n, swept: 0n };
  return { store, seq: 0n, anchor: null, inner: null, votes, laneFloors: null, qc, lanes: new Map() };
}

const HEAD = cbor(map(6), text('store'), byteString(STORE_ID_BYTES));
const SEQ = cbor(text('seq'));
const SINGLES = cbor(text('singles'), array(2));
const VOTES = cbor(text('votes'), array(2));
const LANES = cbor(text('lanes'));

/**
 * The record of a tip. Encoded by hand for speed: every batch has a tip, and it lists every lane.
 */
export function encodeTip(tip: Tip): EncodedRecord {
  if (tip.votes === null) throw new TypeError('a tip without votes is of format 1, which is not written');
  return writeRecord(TIP_KEY, (to) => {
    to.raw(HEAD);
    to.raw(tip.store);
    to.raw(SEQ);
    to.bigint(tip.seq);
    to.raw(SINGLES);
    to.value(tip.anchor);
    to.value(tip.inner);
    to.raw(VOTES);
    to.value(tip.votes);
    to.value(tip.laneFloors);
    writeExtent(to, QC, tip.qc);
    to.raw(LANES);
    to.array(tip.lanes.size);
    for (const [lane, extent] of tip.lanes) writeExtent(to, laneEntry(lane), extent);
  });
}

const INTEGER = [UINT64, ...new Uint8Array(8)];
const EXTENT = [...INTEGER, ...INTEGER, ...INTEGER];

/** Writes bytes that end in {@link EXTENT}, and its integers into them. */
function writeExtent(to: CborWriter, bytes: Uint8Array, { first, next, swept }: Extent): void {
  to.stretch(bytes);
  const at = bytes.length - EXTENT.length + 1;
  to.fillBigint(at, first);
  to.fillBigint(at + INTEGER.length, next);
  to.fillBigint(at + 2 * INTEGER.length, swept);
}

const QC = cbor(text('qc'), array(3), EXTENT);

/**
 * A lane's entry, cached: every tip lists every lane, and decoding a lane's hex takes longer than
 * the rest of the tip.
 */
const laneEntry = remembered((lane: LaneId) =>
  cbor(array(4), byteString(lane.length / 2), [...laneBytes(lane)], EXTENT),
);

/** Parses the body of a tip record; for an invalid body, returns a sentence naming the defect. */
export function parseTip(body: unknown): Tip | string {
  if (!isMap(body)) return 'it is not a map';
  const { store, seq, qc, lanes } = body;
  if (!(store instanceof Uint8Array) || store.length !== STORE_ID_BYTES) return 'store is not 16 bytes';
  if (!isU64(seq)) return 'seq is not a 64-bit integer';
  const crcs = 'singles' in body || 'votes' in body ? parseCrcs(body) : parseCrcs1(body);
  if (typeof crcs === 'string') return crcs;
  const log = parseExtent(qc);
  if (log === undefined) return 'qc is not [first, next, swept]';
  if (!Array.isArray(lanes)) return 'lanes is not an array';
  const extents = new Map<LaneId, Extent>();
  let last = '';
  for (const entry of lanes) {
    const lane = Array.isArray(entry) && entry[0] instanceof Uint8Array ? laneIdOf(entry[0]) : '';
    const extent = Array.isArray(entry) ? parseExtent(entry.slice(1)) : undefined;
    if (extent === undefined || !isLaneId(lane)) return `lanes[${extents.size}] is not [lane, first, next, swept]`;
    if (lane <= last) return `lanes[${extents.size}] is not in ascending order`;
    extents.set(lane, extent);
    last = lane;
  }
  return { store: copyOf(store), seq, ...crcs, qc: log, lanes: extents };
}

type Crcs = Pick<Tip, 'anchor' | 'inner' | 'votes' | 'laneFloors'>;

function parseCrcs({ singles, votes: voteRecords }: Record<string, unknown>): Crcs | string {
  if (!isPair(singles) || !singles.every(isCrcOrNull)) return 'singles is not [crc or null, crc or null]';
  if (!isPair(voteRecords)) return 'votes is not [crc, crc or null]';
  const [votes, laneFloors] = voteRecords;
  if (votes === null || !isCrcOrNull(votes) || !isCrcOrNull(laneFloors)) return 'votes is not [crc, crc or null]';
  const [anchor, inner] = singles as [number | null, number | null];
  return { anchor, inner, votes, laneFloors };
}

/** The crcs of a tip of format 1. */
function parseCrcs1({ anchor, inner }: Record<string, unknown>): Crcs | string {
  if (!isCrcOrNull(anchor)) return 'anchor is neither a crc nor null';
  if (!isCrcOrNull(inner)) return 'inner is neither a crc nor null';
  return { anchor, inner, votes: null, laneFloors: null };
}

function parseExtent(value: unknown): Extent | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const [first, next, swept] = value;
  if (!isU64(first) || !isU64(next) || !isU64(swept) || swept > first || first > next) return undefined;
  return { first, next, swept };
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function isCrcOrNull(value: unknown): value is number | null {
  return value === null || (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff);
}
