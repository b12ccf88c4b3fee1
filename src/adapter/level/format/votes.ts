/**
 * What a store keeps of the votes of its key, in two records: one that each batch with votes
 * rewrites, and one that only a drop of lanes does.
 *
 *   votes       -> { signer: bytes | null, home: [u64, u64] | null,
 *                    logs: [[name, at | null, digest | null, floor | null], ...],
 *                    quarantine: { parts: [text, ...], why: text, when: text, seq,
 *                                  heir: 16 bytes | null, lost: boolean,
 *                                  heirSeq?: u64,
 *                                  answers?: [[validator bytes, next, own | null], ...] } | null,
 *                    sinks: { names: [text, ...], quorum,
 *                             former?: { names, quorum } } | null,
 *                    heirOf?: [[16 bytes, seq], ...] }
 *   votes/lanes -> [[lane bytes, floor], ...]
 *
 * `at` and `floor` are positions: arrays of one to three u64. `at` and `digest` (32 bytes) are the
 * watermark; a log has both or neither. Logs ascend by their names, lanes and validators by their
 * bytes, names and stores as well. `heirSeq`, `answers`, `former` and `heirOf` are absent if
 * there are none. `home` is read and kept, and nothing acts on it yet.
 */
import { copyOf, hex } from '../../../base/bytes.js';
import { cbor, text } from '../../../cbor/template.js';
import type { CborWriter } from '../../../cbor/writer.js';
import { isLaneId, isU64, LANE_FLOORS_KEY, type LaneId, laneBytes, laneIdOf, VOTES_KEY } from '../../../keys/index.js';
import type { Position } from '../../../model/model.js';
import type { PeerAnswer, Quarantine, VoteLogState, Watermark } from '../../persistence.js';
import { SIGNER_BYTES_MAX, VOTE_PARTS } from '../../store-votes.js';
import { type KeptVotes, NO_VOTES } from '../../vote-rules.js';
import type { StoreBatch, WitnessSet } from '../../witness-set.js';
import { witnessSetOf } from '../../witness-set.js';
import { bodyOf, type EncodedRecord, encodeRecord, writeRecord } from './record.js';
import { STORE_ID_BYTES } from './tip.js';

/** What both records hold. */
export interface StoredVotes extends KeptVotes {
  /** Inode and time of birth (nanoseconds) of `level/`. */
  readonly home: readonly [bigint, bigint] | undefined;
  readonly quarantine: StoredQuarantine | undefined;
  readonly sinks: WitnessSet | undefined;
}

/** A quarantine, and the store that signs in place of this one. */
export interface StoredQuarantine extends Quarantine {
  readonly heir?: Uint8Array | undefined;
  /** The batch of the heir with which it asked for the votes. */
  readonly heirSeq?: bigint | undefined;
}

/** The votes of a store that was just created: no key is bound to it. */
export const NO_STORED_VOTES: StoredVotes = { ...NO_VOTES, home: undefined, sinks: undefined, quarantine: undefined };

const DIGEST_BYTES = 32;
/** Bytes of the heads of a position and of a digest, and of a number with its head. */
const ARRAY_HEAD_BYTES = 1;
const DIGEST_HEAD_BYTES = 2;
const U64_BYTES = 9;
const ARITY_MAX = 3;
const LOG_NAME = /^[a-z0-9-]{1,32}$/;

const SIGNER = cbor(text('signer'));
const HOME = cbor(text('home'));
const LOGS = cbor(text('logs'));
const QUARANTINE = cbor(text('quarantine'));
const SINKS = cbor(text('sinks'));
const HEIR_OF = cbor(text('heirOf'));

/** The record `votes`. `seq` is that of its batch: a quarantine that has none was closed by it. */
export function encodeVotes(votes: StoredVotes, seq: bigint): EncodedRecord {
  return writeRecord(VOTES_KEY, (to) => writeVotes(to, votes, seq));
}

/** A record that was written piece by piece, and where its watermarks are. */
interface Written {
  readonly votes: StoredVotes;
  readonly body: Uint8Array;
  readonly rows: readonly Row[];
}

/** A log with a watermark, in a body. */
interface Row extends VoteLogState {
  readonly log: string;
  readonly watermark: Watermark;
  /** The offset of `at`. */
  readonly offset: number;
}

/**
 * Makes a function that encodes the votes of one store, as {@link encodeVotes} does. A vote waits
 * for its record, which nearly always differs from the one before in watermarks only: then that one
 * is copied, and they are filled in. This takes about half of the time.
 */
export function votesEncoder(): typeof encodeVotes {
  let last: Written | undefined;
  return (votes, seq) => {
    if (last !== undefined && differsInWatermarks(last, votes)) return copied(last, votes);
    const rows: Row[] = [];
    const record = writeRecord(VOTES_KEY, (to) => writeVotes(to, votes, seq, rows));
    last = rows.length === votes.logs.size ? { votes, body: bodyOf(record), rows } : undefined;
    return record;
  };
}

/** True if the record of `votes` would differ from the written one in bytes of watermarks only. */
function differsInWatermarks({ votes: before, rows }: Written, votes: StoredVotes): boolean {
  if (votes.signer !== before.signer || votes.home !== before.home || votes.logs.size !== rows.length) return false;
  if (votes.sinks !== before.sinks || votes.heirOf !== before.heirOf) return false;
  if (votes.quarantine !== undefined || before.quarantine !== undefined) return false;
  let i = 0;
  for (const [log, { watermark, floor }] of votes.logs) {
    const row = rows[i++] as Row;
    if (log !== row.log || floor !== row.floor) return false;
    if (watermark?.at.length !== row.watermark.at.length || watermark.digest.length !== DIGEST_BYTES) return false;
  }
  return true;
}

/** The written record, with the watermarks of `logs`. */
function copied({ body, rows }: Written, { logs }: StoredVotes): EncodedRecord {
  return writeRecord(VOTES_KEY, (to) => {
    to.stretch(body);
    for (const { log, watermark: before, offset } of rows) {
      const { watermark } = logs.get(log) as Row;
      if (watermark === before) continue;
      const numbers = offset + ARRAY_HEAD_BYTES;
      const { at, digest } = watermark;
      for (let i = 0; i < at.length; i++) to.fillBigint(numbers + U64_BYTES * i + 1, at[i] as bigint);
      to.fillBytes(numbers + U64_BYTES * at.length + DIGEST_HEAD_BYTES, digest);
    }
  });
}

/** `rows` gets a row for each log that has a watermark of a digest of the usual length. */
function writeVotes(to: CborWriter, votes: StoredVotes, seq: bigint, rows: Row[] = []): void {
  const { signer, home, logs, quarantine, sinks, heirOf = [] } = votes;
  to.map(heirOf.length === 0 ? 5 : 6);
  to.raw(SIGNER);
  to.value(signer ?? null);
  to.raw(HOME);
  writePosition(to, home);
  to.raw(LOGS);
  to.array(logs.size);
  for (const [log, { watermark, floor }] of ascending(logs)) {
    to.array(4);
    to.text(log);
    if (watermark?.digest.length === DIGEST_BYTES) rows.push({ log, watermark, floor, offset: to.length });
    writePosition(to, watermark?.at);
    to.value(watermark?.digest ?? null);
    writePosition(to, floor);
  }
  to.raw(QUARANTINE);
  to.value(quarantine === undefined ? null : closedBy(quarantine, seq));
  to.raw(SINKS);
  to.value(sinks === undefined ? null : sinksOf(sinks));
  if (heirOf.length === 0) return;
  to.raw(HEIR_OF);
  to.value(heirOf.map(({ store, seq: last }) => [store, last]));
}

function writePosition(to: CborWriter, position: Position | undefined): void {
  if (position === undefined) {
    to.value(null);
    return;
  }
  to.array(position.length);
  for (const number of position) to.bigint(number);
}

/** The logs in ascending order, which they nearly always have. */
function ascending(logs: StoredVotes['logs']): Iterable<[string, VoteLogState]> {
  let last = '';
  for (const log of logs.keys()) {
    if (log < last) return [...logs].sort(([a], [b]) => (a < b ? -1 : 1));
    last = log;
  }
  return logs;
}

function sinksOf({ names, quorum, former }: WitnessSet): object {
  return { names: [...names], quorum, ...(former === undefined ? {} : { former: sinksOf(former) }) };
}

function closedBy({ parts, why, when, seq, lost, answers, ...given }: StoredQuarantine, batch: bigint): object {
  const { heir = null, heirSeq } = given;
  const known = { parts: [...parts], why, when, seq: seq ?? batch, heir, lost: lost ?? false };
  const closed = heirSeq === undefined ? known : { ...known, heirSeq };
  if (answers === undefined || answers.size === 0) return closed;
  const rows = [...answers].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...closed, answers: rows.map(([key, { next, own }]) => [Buffer.from(key, 'hex'), next, own ?? null]) };
}

/** The record `votes/lanes`. */
export function encodeLaneFloors(floors: ReadonlyMap<LaneId, bigint>): EncodedRecord {
  const lanes = [...floors].sort(([a], [b]) => (a < b ? -1 : 1));
  return encodeRecord(
    LANE_FLOORS_KEY,
    lanes.map(([lane, floor]) => [laneBytes(lane), floor]),
  );
}

/** Reads the body of the record `votes`, or says in a sentence what is wrong with it. */
export function parseVotes(body: unknown): Omit<StoredVotes, 'laneFloors'> | string {
  if (!isMap(body)) return 'it is not a map';
  const { signer, home, logs, quarantine, sinks, heirOf, ...rest } = body;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return `it has the unknown key ${unknown}`;
  if (signer !== null && !isBytes(signer, 1, SIGNER_BYTES_MAX)) return 'signer is neither a key nor null';
  if (home !== null && !(isPosition(home) && home.length === 2)) return 'home is neither [u64, u64] nor null';
  const set = sinks === null ? undefined : witnessSetOf(sinks);
  if (sinks !== null && set === undefined) return 'sinks is neither { names, quorum } nor null';
  const heirs = heirOf === undefined ? [] : parseHeirs(heirOf);
  if (heirs === undefined) return 'heirOf is not [[store, seq], ...] in ascending order';
  if (!Array.isArray(logs)) return 'logs is not an array';
  const parsed = new Map<string, VoteLogState>();
  let last = '';
  for (const row of logs) {
    const log = parseLog(row);
    if (log === undefined) return `logs[${parsed.size}] is not [name, at, digest, floor]`;
    const [name, state] = log;
    if (name <= last) return `logs[${parsed.size}] is not in ascending order`;
    parsed.set(name, state);
    last = name;
  }
  const closed = quarantine === null ? undefined : parseQuarantine(quarantine);
  if (closed === null) return 'quarantine is neither { parts, why, when, seq, heir, lost } nor null';
  return {
    signer: signer === null ? undefined : copyOf(signer),
    home: home === null ? undefined : (home as [bigint, bigint]),
    logs: parsed,
    quarantine: closed,
    sinks: set,
    ...(heirs.length === 0 ? {} : { heirOf: heirs }),
  };
}

function parseHeirs(value: unknown): readonly StoreBatch[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const heirs: StoreBatch[] = [];
  for (const row of value) {
    const [store, seq] = Array.isArray(row) && row.length === 2 ? row : [];
    if (!isBytes(store, STORE_ID_BYTES, STORE_ID_BYTES) || !isU64(seq)) return undefined;
    const last = heirs.at(-1);
    if (last !== undefined && Buffer.compare(last.store, store) >= 0) return undefined;
    heirs.push({ store: copyOf(store), seq });
  }
  return heirs;
}

/** Reads the body of the record `votes/lanes`, or says in a sentence what is wrong with it. */
export function parseLaneFloors(body: unknown): ReadonlyMap<LaneId, bigint> | string {
  if (!Array.isArray(body)) return 'it is not an array';
  const floors = new Map<LaneId, bigint>();
  let last = '';
  for (const row of body) {
    const [bytes, floor] = Array.isArray(row) && row.length === 2 ? row : [];
    const lane = bytes instanceof Uint8Array ? laneIdOf(bytes) : '';
    if (!isLaneId(lane) || !isU64(floor)) return `[${floors.size}] is not [lane, floor]`;
    if (lane <= last) return `[${floors.size}] is not in ascending order`;
    floors.set(lane, floor);
    last = lane;
  }
  return floors;
}

function parseLog(row: unknown): [string, VoteLogState] | undefined {
  if (!Array.isArray(row) || row.length !== 4) return undefined;
  const [name, at, digest, floor] = row;
  if (typeof name !== 'string' || !LOG_NAME.test(name)) return undefined;
  if (!(floor === null || isPosition(floor))) return undefined;
  if (at === null && digest === null) return [name, { watermark: undefined, floor: floor ?? undefined }];
  if (!isPosition(at) || !isBytes(digest, DIGEST_BYTES, DIGEST_BYTES)) return undefined;
  if (floor !== null && floor.length !== at.length) return undefined;
  return [name, { watermark: { at, digest: copyOf(digest) }, floor: floor ?? undefined }];
}

/** Null for what is no quarantine. */
function parseQuarantine(value: unknown): StoredQuarantine | null {
  if (!isMap(value)) return null;
  const { parts, why, when, seq, heir, lost, heirSeq, answers, ...rest } = value;
  if (Object.keys(rest).length > 0) return null;
  if (!Array.isArray(parts) || parts.length === 0 || new Set(parts).size !== parts.length) return null;
  if (!parts.every((part) => VOTE_PARTS.includes(part))) return null;
  if (typeof why !== 'string' || typeof when !== 'string' || !isU64(seq)) return null;
  if (typeof lost !== 'boolean') return null;
  const given = answers === undefined ? undefined : parseAnswers(answers);
  if (given === null) return null;
  const closed = { parts, why, when, seq, lost, ...(given === undefined ? {} : { answers: given }) };
  if (heir === null) return heirSeq === undefined ? closed : null;
  if (!isBytes(heir, STORE_ID_BYTES, STORE_ID_BYTES)) return null;
  if (heirSeq === undefined) return { ...closed, heir: copyOf(heir) };
  return isU64(heirSeq) ? { ...closed, heir: copyOf(heir), heirSeq } : null;
}

/** Null for what are no answers. */
function parseAnswers(value: unknown): ReadonlyMap<string, PeerAnswer> | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const answers = new Map<string, PeerAnswer>();
  let last = '';
  for (const row of value) {
    const [key, next, own] = Array.isArray(row) && row.length === 3 ? row : [];
    if (!isBytes(key, 1, SIGNER_BYTES_MAX) || !isU64(next) || !(own === null || isU64(own))) return null;
    const name = hex(key);
    if (name <= last) return null;
    answers.set(name, own === null ? { next } : { next, own });
    last = name;
  }
  return answers;
}

function isPosition(value: unknown): value is bigint[] {
  return Array.isArray(value) && value.length >= 1 && value.length <= ARITY_MAX && value.every(isU64);
}

function isBytes(value: unknown, min: number, max: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length >= min && value.length <= max;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
