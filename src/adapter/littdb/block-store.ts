/**
 * The block store of the original at 73f917bbd: the data layer's rows, in the LittDB table
 * `blocks`.
 *
 *      key    'q' | 'b' | 'p' | 'a', number as big-endian u64     'h', header hash (32 bytes)
 *      value  01 | message       of a block: 01 | number as big-endian u64 | Block
 *
 * q: FullCommitQC, p: AppProposal, a: AppQC, each under its first global number, with an alias for
 * each further number of its range; b: a block, with the alias h. A row of a CommitQC is written in
 * the order q, b, ..., p, a, so a crash leaves a beginning of this order. The store begins at the
 * oldest CommitQC: what lies below it belongs to rows that were removed.
 */
import { join } from 'node:path';
import type { Finding, FindingKind } from '../../errors.js';
import { LanestoreError } from '../../errors.js';
import type { KeyGroup } from './format.js';
import { readTable } from './table.js';

/** Directory of the store in a state directory. */
export const BLOCK_STORE_DIR = 'blockdb';
const SEGMENTS = ['blocks', 'segments'];

/** The kinds of values. */
export type RowKind = 'fullCommitQC' | 'block' | 'appProposal' | 'appQC';

const KINDS: ReadonlyMap<number, RowKind> = new Map(
  Object.entries({ q: 'fullCommitQC', b: 'block', p: 'appProposal', a: 'appQC' } as const).map(
    ([letter, kind]) => [letter.charCodeAt(0), kind] as const,
  ),
);
const HASH_KEY = 'h'.charCodeAt(0);
const NUMBER_KEY_BYTES = 9;
const HASH_KEY_BYTES = 33;
const VERSION = 1;
const BLOCK_HEAD_BYTES = 9;

/** A value of the store. */
export interface StoredRow {
  readonly kind: RowKind;
  /** The global numbers [first, next) that it is for. */
  readonly first: bigint;
  readonly next: bigint;
  /** The header hash under which a block can be found. */
  readonly headerHash: Uint8Array | undefined;
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A block store. */
export interface BlockStore {
  /** Of each kind, ascending by number, without those below the oldest CommitQC. */
  readonly rows: Readonly<Record<RowKind, readonly StoredRow[]>>;
  readonly notes: readonly string[];
  readonly findings: readonly Finding[];
  /**
   * The message of a row, as protobuf.
   * @throws LANESTORE_CORRUPT with a finding for a value of another version or number;
   * LANESTORE_IO.
   */
  read(row: StoredRow): Promise<Uint8Array>;
}

/** Reads the keys of the block store of a state directory. @throws LANESTORE_IO. */
export async function readBlockStore(location: string): Promise<BlockStore> {
  const directory = [BLOCK_STORE_DIR, ...SEGMENTS].join('/');
  const table = await readTable(join(location, BLOCK_STORE_DIR, ...SEGMENTS), directory);
  const findings = [...table.findings];
  const groups = new Map<StoredRow, KeyGroup>();
  const rows: Record<RowKind, StoredRow[]> = { fullCommitQC: [], block: [], appProposal: [], appQC: [] };
  for (const group of table.groups) {
    const row = rowOf(group, table.fileOf(group));
    if (typeof row === 'string') {
      findings.push({ kind: 'entry-undecodable', file: table.fileOf(group), offset: group.offset, detail: row });
      continue;
    }
    rows[row.kind].push(row);
    groups.set(row, group);
  }
  const [oldest] = rows.fullCommitQC;
  if (oldest === undefined && table.groups.length > 0) {
    findings.push({ kind: 'entries-missing', file: directory, detail: 'the store has rows, but no CommitQC' });
  }
  for (const kind of Object.keys(rows) as RowKind[]) {
    rows[kind] = rows[kind].filter(({ first }) => oldest === undefined || first >= oldest.first);
    // Behind a damaged segment, gaps say nothing more.
    if (table.findings.length === 0) findings.push(...gapsOf(rows[kind]));
  }
  return {
    rows,
    notes: table.notes,
    findings,
    read: async (row) => messageOf(row, await table.read(groups.get(row)!)),
  };
}

function rowOf({ keys, offset, size }: KeyGroup, file: string): StoredRow | string {
  const [primary, ...aliases] = keys;
  const kind = KINDS.get(primary?.[0] ?? 0);
  const first = numberOf(primary!);
  if (kind === undefined || first === undefined) return 'a key is none of this store';
  const place = { kind, first, file, offset, bytes: size };
  if (kind === 'block') {
    const [alias] = aliases;
    if (aliases.length > 1 || (alias !== undefined && (alias[0] !== HASH_KEY || alias.length !== HASH_KEY_BYTES))) {
      return `the aliases of block ${first} are not its header hash`;
    }
    return { ...place, next: first + 1n, headerHash: alias?.subarray(1) };
  }
  for (const [i, alias] of aliases.entries()) {
    if (alias[0] === primary![0] && numberOf(alias) === first + BigInt(i) + 1n) continue;
    return `the aliases of ${kind} ${first} do not follow its number`;
  }
  return { ...place, next: first + BigInt(keys.length), headerHash: undefined };
}

function numberOf(key: Uint8Array): bigint | undefined {
  if (key.length !== NUMBER_KEY_BYTES) return undefined;
  return Buffer.from(key.buffer, key.byteOffset, key.length).readBigUInt64BE(1);
}

/** The store refuses to write rows of one kind with gaps, or twice. */
function gapsOf(rows: readonly StoredRow[]): Finding[] {
  return rows.flatMap((row, i) => {
    const before = rows[i - 1];
    if (before === undefined || row.first === before.next) return [];
    return [findingAt(row, 'number-gap', `${row.kind} ${row.first} follows ${before.next - 1n}`)];
  });
}

function messageOf(row: StoredRow, value: Uint8Array): Uint8Array {
  if (value.length < row.bytes) throw damaged(row, 'entry-cut', `only ${value.length} bytes are there`);
  if (value[0] !== VERSION) throw damaged(row, 'segment-version', `serialization version ${value[0]} is not read`);
  if (row.kind !== 'block') return value.subarray(1);
  if (value.length < BLOCK_HEAD_BYTES)
    throw damaged(row, 'entry-undecodable', 'it is shorter than the head of a block');
  const number = Buffer.from(value.buffer, value.byteOffset, value.length).readBigUInt64BE(1);
  if (number !== row.first) throw damaged(row, 'entry-name', `the value is that of block ${number}`);
  return value.subarray(BLOCK_HEAD_BYTES);
}

/** A finding in the value of a row. */
export function findingAt({ file, offset, first }: StoredRow, kind: FindingKind, detail: string): Finding {
  return { kind, file, offset, number: first, detail };
}

/** The error for a value that cannot be read. */
export function damaged(row: StoredRow, kind: FindingKind, detail: string): LanestoreError {
  const finding = findingAt(row, kind, `${row.kind} ${row.first}: ${detail}`);
  return new LanestoreError('LANESTORE_CORRUPT', `${row.file}, byte ${row.offset}: ${finding.detail}`, {
    findings: [finding],
  });
}
