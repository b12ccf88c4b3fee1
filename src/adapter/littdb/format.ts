/**
 * The files of a LittDB table, as the original at 73f917bbd writes them (versions 3 and 4). A table
 * is a sequence of segments; the newest may be unsealed: it is being written. There is no checksum.
 *
 *   segments/<n>.metadata         19 bytes; version 3 has no compression byte
 *   segments/<n>.keys             key records
 *   segments/<n>-<shard>.values   values, one after another, without lengths
 *
 *      metadata    u32 version | u8 shards | u64 time | u32 keys | u8 sealed | u8 compression
 *      key record  u8 kind | u16 length | key | u32 segment | u32 offset | u8 shard | u32 size
 *
 * All numbers are big-endian. The keys of one value are a group: a lone key, or a primary key
 * followed by its aliases.
 */
import type { Finding } from '../../errors.js';

const VERSIONS: ReadonlyMap<number, number> = new Map([
  [3, 18],
  [4, 19],
]);
const KEYS_OFFSET = 13;
const SEALED_OFFSET = 17;
const COMPRESSION_OFFSET = 18;

/** The metadata of a segment. */
export interface SegmentMetadata {
  readonly shards: number;
  /** Number of key records; 0 while the segment is not sealed. */
  readonly keys: number;
  readonly isSealed: boolean;
}

/** Parses a metadata file. Returns what is wrong with it as the part of a finding. */
export function readMetadata(bytes: Buffer): SegmentMetadata | Pick<Finding, 'kind' | 'detail'> {
  if (bytes.length < 4) return { kind: 'segment-head', detail: 'it is shorter than its version' };
  const version = bytes.readUInt32BE(0);
  const length = VERSIONS.get(version);
  if (length === undefined) {
    return { kind: 'segment-version', detail: `it has version ${version}; versions 3 and 4 are read` };
  }
  if (bytes.length !== length) {
    return { kind: 'segment-head', detail: `it is ${bytes.length} bytes long, must be ${length}` };
  }
  if (length > COMPRESSION_OFFSET && bytes[COMPRESSION_OFFSET] !== 0) {
    return {
      kind: 'segment-version',
      detail: `its values are compressed (${bytes[COMPRESSION_OFFSET]}), which is not read`,
    };
  }
  return { shards: bytes[4]!, keys: bytes.readUInt32BE(KEYS_OFFSET), isSealed: bytes[SEALED_OFFSET] !== 0 };
}

/** What a key record is in its group; 2 is an alias that others follow. */
const [LONE, PRIMARY, LAST_ALIAS] = [0, 1, 3];

/** Where a value is. */
export interface ValuePlace {
  readonly segment: number;
  readonly shard: number;
  readonly offset: number;
  readonly size: number;
}

/** A value and its keys, the primary key first. */
export interface KeyGroup extends ValuePlace {
  readonly keys: readonly Uint8Array[];
  /** Offset of its first key record in the file of keys. */
  readonly at: number;
}

/** The groups of a file of keys. */
export interface KeyScan {
  readonly groups: readonly KeyGroup[];
  /** Number of whole key records, those of an incomplete group included. */
  readonly records: number;
  /** Where the whole groups end. */
  readonly end: number;
  /** Why they end before the end of the file; undefined if they do not. */
  readonly problem: string | undefined;
}

/** Parses a file of keys up to the first group that is not whole. */
export function readKeys(bytes: Buffer): KeyScan {
  const groups: KeyGroup[] = [];
  let open: { at: number; place: ValuePlace; keys: Uint8Array[] } | undefined;
  let [at, end, records] = [0, 0, 0];
  const stop = (problem: string | undefined): KeyScan => ({ groups, records, end, problem });
  while (at < bytes.length) {
    const record = readKeyRecord(bytes, at);
    if (record === undefined) return stop('the file ends within a key record');
    const { kind, key, place } = record;
    const begins = kind === LONE || kind === PRIMARY;
    if (kind > LAST_ALIAS) return stop(`a key record has the unknown kind ${kind}`);
    if (begins !== (open === undefined)) return stop(`a key record of kind ${kind} is out of place`);
    open ??= { at, place, keys: [] };
    if (open.place.offset !== place.offset || open.place.size !== place.size || open.place.segment !== place.segment) {
      return stop('the keys of one group name different values');
    }
    open.keys.push(key);
    records++;
    at = record.end;
    if (kind !== LONE && kind !== LAST_ALIAS) continue;
    groups.push({ ...open.place, keys: open.keys, at: open.at });
    open = undefined;
    end = at;
  }
  return stop(open === undefined ? undefined : 'the last group has no last alias');
}

/** Bytes of a key record after its key. */
const PLACE_BYTES = 13;

function readKeyRecord(
  bytes: Buffer,
  at: number,
): { kind: number; key: Uint8Array; place: ValuePlace; end: number } | undefined {
  if (at + 3 > bytes.length) return undefined;
  const keyEnd = at + 3 + bytes.readUInt16BE(at + 1);
  const end = keyEnd + PLACE_BYTES;
  if (end > bytes.length) return undefined;
  const place = {
    segment: bytes.readUInt32BE(keyEnd),
    offset: bytes.readUInt32BE(keyEnd + 4),
    shard: bytes[keyEnd + 8]!,
    size: bytes.readUInt32BE(keyEnd + 9),
  };
  return { kind: bytes[at]!, key: bytes.subarray(at + 3, keyEnd), place, end };
}
