/**
 * A stored entry, decoded for display: every field, and the hashes that the network uses for it.
 */

import { decodeRecord, isFault } from '../adapter/level/index.js';
import type { Finding, LaneId, ViewEntry } from '../index.js';
import { parseKey } from '../keys/index.js';
import type { Protocol } from './protocols.js';

/** The decoded record of one key. */
export interface DecodedEntry {
  readonly key: string;
  readonly kind: string;
  readonly lane?: LaneId;
  readonly number?: bigint;
  /** Size of the record in bytes. */
  readonly bytes: number;
  readonly stored: ViewEntry['stored'];
  readonly crc?: number;
  /** The hashes by which the network identifies the entry. */
  readonly hashes?: Readonly<Record<string, Uint8Array>>;
  readonly value?: unknown;
  /** The entry in protobuf; absent for kinds without one. */
  readonly wire?: Uint8Array;
  readonly finding?: Finding;
}

/**
 * Decodes the record of a key. Does not throw on damage: the result then has a finding and no
 * decoded entry.
 */
export function decodeEntry<B, Q, A>(
  { key, value, stored, finding }: ViewEntry,
  protocol: Protocol<B, Q, A>,
): DecodedEntry {
  const parsed = parseKey(key);
  const entry = {
    key,
    kind: parsed?.kind ?? 'unknown',
    ...(parsed?.kind === 'block' ? { lane: parsed.lane, number: parsed.number } : {}),
    ...(parsed?.kind === 'commitQC' ? { number: parsed.index } : {}),
    bytes: value.length,
    stored,
    ...(finding === undefined ? {} : { finding }),
  };
  const record = decodeRecord(key, value);
  if (isFault(record)) return entry;
  const { body, crc } = record;
  try {
    return { ...entry, crc, ...decodedBody(entry.kind, body, protocol) };
  } catch {
    // The finding describes the fault. The CBOR body can still be shown.
    return { ...entry, crc, value: body };
  }
}

function decodedBody<B, Q, A>(
  kind: string,
  body: unknown,
  { model, hashes }: Protocol<B, Q, A>,
): Pick<DecodedEntry, 'hashes' | 'value' | 'wire'> {
  switch (kind) {
    case 'block': {
      const value = model.block.fromBody(body);
      return { value, hashes: hashes.block(value), wire: model.block.toWire(value) };
    }
    case 'commitQC': {
      const value = model.commitQC.fromBody(body);
      return { value, hashes: hashes.commitQC(value), wire: model.commitQC.toWire(value) };
    }
    case 'anchor': {
      const value = model.anchor.fromBody(body);
      return { value, hashes: hashes.anchor(value), wire: model.anchor.toWire(value) };
    }
    case 'inner':
      return { value: body, wire: body as Uint8Array };
    default:
      return { value: body };
  }
}
