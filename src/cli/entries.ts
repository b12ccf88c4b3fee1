/**
 * A stored entry, decoded for display: every field, and the hashes that the network uses for it.
 */

import { decodeRecord, isFault } from '../adapter/level/index.js';
import { autobahn, type Finding, headerHash, type LaneId, payloadHash, type ViewEntry } from '../index.js';
import { parseKey } from '../keys/index.js';
import { messageHash } from '../model/autobahn/index.js';

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
export function decodeEntry({ key, value, stored, finding }: ViewEntry): DecodedEntry {
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
    return { ...entry, crc, ...decodedBody(entry.kind, body) };
  } catch {
    // The finding describes the fault. The CBOR body can still be shown.
    return { ...entry, crc, value: body };
  }
}

function decodedBody(kind: string, body: unknown): Pick<DecodedEntry, 'hashes' | 'value' | 'wire'> {
  switch (kind) {
    case 'block': {
      const value = autobahn.block.fromBody(body);
      const { header, payload } = value.block;
      const hashes = {
        header: headerHash(header),
        payload: payloadHash(payload),
        message: messageHash({ kind: 'laneProposal', value: value.block }),
      };
      return { value, hashes, wire: autobahn.block.toWire(value) };
    }
    case 'commitQC': {
      const value = autobahn.commitQC.fromBody(body);
      const hashes = { vote: messageHash({ kind: 'commitVote', value: value.vote }) };
      return { value, hashes, wire: autobahn.commitQC.toWire(value) };
    }
    case 'anchor': {
      const value = autobahn.anchor.fromBody(body);
      const hashes = {
        appVote: messageHash({ kind: 'appVote', value: value.appQC.vote }),
        commitVote: messageHash({ kind: 'commitVote', value: value.commitQC.vote }),
      };
      return { value, hashes, wire: autobahn.anchor.toWire(value) };
    }
    case 'inner':
      return { value: body, wire: body as Uint8Array };
    default:
      return { value: body };
  }
}
