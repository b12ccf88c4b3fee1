/** The lines of a manifest that all versions of the protocol have. */
import { createHash } from 'node:crypto';
import type { Timestamp } from '../index.js';
import { laneIdOf } from '../keys/index.js';
import type { BlockHeader, BlockOf, LaneRange, SignedBlockOf } from '../model/autobahn/index.js';

/** Hash and size of an entry's protobuf. */
export interface RecordIdentity {
  /** SHA-256 of the entry's protobuf bytes. */
  readonly recordSha256: string;
  /** The number of protobuf bytes. */
  readonly recordBytes: number;
}

/** One lane's part of a CommitQC. */
export interface ManifestLaneRange {
  readonly lane: string;
  readonly first: string;
  readonly next: string;
  readonly lastHash: string;
}

/** One block. */
export interface ManifestBlock extends RecordIdentity {
  readonly lane: string;
  readonly number: string;
  readonly headerHash: string;
  readonly parentHash: string;
  readonly payloadHash: string;
  readonly messageHash: string;
  readonly signer: string;
  readonly txs: number;
  readonly createdAt: string;
}

/** What every payload has. */
interface PayloadLine {
  readonly txs: readonly Uint8Array[];
  readonly createdAt: Timestamp;
}

/** What a block's line in a manifest is made with, in one version of the protocol. */
export interface BlockVersion<P> {
  readonly headerHash: (header: BlockHeader) => Uint8Array;
  readonly payloadHash: (payload: P) => Uint8Array;
  readonly messageHash: (msg: { readonly kind: 'laneProposal'; readonly value: BlockOf<P> }) => Uint8Array;
  readonly toWire: (signed: SignedBlockOf<BlockOf<P>>) => Uint8Array;
}

/** A function that makes the line of a block. */
export function blockLine<P extends PayloadLine>(
  version: BlockVersion<P>,
): (signed: SignedBlockOf<BlockOf<P>>) => ManifestBlock {
  return (signed) => {
    const { header, payload } = signed.block;
    return {
      lane: laneIdOf(header.lane),
      number: String(header.blockNumber),
      headerHash: hex(version.headerHash(header)),
      parentHash: hex(header.parentHash),
      payloadHash: hex(version.payloadHash(payload)),
      messageHash: hex(version.messageHash({ kind: 'laneProposal', value: signed.block })),
      signer: hex(signed.sig.key),
      txs: payload.txs.length,
      createdAt: formatTimestamp(payload.createdAt),
      ...identity(version.toWire(signed)),
    };
  };
}

/** The lines of lane ranges. */
export function laneRangeLines(ranges: readonly LaneRange[]): ManifestLaneRange[] {
  return ranges.map(({ lane, first, next, lastHash }) => ({
    lane: laneIdOf(lane),
    first: String(first),
    next: String(next),
    lastHash: hex(lastHash),
  }));
}

/** RFC 3339 in UTC, without trailing zeros of the fraction, like Go's RFC3339Nano. */
export function formatTimestamp({ seconds, nanos }: Timestamp): string {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds}s+${nanos}ns`;
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return date.toISOString().replace('.000Z', `${fraction}Z`);
}

/** Hash and size of protobuf bytes. */
export function identity(wire: Uint8Array): RecordIdentity {
  return { recordSha256: createHash('sha256').update(wire).digest('hex'), recordBytes: wire.length };
}

/** Hex digits; empty for absent bytes. */
export function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
