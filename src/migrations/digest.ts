/**
 * The manifest of an import or export, computed in constant memory: for each log its number of
 * entries and one SHA-256 over their protobuf bytes. The manifest of the source must equal that of
 * the target, which is read back from disk.
 */
import { createHash, type Hash } from 'node:crypto';
import type { LaneId } from '../keys/index.js';
import type { Item } from './start-rules.js';

/** One log, or the anchor, or inner. */
export interface DigestPart {
  /** `anchor`, `inner`, `commitqcs`, or `lane <id>`. */
  readonly name: string;
  readonly entries: number;
  /** Bytes of its entries, as protobuf. */
  readonly bytes: number;
  /**
   * SHA-256 in hex over the number and length (8 bytes each, big-endian) and the protobuf of each
   * entry, in order.
   */
  readonly sha256: string;
}

interface Part {
  readonly hash: Hash;
  entries: number;
  bytes: number;
}

/** Digests the items of a stream, in order. */
export class ContentDigest {
  readonly #parts = new Map<string, Part>();
  readonly #frame = Buffer.alloc(16);

  add(item: Item<unknown, unknown, unknown>): void {
    if (item.kind === 'log') return;
    if (item.kind === 'commitQC') this.#add('commitqcs', item.number, item.wire);
    else if (item.kind === 'block') this.#add(laneName(item.lane), item.number, item.wire);
    else this.#add(item.kind, 0n, item.wire);
  }

  /** Ends the digest. Returns its parts, ordered by name; a log without entries has no part. */
  parts(): DigestPart[] {
    const all = [...this.#parts].sort(([a], [b]) => (a < b ? -1 : 1));
    return all.map(([name, { hash, entries, bytes }]) => ({ name, entries, bytes, sha256: hash.digest('hex') }));
  }

  #add(name: string, number: bigint, wire: Uint8Array): void {
    let part = this.#parts.get(name);
    if (part === undefined) {
      part = { hash: createHash('sha256'), entries: 0, bytes: 0 };
      this.#parts.set(name, part);
    }
    this.#frame.writeBigUInt64BE(number, 0);
    this.#frame.writeBigUInt64BE(BigInt(wire.length), 8);
    part.hash.update(this.#frame).update(wire);
    part.entries++;
    part.bytes += wire.length;
  }
}

function laneName(lane: LaneId): string {
  return `lane ${lane}`;
}

/** The first difference, in words; undefined if there is none. */
export function differenceOf(source: readonly DigestPart[], target: readonly DigestPart[]): string | undefined {
  const others = new Map(target.map((part) => [part.name, part]));
  for (const part of source) {
    const counterpart = others.get(part.name);
    others.delete(part.name);
    if (counterpart === undefined) return `${part.name} is missing in the target`;
    if (counterpart.entries !== part.entries) {
      return `${part.name} has ${part.entries} entries in the source, ${counterpart.entries} in the target`;
    }
    if (counterpart.sha256 !== part.sha256) return `${part.name} has other bytes in the target`;
  }
  const [extra] = others.keys();
  return extra === undefined ? undefined : `${extra} is in the target only`;
}
