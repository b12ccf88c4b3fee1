/**
 * `signing-history/1`: what a key has signed, as a file that other stores and other programs can
 * read. JSON; docs/signing-history has its schema and vectors. Numbers are decimal strings, bytes
 * are lower-case hex. `sha256` is over the canonical form: the same object without it, its keys
 * ascending, without white space. It detects truncation and accidental changes, but not forgery.
 */
import { createHash } from 'node:crypto';
import { hex } from '../base/bytes.js';
import { LanestoreError } from '../errors.js';
import { isLaneId, isU64, type LaneId } from '../keys/index.js';
import type { Position, VotePart } from '../model/model.js';
import type { Quarantine, VoteLogState } from './persistence.js';
import { SIGNER_BYTES_MAX, VOTE_PARTS } from './store-votes.js';
import type { StoreBatch } from './witness-set.js';
import { witnessSetOf } from './witness-set.js';

/** The name and version of the format, in every file. */
export const HISTORY_FORMAT = 'signing-history/1';

/** A store that requests a handover, and its newest batch at that time. */
export type HandoverRequest = StoreBatch;

/** Sinks that witness what a key signs. `mode` is that of the guard; undefined if not known. */
export interface HistorySinks {
  readonly names: readonly string[];
  readonly quorum: number;
  readonly mode: 'before' | 'after' | undefined;
}

/** See the top of this file. */
export interface SigningHistory {
  /** The name of the model that the store was opened with. */
  readonly model: string;
  /** The name of the network. The operator chooses it; it is the same in all files. */
  readonly network: string;
  readonly signer: Uint8Array;
  /** The id of the store that the history was taken from, and its newest batch at that time. */
  readonly store: Uint8Array;
  readonly seq: bigint;
  /** ISO 8601, UTC. */
  readonly time: string;
  /**
   * `live`: the store may have signed since. `sink`: a witness keeps it. `final`: the store has
   * handed over to {@link to}, and no longer signs.
   */
  readonly kind: 'live' | 'sink' | 'final';
  /** The request that a final history answers; undefined for other kinds. */
  readonly to: HandoverRequest | undefined;
  readonly logs: ReadonlyMap<string, VoteLogState>;
  /** By lane: the last block that the store held, and the floor. */
  readonly lanes: ReadonlyMap<LaneId, LaneHistory>;
  /** The newest block of the own lane, and the digest of a vote for it. */
  readonly own: { readonly lane: LaneId; readonly last: bigint; readonly hash: Uint8Array } | undefined;
  /** Parts that were closed before the handover, which closes all parts. */
  readonly quarantine: Pick<Quarantine, 'parts' | 'why' | 'when' | 'lost'> | undefined;
  /** The node's inner state, which contains its votes. */
  readonly inner: Uint8Array | undefined;
  /** The sinks of the store; undefined if it has none. */
  readonly sinks: HistorySinks | undefined;
  /** Stores whose histories this store has taken over, ascending by id. */
  readonly heirOf: readonly StoreBatch[];
}

/** What the store recorded of a lane. */
export interface LaneHistory {
  readonly last: bigint | undefined;
  readonly floor: bigint | undefined;
}

/** Bytes of a store's id. */
const STORE_BYTES = 16;
const DIGEST_BYTES = 32;
const ARITY_MAX = 3;
const NETWORK = /^[\x21-\x7e]{1,128}$/;
const LOG_NAME = /^[a-z0-9-]{1,32}$/;
const TEXT_CHARS_MAX = 64 * 1024 * 1024;

/** True if `value` may name a network: 1 to 128 visible ASCII characters. */
export function isNetwork(value: unknown): value is string {
  return typeof value === 'string' && NETWORK.test(value);
}

/** The text of a history, with its checksum. */
export function formatHistory(history: SigningHistory): string {
  const body = bodyOf(history);
  return `${JSON.stringify(sorted({ ...body, sha256: checksumOf(body) }), null, 2)}\n`;
}

/**
 * Reads the text of a history.
 * @throws LANESTORE_INVALID if it is truncated, changed, of another version, or has any other
 * field.
 */
export function parseHistory(text: string): SigningHistory {
  const found = text.length > TEXT_CHARS_MAX ? undefined : parsed(text);
  if (!isMap(found)) throw invalid('it is no JSON object: it is empty, cut, or another file');
  const { sha256, ...body } = found;
  if (body.format !== HISTORY_FORMAT) {
    const name = typeof body.format === 'string' ? body.format.slice(0, 64) : 'something else';
    throw invalid(`it is ${name}, not ${HISTORY_FORMAT}: of another version, or another kind of file`);
  }
  if (sha256 !== checksumOf(body)) throw invalid('its sha256 does not match: it was changed, or written by hand');
  const history = historyOf(body);
  if (typeof history === 'string') throw invalid(history);
  return history;
}

function bodyOf(history: SigningHistory): Record<string, unknown> {
  const { to, logs, lanes, own, quarantine, inner, sinks } = history;
  const text = (value: bigint | undefined) => (value === undefined ? null : `${value}`);
  const texts = (at: Position | undefined) => (at === undefined ? null : at.map(String));
  const logRows = [...logs].map(([name, { watermark, floor }]) => [
    name,
    {
      at: texts(watermark?.at),
      digest: watermark === undefined ? null : hex(watermark.digest),
      floor: texts(floor),
    },
  ]);
  const laneRows = [...lanes].map(([lane, { last, floor }]) => [lane, { last: text(last), floor: text(floor) }]);
  return {
    format: HISTORY_FORMAT,
    model: history.model,
    network: history.network,
    signer: hex(history.signer),
    store: hex(history.store),
    seq: `${history.seq}`,
    time: history.time,
    kind: history.kind,
    to: to === undefined ? null : { store: hex(to.store), seq: `${to.seq}` },
    logs: Object.fromEntries(logRows),
    lanes: Object.fromEntries(laneRows),
    own: own === undefined ? null : { lane: own.lane, last: `${own.last}`, hash: hex(own.hash) },
    quarantine:
      quarantine === undefined
        ? null
        : {
            parts: [...quarantine.parts],
            why: quarantine.why,
            when: quarantine.when,
            lost: quarantine.lost === true,
          },
    inner: inner === undefined ? null : hex(inner),
    sinks: sinks === undefined ? null : { ...sinks, names: [...sinks.names], mode: sinks.mode ?? null },
    heirOf: history.heirOf.map(({ store, seq }) => ({ store: hex(store), seq: `${seq}` })),
  };
}

/** SHA-256 over the canonical form, in hex. */
function checksumOf(body: Record<string, unknown>): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(body)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  const rows = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(rows.map(([key, item]) => [key, sorted(item)]));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The history in a body, or a description of the first fault. */
function historyOf(body: Record<string, unknown>): SigningHistory | string {
  const {
    format: _,
    model,
    network,
    signer,
    store,
    seq,
    time,
    kind,
    to,
    logs,
    lanes,
    own,
    quarantine,
    inner,
    sinks,
    heirOf,
    ...rest
  } = body;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return `it has the unknown field ${unknown.slice(0, 64)}`;
  if (typeof model !== 'string' || model.length === 0) return 'model is no name';
  if (!isNetwork(network)) return 'network is not 1 to 128 visible ASCII characters';
  const key = bytesOf(signer, 1, SIGNER_BYTES_MAX);
  if (key === undefined) return 'signer is no public key in hex';
  const id = bytesOf(store, STORE_BYTES, STORE_BYTES);
  const batch = numberOf(seq);
  if (id === undefined || batch === undefined) return 'store and seq are no store id in hex and a decimal number';
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) return 'time is none';
  if (kind !== 'live' && kind !== 'sink' && kind !== 'final') return 'kind is neither live, sink nor final';
  const request = to === null ? undefined : requestOf(to);
  if (request === null || (request !== undefined) !== (kind === 'final')) {
    return 'to is not { store, seq } of a final history, and null in any other';
  }
  const rows = rowsOf(logs, (name, row) => (LOG_NAME.test(name) ? logOf(row) : undefined));
  if (rows === undefined) return 'logs is not { name: { at, digest, floor } }';
  const held = rowsOf(lanes, (name, row) => (isLaneId(name) ? laneOf(row) : undefined));
  if (held === undefined) return 'lanes is not { lane: { last, floor } }';
  const newest = own === null ? undefined : ownOf(own);
  if (newest === null) return 'own is neither { lane, last, hash } nor null';
  const closed = quarantine === null ? undefined : quarantineOf(quarantine);
  if (closed === null) return 'quarantine is neither { parts, why, when, lost } nor null';
  const state = inner === null ? undefined : bytesOf(inner, 0, TEXT_CHARS_MAX);
  if (inner !== null && state === undefined) return 'inner is neither hex nor null';
  const set = sinks === null ? undefined : sinksOf(sinks);
  if (set === null) return 'sinks is neither { names, quorum, mode } nor null';
  const heirs = heirsOf(heirOf);
  if (heirs === undefined) return 'heirOf is not [{ store, seq }, ...] in ascending order';
  return {
    ...{ model, network, signer: key, store: id, seq: batch, time, kind, to: request, logs: rows, lanes: held },
    ...{ own: newest, quarantine: closed, inner: state, sinks: set, heirOf: heirs },
  };
}

function requestOf(value: unknown): HandoverRequest | null {
  const { store, seq } = fieldsOf(value, 2);
  const [id, batch] = [bytesOf(store, STORE_BYTES, STORE_BYTES), numberOf(seq)];
  return id === undefined || batch === undefined ? null : { store: id, seq: batch };
}

function logOf(value: unknown): VoteLogState | undefined {
  const { at, digest, floor } = fieldsOf(value, 3);
  const [position, least] = [positionOf(at), positionOf(floor)];
  if (position === null || least === null) return undefined;
  if (position === undefined) return digest === null ? { watermark: undefined, floor: least } : undefined;
  const signed = bytesOf(digest, DIGEST_BYTES, DIGEST_BYTES);
  if (signed === undefined || (least !== undefined && least.length !== position.length)) return undefined;
  return { watermark: { at: position, digest: signed }, floor: least };
}

function laneOf(value: unknown): LaneHistory | undefined {
  const { last, floor } = fieldsOf(value, 2);
  const numbers = [last, floor].map((number) => (number === null ? undefined : (numberOf(number) ?? null)));
  if (numbers.includes(null)) return undefined;
  const [newest, least] = numbers as (bigint | undefined)[];
  return { last: newest, floor: least };
}

function ownOf(value: unknown): NonNullable<SigningHistory['own']> | null {
  const { lane, last, hash } = fieldsOf(value, 3);
  const [number, digest] = [numberOf(last), bytesOf(hash, DIGEST_BYTES, DIGEST_BYTES)];
  if (typeof lane !== 'string' || !isLaneId(lane) || number === undefined || digest === undefined) return null;
  return { lane, last: number, hash: digest };
}

function quarantineOf(value: unknown): NonNullable<SigningHistory['quarantine']> | null {
  const { parts, why, when, lost } = fieldsOf(value, 4);
  if (!Array.isArray(parts) || parts.length === 0 || new Set(parts).size !== parts.length) return null;
  if (!parts.every((part): part is VotePart => VOTE_PARTS.includes(part))) return null;
  if (typeof why !== 'string' || typeof when !== 'string' || typeof lost !== 'boolean') return null;
  return { parts, why, when, lost };
}

/** The sinks in `value`; null if it is not a valid set. */
function sinksOf(value: unknown): HistorySinks | null {
  const { mode, ...given } = fieldsOf(value, 3);
  const set = witnessSetOf(given);
  if (set === undefined || set.former !== undefined) return null;
  if (mode !== 'before' && mode !== 'after' && mode !== null) return null;
  return { names: set.names, quorum: set.quorum, mode: mode ?? undefined };
}

function heirsOf(value: unknown): readonly StoreBatch[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const heirs = value.map(requestOf);
  const isWhole = heirs.every((heir): heir is HandoverRequest => heir !== null);
  if (!isWhole) return undefined;
  const isAscending = heirs.every(({ store }, i) => i === 0 || Buffer.compare(heirs[i - 1]!.store, store) < 0);
  return isAscending ? heirs : undefined;
}

/** Undefined for null; null for anything but a position. */
function positionOf(value: unknown): Position | undefined | null {
  if (value === null) return undefined;
  if (!Array.isArray(value) || value.length === 0 || value.length > ARITY_MAX) return null;
  const numbers = value.map(numberOf);
  return numbers.every((number) => number !== undefined) ? numbers : null;
}

function rowsOf<T>(value: unknown, row: (name: string, value: unknown) => T | undefined): Map<string, T> | undefined {
  if (!isMap(value)) return undefined;
  const rows = new Map<string, T>();
  for (const [name, item] of Object.entries(value)) {
    const read = row(name, item);
    if (read === undefined) return undefined;
    rows.set(name, read);
  }
  return rows;
}

/** The fields of an object that has exactly `count` of them; no fields for any other value. */
function fieldsOf(value: unknown, count: number): Record<string, unknown> {
  return isMap(value) && Object.keys(value).length === count ? value : {};
}

function numberOf(value: unknown): bigint | undefined {
  if (typeof value !== 'string' || !/^(?:0|[1-9]\d{0,19})$/.test(value)) return undefined;
  const number = BigInt(value);
  return isU64(number) ? number : undefined;
}

function bytesOf(value: unknown, min: number, max: number): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(value)) return undefined;
  const bytes = new Uint8Array(Buffer.from(value, 'hex'));
  return bytes.length >= min && bytes.length <= max ? bytes : undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `the signing history: ${what}`, {
    remedy: 'nothing was changed; take the file from where it was written, see docs/signing-safety.md',
  });
}
