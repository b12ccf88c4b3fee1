/** The encodings of the messages of votes as code; schema.ts has their tables. */
import { isObject } from '../../../cbor/shape.js';
import { bytesField, listField, messageField, u64Field, writeKey, writeTimestamp } from '../code.js';
import { ascending } from '../lane-ranges.js';
import { HASH_BYTES } from '../sizes.js';
import type { Writer } from '../wire.js';
import type { AppProposal, LaneRange, Proposal, TimeoutVote, View } from './types.js';

/** Checks and writes a lane range. */
export function writeLaneRange(to: Writer, value: unknown): boolean {
  return (
    isObject<LaneRange>(value) &&
    bytesField(to, 4, value.lastHash, HASH_BYTES) &&
    u64Field(to, 3, value.next) &&
    u64Field(to, 2, value.first) &&
    messageField(to, 1, value.lane, writeKey)
  );
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
