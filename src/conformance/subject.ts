/** What the suite is run on: a backend that can be opened in a fresh place, and a node's own entries to fill it with. */
import type { LaneId, Model, Persistence } from '../index.js';

/** What a backend, or its model, does beyond what all of them must do. A case that needs what is false here is left out. */
export interface Features {
  /** What was acknowledged is there when the same place is opened again. False for a backend that stores nothing. */
  readonly durable: boolean;
  /**
   * A round becomes durable in one step: at its first hook the cursors show all of it, its hooks fire in the order of the round, and
   * one whose write is rejected leaves nothing. If false, that holds for each lane, the QC log and the anchor on its own.
   */
  readonly atomicRounds: boolean;
  /** Calls settle in the order in which they were made. If false, those that touch one and the same log do. */
  readonly totalOrder: boolean;
  /** The cursor of a lane that was emptied by anything but the stored anchor survives reopening. */
  readonly remembersEmptyCursors: boolean;
  /** A second opener of a place that is open is LANESTORE_LOCKED. */
  readonly exclusive: boolean;
  /** {@link OpenOptions.load} is heeded. */
  readonly skipsLoading: boolean;
  /** {@link OpenOptions.maxRoundBytes}, {@link OpenOptions.maxQueuedBytes} and {@link OpenOptions.maxRecordBytes} are heeded. */
  readonly limits: boolean;
  /** {@link OpenOptions.maxInnerBytes}, {@link OpenOptions.maxLanes} and {@link OpenOptions.maxRoundEntries} are heeded. */
  readonly planLimits: boolean;
  /**
   * {@link Makers.anchor} can make an anchor that disagrees with itself. False for a model whose anchor has no index of its own but
   * takes that of its CommitQC.
   */
  readonly disagreeingAnchors?: boolean;
  /** Places have {@link Place.lose}. */
  readonly lose?: boolean;
  /** Places have {@link Place.storeAnchorOnly}. */
  readonly storeAnchorOnly?: boolean;
  /** Places have {@link Place.refuseWrites}. */
  readonly refuseWrites?: boolean;
}

/** Every feature; true for those that a backend must declare. */
const FEATURES = {
  durable: true,
  atomicRounds: true,
  totalOrder: true,
  remembersEmptyCursors: true,
  exclusive: true,
  skipsLoading: true,
  limits: true,
  planLimits: true,
  disagreeingAnchors: false,
  lose: false,
  storeAnchorOnly: false,
  refuseWrites: false,
} as const satisfies Record<keyof Features, boolean>;

/** How a case wants its store opened; each is passed only if the feature is there. */
export interface OpenOptions {
  /** False: verify everything and hand out nothing. */
  readonly load?: boolean;
  /** A round of more bytes is LANESTORE_INVALID. */
  readonly maxRoundBytes?: number;
  /** A round that would let more bytes than this wait is LANESTORE_CAPACITY. */
  readonly maxQueuedBytes?: number;
  /** A round with a single encoded entry of more bytes is LANESTORE_INVALID. */
  readonly maxRecordBytes?: number;
  /** A round whose inner state has more bytes is LANESTORE_INVALID. */
  readonly maxInnerBytes?: number;
  /** A round that would let the store have cursors for more lanes is LANESTORE_INVALID. */
  readonly maxLanes?: number;
  /** A call with more blocks and CommitQCs is LANESTORE_INVALID. */
  readonly maxRoundEntries?: number;
}

/** An entry that goes missing: a block of `lane`, or a CommitQC when `lane` is absent. */
export interface LostEntry {
  readonly lane?: LaneId;
  readonly number: bigint;
}

/** Where a store lives: one fresh place for each case. */
export interface Place<Block, CommitQC, Anchor> {
  /** Opens the store there; also again, after it was closed. */
  open(options: OpenOptions): Promise<Persistence<Block, CommitQC, Anchor>>;
  /** Removes all of it. Every store of the place is closed by then. */
  destroy(): Promise<void>;
  /** Removes one durable entry behind the store's back while it is closed. For cases about damage. */
  lose?(entry: LostEntry): Promise<void>;
  /**
   * Leaves the closed place as a crash leaves it when of `persist({ anchor })` only the anchor itself became durable. For
   * backends without atomic rounds.
   */
  storeAnchorOnly?(anchor: Anchor): Promise<void>;
  /** From now on the medium refuses every write of the store that is open, until it is opened again. For cases about failing disks. */
  refuseWrites?(): void;
}

/** How to make entries. The same arguments must make entries with the same bytes. */
export interface Makers<Block, CommitQC, Anchor> {
  /** Eight lanes or more, ascending. */
  readonly lanes: readonly LaneId[];
  block(lane: LaneId, number: bigint): Block;
  /** A CommitQC that has each lane of `starts` begin there, and omits the others. */
  commitQC(index: bigint, starts: ReadonlyMap<LaneId, bigint>): CommitQC;
  /**
   * An anchor for road index `index`. `commitQC` has another index only with {@link Features.disagreeingAnchors}: the anchor then
   * disagrees with itself and will be refused.
   */
  anchor(index: bigint, commitQC: CommitQC): Anchor;
}

/** A backend under a model, as the suite sees it. */
export interface Subject<Block, CommitQC, Anchor> {
  readonly model: Model<Block, CommitQC, Anchor>;
  readonly make: Makers<Block, CommitQC, Anchor>;
  readonly features: Features;
  /** A fresh place. */
  place(): Place<Block, CommitQC, Anchor> | Promise<Place<Block, CommitQC, Anchor>>;
}

const SUBJECT = ['model', 'make', 'features', 'place'] as const satisfies (keyof Subject<never, never, never>)[];

/** @throws TypeError for what is no subject. A feature that is misspelt would leave its cases out, and nobody would see it. */
export function checkSubject(subject: unknown): asserts subject is AnySubject {
  const given = namedIn(subject, 'subject', SUBJECT);
  for (const name of SUBJECT) if (given[name] === undefined) throw new TypeError(`subject.${name} is missing`);
  if (typeof given.place !== 'function') throw new TypeError('subject.place must be a function');
  const features = namedIn(given.features, 'subject.features', Object.keys(FEATURES));
  for (const [name, isNeeded] of Object.entries(FEATURES)) {
    const feature = features[name];
    if (typeof feature === 'boolean' || (feature === undefined && !isNeeded)) continue;
    throw new TypeError(`subject.features.${name} must be a boolean, got a ${typeof feature}`);
  }
}

function namedIn(value: unknown, what: string, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${what} must be an object`);
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) throw new TypeError(`${what}.${name} is unknown; known are ${names.join(', ')}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

declare const kind: unique symbol;

/** A block; the suite never looks into one. */
export interface AnyBlock {
  readonly [kind]: 'block';
}

/** A CommitQC; the suite never looks into one. */
export interface AnyCommitQC {
  readonly [kind]: 'commitQC';
}

/** An anchor; the suite never looks into one. */
export interface AnyAnchor {
  readonly [kind]: 'anchor';
}

/** Any subject: its entries are opaque. */
export type AnySubject = Subject<AnyBlock, AnyCommitQC, AnyAnchor>;
