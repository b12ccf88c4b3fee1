/**
 * Writing the bodies of what a store holds: signed blocks, CommitQCs, anchors. The tables (schema.ts) say what is right and what the bytes
 * are; this says the same once more, field by field, because every entry passes here on its way to durability, and a table that is
 * interpreted twice, for checking and for writing, takes five times as long. A property test holds the two together.
 *
 * Every writer checks what it writes and gives false at the first thing that the tables would refuse; the tables then say what it is.
 */
import { byteString, cbor, map, text } from '../cbor.js';
import type { BodyWriter } from '../model.js';
import { HASH_BYTES, KEY_BYTES, NANOS_MAX, SIGNATURE_BYTES } from './sizes.js';
import type * as types from './types.js';

/** Checks `entry` and writes its body; false if the tables refuse it. */
export type CheckedWriter = (to: BodyWriter, entry: unknown) => boolean;

const U64_MAX = 2n ** 64n - 1n;
const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;

/** What a value of type T may turn out to be before it was looked at. */
type Unchecked<T> = { readonly [K in keyof T]?: unknown };

function isObject<T>(value: unknown): value is Unchecked<T> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isBytes(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

function isU64(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= U64_MAX;
}

function isI64(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= I64_MIN && value <= I64_MAX;
}

const BLOCK = cbor(map(2), text('block'), map(2), text('header'));
const PAYLOAD = cbor(text('payload'));
const SIG = cbor(text('sig'));

/** Of a lane. */
export const writeSignedBlock: CheckedWriter = (to, entry) => {
  if (!isObject<types.SignedBlock>(entry)) return false;
  const { block, sig } = entry;
  if (!isObject<types.Block>(block)) return false;
  const { header, payload } = block;
  to.raw(BLOCK);
  if (!writeHeader(to, header)) return false;
  to.raw(PAYLOAD);
  if (!writePayload(to, payload)) return false;
  to.raw(SIG);
  return writeSignature(to, sig);
};

const HEADER_LANE = cbor(map(4), text('lane'), byteString(KEY_BYTES));
const HEADER_NUMBER = cbor(text('blockNumber'));
const HEADER_PARENT = cbor(text('parentHash'), byteString(HASH_BYTES));
const HEADER_PAYLOAD = cbor(text('payloadHash'), byteString(HASH_BYTES));

function writeHeader(to: BodyWriter, header: unknown): boolean {
  if (!isObject<types.BlockHeader>(header)) return false;
  const { lane, blockNumber, parentHash, payloadHash } = header;
  if (!isBytes(lane, KEY_BYTES) || !isU64(blockNumber)) return false;
  if (!isBytes(parentHash, HASH_BYTES) || !isBytes(payloadHash, HASH_BYTES)) return false;
  to.raw(HEADER_LANE);
  to.raw(lane);
  to.raw(HEADER_NUMBER);
  to.bigint(blockNumber);
  to.raw(HEADER_PARENT);
  to.raw(parentHash);
  to.raw(HEADER_PAYLOAD);
  to.raw(payloadHash);
  return true;
}

const PAYLOAD_OF_5 = cbor(map(5), text('createdAt'));
const PAYLOAD_OF_6 = cbor(map(6), text('createdAt'));
const TOTAL_GAS = cbor(text('totalGas'));
const EDGE_COUNT = cbor(text('edgeCount'));
const COINBASE = cbor(text('coinbase'));
const BASEFEE = cbor(text('basefee'));
const TXS = cbor(text('txs'));

function writePayload(to: BodyWriter, payload: unknown): boolean {
  if (!isObject<types.Payload>(payload)) return false;
  const { createdAt, totalGas, edgeCount, coinbase, basefee, txs } = payload;
  if (!isU64(totalGas) || !isI64(edgeCount) || !isI64(basefee) || !Array.isArray(txs)) return false;
  if (coinbase !== undefined && !(coinbase instanceof Uint8Array)) return false;
  to.raw(coinbase === undefined ? PAYLOAD_OF_5 : PAYLOAD_OF_6);
  if (!writeTimestamp(to, createdAt)) return false;
  to.raw(TOTAL_GAS);
  to.bigint(totalGas);
  to.raw(EDGE_COUNT);
  to.bigint(edgeCount);
  if (coinbase !== undefined) {
    to.raw(COINBASE);
    to.bytes(coinbase);
  }
  to.raw(BASEFEE);
  to.bigint(basefee);
  to.raw(TXS);
  const { length } = txs;
  to.array(length);
  for (let i = 0; i < length; i++) {
    const tx: unknown = txs[i];
    if (!(tx instanceof Uint8Array)) return false;
    to.bytes(tx);
  }
  return true;
}

const SECONDS = cbor(map(2), text('seconds'));
const NANOS = cbor(text('nanos'));

function writeTimestamp(to: BodyWriter, timestamp: unknown): boolean {
  if (!isObject<types.Timestamp>(timestamp)) return false;
  const { seconds, nanos } = timestamp;
  if (!isI64(seconds) || typeof nanos !== 'number') return false;
  if (!Number.isInteger(nanos) || nanos < 0 || nanos > NANOS_MAX) return false;
  to.raw(SECONDS);
  to.bigint(seconds);
  to.raw(NANOS);
  to.number(nanos);
  return true;
}

const SIGNATURE_KEY = cbor(map(2), text('key'), byteString(KEY_BYTES));
const SIGNATURE_SIG = cbor(text('sig'), byteString(SIGNATURE_BYTES));

function writeSignature(to: BodyWriter, signature: unknown): boolean {
  if (!isObject<types.Signature>(signature)) return false;
  const { key, sig } = signature;
  if (!isBytes(key, KEY_BYTES) || !isBytes(sig, SIGNATURE_BYTES)) return false;
  to.raw(SIGNATURE_KEY);
  to.raw(key);
  to.raw(SIGNATURE_SIG);
  to.raw(sig);
  return true;
}

const SIGS = cbor(text('sigs'));

function writeSignatures(to: BodyWriter, sigs: unknown): boolean {
  if (!Array.isArray(sigs)) return false;
  to.raw(SIGS);
  const { length } = sigs;
  to.array(length);
  for (let i = 0; i < length; i++) if (!writeSignature(to, sigs[i])) return false;
  return true;
}

const VOTE = cbor(map(2), text('vote'));

/** Of the QC log. */
export const writeCommitQC: CheckedWriter = (to, entry) => {
  if (!isObject<types.CommitQC>(entry)) return false;
  const { vote, sigs } = entry;
  to.raw(VOTE);
  return writeProposal(to, vote) && writeSignatures(to, sigs);
};

const APP_QC = cbor(map(2), text('appQC'), map(2), text('vote'));
const COMMIT_QC = cbor(text('commitQC'));

/** Of the one anchor. */
export const writePruneAnchor: CheckedWriter = (to, entry) => {
  if (!isObject<types.PruneAnchor>(entry)) return false;
  const { appQC, commitQC } = entry;
  if (!isObject<types.AppQC>(appQC)) return false;
  const { vote, sigs } = appQC;
  to.raw(APP_QC);
  if (!writeAppProposal(to, vote) || !writeSignatures(to, sigs)) return false;
  to.raw(COMMIT_QC);
  return writeCommitQC(to, commitQC);
};

const VIEW_OF_3 = cbor(map(3), text('view'), map(2), text('index'));
const VIEW_OF_4 = cbor(map(4), text('view'), map(2), text('index'));
const VIEW_NUMBER = cbor(text('number'));
const CREATED_AT = cbor(text('createdAt'));
const APP = cbor(text('app'));

function writeProposal(to: BodyWriter, proposal: unknown): boolean {
  if (!isObject<types.Proposal>(proposal)) return false;
  const { view, createdAt, laneRanges, app } = proposal;
  if (!isObject<types.View>(view)) return false;
  const { index, number } = view;
  if (!isU64(index) || !isU64(number)) return false;
  to.raw(app === undefined ? VIEW_OF_3 : VIEW_OF_4);
  to.bigint(index);
  to.raw(VIEW_NUMBER);
  to.bigint(number);
  to.raw(CREATED_AT);
  if (!writeTimestamp(to, createdAt) || !writeLaneRanges(to, laneRanges)) return false;
  if (app === undefined) return true;
  to.raw(APP);
  return writeAppProposal(to, app);
}

const LANE_RANGES = cbor(text('laneRanges'));
const RANGE_LANE = cbor(map(4), text('lane'), byteString(KEY_BYTES));
const RANGE_FIRST = cbor(text('first'));
const RANGE_NEXT = cbor(text('next'));
const RANGE_HASH = cbor(text('lastHash'), byteString(HASH_BYTES));

function writeLaneRanges(to: BodyWriter, ranges: unknown): boolean {
  if (!Array.isArray(ranges)) return false;
  to.raw(LANE_RANGES);
  const { length } = ranges;
  to.array(length);
  let last: Uint8Array | undefined;
  for (let i = 0; i < length; i++) {
    const range: unknown = ranges[i];
    if (!isObject<types.LaneRange>(range)) return false;
    const { lane, first, next, lastHash } = range;
    if (!isBytes(lane, KEY_BYTES) || !isU64(first) || !isU64(next) || !isBytes(lastHash, HASH_BYTES)) return false;
    if (last !== undefined && !isBelow(last, lane)) return false;
    last = lane;
    to.raw(RANGE_LANE);
    to.raw(lane);
    to.raw(RANGE_FIRST);
    to.bigint(first);
    to.raw(RANGE_NEXT);
    to.bigint(next);
    to.raw(RANGE_HASH);
    to.raw(lastHash);
  }
  return true;
}

/** Of two keys, which nearly always differ in their first byte. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < KEY_BYTES; i++) if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number);
  return false;
}

const GLOBAL_NUMBER_OF_2 = cbor(map(2), text('globalNumber'));
const GLOBAL_NUMBER_OF_3 = cbor(map(3), text('globalNumber'));
const ROAD_INDEX = cbor(text('roadIndex'));
const APP_HASH = cbor(text('appHash'));

function writeAppProposal(to: BodyWriter, proposal: unknown): boolean {
  if (!isObject<types.AppProposal>(proposal)) return false;
  const { globalNumber, roadIndex, appHash } = proposal;
  if (!isU64(globalNumber) || !isU64(roadIndex)) return false;
  if (appHash !== undefined && !(appHash instanceof Uint8Array)) return false;
  to.raw(appHash === undefined ? GLOBAL_NUMBER_OF_2 : GLOBAL_NUMBER_OF_3);
  to.bigint(globalNumber);
  to.raw(ROAD_INDEX);
  to.bigint(roadIndex);
  if (appHash === undefined) return true;
  to.raw(APP_HASH);
  to.bytes(appHash);
  return true;
}
