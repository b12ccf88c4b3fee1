/** What the processes of the devnet say to each other. Protocol messages travel as the protobuf bytes of the model. */
import { createHash } from 'node:crypto';
import { Committee, publicKeyOf } from '../../src/index.js';

/** Where a node keeps its state. */
export type Backend = 'level' | 'wal' | 'noop';

/** What a run was asked for. */
export interface Settings {
  readonly nodes: number;
  readonly backend: Backend;
  /** Bytes of each block's payload. */
  readonly payloadBytes: number;
  /** The least time between two blocks of a node. */
  readonly paceMs: number;
  /** Port of a Prometheus endpoint of node 0; 0 takes any, absent has none. */
  readonly metricsPort?: number;
  /** The node votes twice in each view. */
  readonly wrong?: boolean;
  /** The node's key never signed: its store may be new. */
  readonly first?: boolean;
  /** The node has a store that trouble shows on quickly: small buffers, a small queue, few deletes a batch (level). */
  readonly tight?: boolean;
}

/** A message of the protocol. */
export type Wire =
  | { readonly kind: 'block' | 'commitQC' | 'anchor'; readonly bytes: Uint8Array }
  | { readonly kind: 'vote'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'proposal';
      readonly bytes: Uint8Array;
      readonly laneQCs: Uint8Array[];
      readonly timeouts: Timeout[];
    }
  | { readonly kind: 'timeout'; readonly timeout: Timeout }
  | { readonly kind: 'status'; readonly road: bigint; readonly anchor: bigint; readonly lanes: readonly bigint[] };

/** A timeout vote with the PrepareQC that it names. */
export interface Timeout {
  readonly bytes: Uint8Array;
  readonly prepareQC?: Uint8Array;
}

/** What a store gave back when a node started: the checker holds it against what the node had said. */
export interface Found {
  /** The road index that the next CommitQC has. */
  readonly nextQC: bigint;
  /** By lane, in the order of the committee: where it begins, and the header hashes from there on. */
  readonly lanes: readonly { readonly first: bigint; readonly hashes: readonly string[] }[];
}

/** Where a node is. */
export interface Height {
  readonly road: bigint;
  readonly anchor: bigint;
  readonly blocks: readonly bigint[];
  readonly dropped: number;
}

/** From a node to the process that runs the devnet. */
export type FromNode =
  | { readonly kind: 'ready' }
  /** A second vote in a view was refused. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'send'; readonly to: number | 'all'; readonly wire: Wire }
  | { readonly kind: 'found'; readonly found: Found }
  | { readonly kind: 'height'; readonly height: Height; readonly durableMs: readonly number[] }
  | { readonly kind: 'metrics'; readonly port: number }
  /** The store was refused or has failed, or the node has: it votes no more, and waits for `again`. */
  | { readonly kind: 'failed'; readonly reason: string };

/** To a node. */
export type ToNode =
  | { readonly kind: 'wire'; readonly from: number; readonly wire: Wire }
  /** The operator has mended what was wrong: close the store and open it again. */
  | { readonly kind: 'again' }
  | { readonly kind: 'stop' };

/** To the checker. */
export type ToChecker =
  | { readonly kind: 'sent'; readonly from: number; readonly wire: Wire }
  | { readonly kind: 'found'; readonly from: number; readonly found: Found }
  | { readonly kind: 'finish' };

/** From the checker. */
export type FromChecker =
  | { readonly kind: 'violation'; readonly what: string }
  | { readonly kind: 'finished'; readonly messages: number; readonly violations: readonly string[] };

/** The committee's members in the order of their keys; the same for every process, and for nobody but this example. */
export function members(nodes: number): { readonly secrets: readonly Uint8Array[]; readonly committee: Committee } {
  const secrets = Array.from(
    { length: nodes },
    (_, i) => new Uint8Array(createHash('sha256').update(`lanestore devnet ${i}`).digest()),
  ).sort((a, b) => Buffer.compare(publicKeyOf(a), publicKeyOf(b)));
  return { secrets, committee: new Committee(secrets.map(publicKeyOf)) };
}
