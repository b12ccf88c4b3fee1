/** The interface through which the page reads a state of any layout. */
import type { Finding, LaneId } from '../../index.js';
import type { DecodedEntry } from '../entries.js';
import type { Protocol } from '../protocols.js';

/** A decoded entry, and its record if the layout has records. */
export interface ShownEntry extends DecodedEntry {
  /** The record as stored. */
  readonly raw?: Uint8Array;
  /** The record's body: one CBOR item. */
  readonly cbor?: Uint8Array;
}

/** A block in the table of a lane. */
export interface LaneRow {
  readonly number: bigint;
  readonly key: string;
  readonly bytes: number;
  /** As in the manifest; absent if the block cannot be decoded. */
  readonly block?: object;
  /** Bytes of all transactions; absent with `block`. */
  readonly payloadBytes?: number;
  /** The fault of the record, of the block's hashes or of its parent; absent if there is none. */
  readonly finding?: Pick<Finding, 'kind' | 'detail'>;
}

/** The entries of a road index that a state holds. */
export interface Round {
  readonly road: bigint;
  /** As in the manifest; null if it is not stored. */
  readonly commitQC: object | null;
  readonly finding?: Pick<Finding, 'kind' | 'detail'>;
  /** The blocks that the CommitQC orders, by lane, and how many of them are stored. */
  readonly lanes: readonly { readonly lane: LaneId; readonly first: bigint; readonly next: bigint; stored: bigint }[];
  /** As in the manifest; null unless the anchor is of this road index. */
  readonly anchor: object | null;
  /** AppQCs of this road index. */
  readonly appQCs: readonly object[];
  /** Votes of the state's key at this road index: the last one of each log. */
  readonly votes: readonly { readonly log: string; readonly at: readonly bigint[]; readonly digest: Uint8Array }[];
  /** The range of the state's CommitQCs. */
  readonly first: bigint;
  readonly next: bigint;
}

/** Reads single entries and short ranges of a state. */
export interface StateReader {
  /** At most `limit` blocks from number `from` on, ascending. */
  lane(lane: string, from: bigint, limit: number): Promise<readonly LaneRow[]>;
  /** @throws AbsentError, UsageError. */
  entry(typed: string): Promise<ShownEntry>;
  round(road: bigint): Promise<Round>;
  close(): Promise<void>;
}

/** Bytes of all transactions of a block of either version of the protocol. */
export function payloadBytesOf(block: unknown): number {
  const { payload } = (block as { block: { payload: { txs: readonly Uint8Array[] } } }).block;
  return payload.txs.reduce((sum, tx) => sum + tx.length, 0);
}

/** The row of a block. `check` throws if the block's hashes or its parent are wrong. */
export function laneRow<B, Q, A>(
  place: Pick<LaneRow, 'number' | 'key' | 'bytes'>,
  block: B,
  check: () => void,
  { manifest }: Protocol<B, Q, A>,
): LaneRow {
  const row = { ...place, block: manifest.block(block), payloadBytes: payloadBytesOf(block) };
  try {
    check();
    return row;
  } catch (error) {
    return { ...row, finding: { kind: 'entry-verify', detail: (error as Error).message } };
  }
}

/** The lanes that a CommitQC orders blocks of, with the number of stored ones. */
export function roundLanes(
  commitQC: object,
  held: (lane: LaneId) => { readonly first: bigint; readonly next: bigint } | undefined,
): Round['lanes'] {
  const { laneRanges } = commitQC as { laneRanges: readonly { lane: LaneId; first: string; next: string }[] };
  return laneRanges.map(({ lane, ...range }) => {
    const [first, next] = [BigInt(range.first), BigInt(range.next)];
    const { first: heldFirst, next: heldNext } = held(lane) ?? { first: 0n, next: 0n };
    const from = first > heldFirst ? first : heldFirst;
    const to = next < heldNext ? next : heldNext;
    return { lane, first, next, stored: to > from ? to - from : 0n };
  });
}
