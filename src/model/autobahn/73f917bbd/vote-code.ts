/** The encodings of the messages of votes as code; schema.ts has their tables. */
import { isObject } from '../../../cbor/shape.js';
import { bytesField, listField, messageField, u64Field, writeTimestamp } from '../code.js';
import { ascending } from '../lane-ranges.js';
import { HASH_BYTES } from '../sizes.js';
import type { Writer } from '../wire.js';
import { writeLane } from './lane.js';
import type { AppProposal, LaneRange, Proposal, TimeoutVote, View } from './types.js';

/** Checks and writes a lane range. */
export function writeLaneRange(to: Writer, value: unknown): boolean {
  return (
    isObject<LaneRange>(value) &&
    messageField(to, 5, value.lane, writeLane) &&
    bytesField(to, 4, value.lastHash, HASH_BYTES) &&
    u64Field(to, 3, value.next) &&
    u64Field(to, 2, value.first)
  );
}

/** Checks and writes a view. */
export function writeView(to: Writer, value: unknown): boolean {
  return (
    isObject<View>(value) &&
    u64Field(to, 3, value.epochIndex) &&
    u64Field(to, 2, value.number) &&
    u64Field(to, 1, value.index)
  );
}

/** Checks and writes a proposed state of the application. */
export function writeAppProposal(to: Writer, value: unknown): boolean {
  if (!isObject<AppProposal>(value)) return false;
  const { appHash } = value;
  return (
    u64Field(to, 6, value.globalNext) &&
    u64Field(to, 5, value.globalFirst) &&
    u64Field(to, 4, value.epochIndex) &&
    (appHash === undefined || bytesField(to, 3, appHash)) &&
    u64Field(to, 2, value.roadIndex)
  );
}

/** Checks and writes a proposal. */
export function writeProposal(to: Writer, value: unknown): boolean {
  return (
    isObject<Proposal>(value) &&
    u64Field(to, 6, value.globalFirst) &&
    messageField(to, 5, value.timestamp, writeTimestamp) &&
    listField(to, 3, value.laneRanges, writeLaneRange, ascending) &&
    messageField(to, 1, value.view, writeView)
  );
}

/** Checks and writes a timeout vote. */
export function writeTimeoutVote(to: Writer, value: unknown): boolean {
  if (!isObject<TimeoutVote>(value)) return false;
  const { latestPrepareQCViewNumber: latest } = value;
  return (latest === undefined || u64Field(to, 2, latest)) && messageField(to, 1, value.view, writeView);
}
