/**
 * The messages between the processes of the devnet. Protocol messages are the protobuf bytes of the
 * model.
 */
import { createHash } from 'node:crypto';
import { Committee, publicKeyOf } from '../../src/index.js';

/** The backend of a node's store. */
export type Backend = 'level' | 'wal' | 'noop';

/** When the sinks get a vote: before or after its signature is released. */
export type SinkMode = 'before' | 'after';

/** Where a node reaches a sink: a directory, or a witness server. */
export type SinkPlace = { readonly name: string } & (
  | { readonly path: string }
  | { readonly url: string; readonly token: string }
);

/** The name of the network, in the sinks and in signing histories. */
export const NETWORK = 'devnet';

/** The settings of a node. */
export interface Settings {
  readonly nodes: number;
  readonly backend: Backend;
  /** Bytes of each block's payload. */
  readonly payloadBytes: number;
  /** Minimum time between two blocks of a node. */
  readonly paceMs: number;
  /** Port of the Prometheus endpoint of node 0; 0 for any free port, absent for no endpoint. */
  readonly metricsPort?: number;
  /** The node votes twice in each view. */
  readonly wrong?: boolean;
  /** True if the key of the node has never signed: its store may be new. */
  readonly first?: boolean;
  /** The node's guard has witness sinks (level). */
  readonly sinks?: { readonly mode: SinkMode; readonly places: readonly SinkPlace[] };
  /**
   * Small buffers, a small queue and few deletes per batch, so that the effects of trouble appear
   * quickly (level).
   */
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
  /** A restored node asks for the progress of the others. */
  | { readonly kind: 'ask' }
  | { readonly kind: 'answer'; readonly next: bigint; readonly own: bigint }
  | { readonly kind: 'status'; readonly road: bigint; readonly anchor: bigint; readonly lanes: readonly bigint[] };

/** A timeout vote, with the PrepareQC that it names. */
export interface Timeout {
  readonly bytes: Uint8Array;
  readonly prepareQC?: Uint8Array;
}

/**
 * What a node's store recovered at a start. The checker compares it with the node's earlier
 * messages.
 */
export interface Found {
  /** The road index of the next CommitQC. */
  readonly nextQC: bigint;
  /**
   * By lane, in the order of the committee: the first block number, and the header hashes from
   * there on.
   */
  readonly lanes: readonly { readonly first: bigint; readonly hashes: readonly string[] }[];
}

/** The progress of a node. */
export interface Height {
  readonly road: bigint;
  readonly anchor: bigint;
  readonly blocks: readonly bigint[];
  readonly dropped: number;
}

/** Messages from a node to the process that runs the devnet. */
export type FromNode =
  | { readonly kind: 'ready' }
  /** A second vote in a view was refused. */
  | { readonly kind: 'stopped' }
  /** The closed parts of the node's votes, and the floor of its own lane. */
  | { readonly kind: 'closed'; readonly parts: readonly string[]; readonly ownFloor: bigint | undefined }
  | { readonly kind: 'send'; readonly to: number | 'all'; readonly wire: Wire }
  | { readonly kind: 'found'; readonly found: Found }
  | { readonly kind: 'height'; readonly height: Height; readonly durableMs: readonly number[] }
  | { readonly kind: 'metrics'; readonly port: number }
  /**
   * The store was refused, or store or node failed. The node stops voting and waits for `again`.
   */
  | { readonly kind: 'failed'; readonly reason: string };

/** Messages to a node. */
export type ToNode =
  | { readonly kind: 'wire'; readonly from: number; readonly wire: Wire }
  /** The operator has repaired the store: close it and open it again. */
  | { readonly kind: 'again' }
  | { readonly kind: 'stop' };

/**
 * Sender of the messages of a copy. They count for their signer, but not for the store of a node.
 */
export const CLONE = -1;

/** Messages to the checker. */
export type ToChecker =
  /** `from`: a node, or {@link CLONE}. */
  | { readonly kind: 'sent'; readonly from: number; readonly wire: Wire }
  | { readonly kind: 'found'; readonly from: number; readonly found: Found }
  /** The node's store was replaced by an older copy: missing entries are not a violation. */
  | { readonly kind: 'restored'; readonly from: number }
  | { readonly kind: 'finish' };

/** Messages from the checker. */
export type FromChecker =
  | { readonly kind: 'violation'; readonly what: string }
  | { readonly kind: 'finished'; readonly messages: number; readonly violations: readonly string[] };

/**
 * The members of the committee in the order of their keys. Fixed test keys, the same in every
 * process.
 */
export function members(nodes: number): { readonly secrets: readonly Uint8Array[]; readonly committee: Committee } {
  const secrets = Array.from(
    { length: nodes },
    (_, i) => new Uint8Array(createHash('sha256').update(`lanestore devnet ${i}`).digest()),
  ).sort((a, b) => Buffer.compare(publicKeyOf(a), publicKeyOf(b)));
  return { secrets, committee: new Committee(secrets.map(publicKeyOf)) };
}
