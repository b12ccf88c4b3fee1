/**
 * Writing the bodies of what a store holds: signed blocks, CommitQCs, anchors. The tables (schema.ts) say what is right and what the bytes
 * are; this says the same once more, field by field, because every entry passes here on its way to durability, and a table that is
 * interpreted twice, for checking and for writing, takes five times as long. A property test holds the two together.
 *
 * Every writer checks what it writes and gives false at the first thing that the tables would refuse; the tables then say what it is.
 */
import { bytesPlace, cbor, INTEGER_PLACE, map, Template, text } from '../../cbor/template.js';
import type { BodyWriter } from '../model.js';
import {
  BASEFEE,
  BLOCK_SIGNATURE,
  BLOCK_SIGNED,
  BLOCK_SIGNER,
  COINBASE,
  COUNTS,
  EDGES,
  FEE,
  GAS,
  HEAD,
  HEAD_COINBASE,
  LANE,
  NUMBER,
  PARENT,
  PAYLOAD,
  places,
  SECONDS,
  SIGNATURE,
  SIGNED,
  SIGNER,
} from './block-layout.js';
import { HASH_BYTES, I64_MAX, I64_MIN, KEY_BYTES, NANOS_MAX, SIGNATURE_BYTES, U64_MAX } from './sizes.js';
import type * as types from './types.js';

/** Checks `entry` and writes its body; false if the tables refuse it. */
export type CheckedWriter = (to: BodyWriter, entry: unknown) => boolean;

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

/** Plain values, read only once: what was checked is what is written. */
function timestampOf(value: unknown): types.Timestamp | undefined {
  if (!isObject<types.Timestamp>(value)) return undefined;
  const { seconds, nanos } = value;
  if (!isI64(seconds) || typeof nanos !== 'number') return undefined;
  return Number.isInteger(nanos) && nanos >= 0 && nanos <= NANOS_MAX ? { seconds, nanos } : undefined;
}

/** Of a lane. */
export const writeSignedBlock: CheckedWriter = (to, entry) => {
  if (!isObject<types.SignedBlock>(entry)) return false;
  const { block, sig } = entry;
  if (!isObject<types.Block>(block)) return false;
  const { header, payload } = block;
  if (!isObject<types.BlockHeader>(header) || !isObject<types.Payload>(payload)) return false;
  const { createdAt, totalGas, edgeCount, coinbase, basefee, txs } = payload;
  if (coinbase !== undefined && !(coinbase instanceof Uint8Array)) return false;
  if (!writeHead(to, coinbase === undefined ? HEAD : HEAD_COINBASE, header, createdAt)) return false;
  if (!isU64(totalGas) || !isI64(edgeCount) || !isI64(basefee) || !Array.isArray(txs)) return false;
  COUNTS.integer(GAS, totalGas);
  COUNTS.integer(EDGES, edgeCount);
  to.raw(COUNTS.bytes);
  if (coinbase !== undefined) {
    to.raw(COINBASE.bytes);
    to.bytes(coinbase);
  }
  FEE.integer(BASEFEE, basefee);
  to.raw(FEE.bytes);
  const { length } = txs;
  to.array(length);
  for (let i = 0; i < length; i++) {
    const tx: unknown = txs[i];
    if (!(tx instanceof Uint8Array)) return false;
    to.bytes(tx);
  }
  return writeSignature(to, sig, BLOCK_SIGNATURE, BLOCK_SIGNER, BLOCK_SIGNED);
};

function writeHead(to: BodyWriter, head: Template, header: Unchecked<types.BlockHeader>, createdAt: unknown): boolean {
  const { lane, blockNumber, parentHash, payloadHash } = header;
  if (!isBytes(lane, KEY_BYTES) || !isU64(blockNumber)) return false;
  if (!isBytes(parentHash, HASH_BYTES) || !isBytes(payloadHash, HASH_BYTES)) return false;
  const created = timestampOf(createdAt);
  if (created === undefined) return false;
  const { bytes } = head;
  bytes.set(lane, LANE);
  head.integer(NUMBER, blockNumber);
  bytes.set(parentHash, PARENT);
  bytes.set(payloadHash, PAYLOAD);
  head.integer(SECONDS, created.seconds);
  to.raw(bytes);
  to.number(created.nanos);
  return true;
}

function writeSignature(
  to: BodyWriter,
  signature: unknown,
  template = SIGNATURE,
  signer = SIGNER,
  signed = SIGNED,
): boolean {
  if (!isObject<types.Signature>(signature)) return false;
  const { key, sig } = signature;
  if (!isBytes(key, KEY_BYTES) || !isBytes(sig, SIGNATURE_BYTES)) return false;
  const { bytes } = template;
  bytes.set(key, signer);
  bytes.set(sig, signed);
  to.raw(bytes);
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

/** Up to the nanoseconds; for a proposal of three fields and for one with an application's state. */
const proposalHead = (fields: number) =>
  new Template(
    map(fields),
    text('view'),
    map(2),
    text('index'),
    INTEGER_PLACE,
    text('number'),
    INTEGER_PLACE,
    text('createdAt'),
    map(2),
    text('seconds'),
    INTEGER_PLACE,
    text('nanos'),
  );
const PROPOSAL = proposalHead(3);
const PROPOSAL_APP = proposalHead(4);
const [VIEW_INDEX, VIEW_NUMBER, PROPOSED_SECONDS] = places(PROPOSAL, 3);
const LANE_RANGES = cbor(text('laneRanges'));
const APP = cbor(text('app'));

function writeProposal(to: BodyWriter, proposal: unknown): boolean {
  if (!isObject<types.Proposal>(proposal)) return false;
  const { view, createdAt, laneRanges, app } = proposal;
  const created = timestampOf(createdAt);
  if (!isObject<types.View>(view) || created === undefined) return false;
  const { index, number } = view;
  if (!isU64(index) || !isU64(number)) return false;
  const head = app === undefined ? PROPOSAL : PROPOSAL_APP;
  head.integer(VIEW_INDEX, index);
  head.integer(VIEW_NUMBER, number);
  head.integer(PROPOSED_SECONDS, created.seconds);
  to.raw(head.bytes);
  to.number(created.nanos);
  if (!writeLaneRanges(to, laneRanges)) return false;
  if (app === undefined) return true;
  to.raw(APP);
  return writeAppProposal(to, app);
}

const RANGE = new Template(
  map(4),
  text('lane'),
  ...bytesPlace(KEY_BYTES),
  text('first'),
  INTEGER_PLACE,
  text('next'),
  INTEGER_PLACE,
  text('lastHash'),
  ...bytesPlace(HASH_BYTES),
);
const [RANGE_LANE, RANGE_FIRST, RANGE_NEXT, RANGE_HASH] = places(RANGE, 4);

function writeLaneRanges(to: BodyWriter, ranges: unknown): boolean {
  if (!Array.isArray(ranges)) return false;
  to.raw(LANE_RANGES);
  const { length } = ranges;
  const { bytes } = RANGE;
  to.array(length);
  let last: Uint8Array | undefined;
  for (let i = 0; i < length; i++) {
    const range: unknown = ranges[i];
    if (!isObject<types.LaneRange>(range)) return false;
    const { lane, first, next, lastHash } = range;
    if (!isBytes(lane, KEY_BYTES) || !isU64(first) || !isU64(next) || !isBytes(lastHash, HASH_BYTES)) return false;
    if (last !== undefined && !isBelow(last, lane)) return false;
    last = lane;
    bytes.set(lane, RANGE_LANE);
    RANGE.integer(RANGE_FIRST, first);
    RANGE.integer(RANGE_NEXT, next);
    bytes.set(lastHash, RANGE_HASH);
    to.raw(bytes);
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
