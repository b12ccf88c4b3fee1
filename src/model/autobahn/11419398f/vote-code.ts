/** The encodings of the messages of votes as code; schema.ts has their tables. */
import { isObject } from '../../../cbor/shape.js';
import { isU64 } from '../../../keys/index.js';
import { bytesField, delimited, listField, messageField, u64Field, varint, writeTimestamp } from '../code.js';
import { isBytes } from '../encoding.js';
import { ascending } from '../lane-ranges.js';
import { HASH_BYTES, KEY_BYTES } from '../sizes.js';
import type { Writer } from '../wire.js';
import type { AppProposal, LaneRange, Proposal, TimeoutVote, View } from './types.js';

/**
 * Checks and writes a lane range. All checks come first: a proposal has up to hundreds of ranges,
 * and takes a sixth longer with a check before each write.
 */
export function writeLaneRange(to: Writer, value: unknown): boolean {
  if (!isObject<LaneRange>(value)) return false;
  const { lane, first, next, lastHash } = value;
  if (!isBytes(lane, KEY_BYTES) || !isU64(first) || !isU64(next) || !isBytes(lastHash, HASH_BYTES)) return false;
  to.bytesField(delimited(4), lastHash);
  to.field64(varint(3), next);
  to.field64(varint(2), first);
  to.nestedBytes(delimited(1), delimited(1), lane);
  return true;
}

/** Checks and writes a view. */
export function writeView(to: Writer, value: unknown): boolean {
  return isObject<View>(value) && u64Field(to, 2, value.number) && u64Field(to, 1, value.index);
}

/** Checks and writes a proposed state of the application. */
export function writeAppProposal(to: Writer, value: unknown): boolean {
  if (!isObject<AppProposal>(value)) return false;
  const { appHash } = value;
  return (
    (appHash === undefined || bytesField(to, 3, appHash)) &&
    u64Field(to, 2, value.roadIndex) &&
    u64Field(to, 1, value.globalNumber)
  );
}

/** Checks and writes a proposal. */
export function writeProposal(to: Writer, value: unknown): boolean {
  if (!isObject<Proposal>(value)) return false;
  const { app } = value;
  return (
    (app === undefined || messageField(to, 4, app, writeAppProposal)) &&
    listField(to, 3, value.laneRanges, writeLaneRange, ascending) &&
    messageField(to, 2, value.createdAt, writeTimestamp) &&
    messageField(to, 1, value.view, writeView)
  );
}

/** Checks and writes a timeout vote. */
export function writeTimeoutVote(to: Writer, value: unknown): boolean {
  if (!isObject<TimeoutVote>(value)) return false;
  const { latestPrepareQCViewNumber: latest } = value;
  return (latest === undefined || u64Field(to, 2, latest)) && messageField(to, 1, value.view, writeView);
}
