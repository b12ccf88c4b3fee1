/**
 * The subject of the suite: a backend that opens in a fresh place, a model, and a way to make
 * entries of that model.
 */
import type { LaneId, Model, Persistence } from '../index.js';

/**
 * Properties that not every backend, or model, has. A case that needs a feature with value false is
 * omitted.
 */
export interface Features {
  /**
   * Acknowledged entries are recovered when the place is reopened. False for a backend that stores
   * nothing.
   */
  readonly durable: boolean;
  /**
   * A round becomes durable in one step: at its first hook, the cursors include the whole round.
   * Its hooks fire in the order of the round. Nothing remains of a round whose write failed. If
   * false, this holds for each lane, for the QC log and for the anchor separately.
   */
  readonly atomicRounds: boolean;
  /**
   * Calls settle in the order in which they were made. If false, this holds for calls for the same
   * log only.
   */
  readonly totalOrder: boolean;
  /**
   * The cursor of an emptied lane survives reopening, even if it does not follow from the stored
   * anchor.
   */
  readonly remembersEmptyCursors: boolean;
  /** Opening a place that is open is LANESTORE_LOCKED. */
  readonly exclusive: boolean;
  /** Supports {@link OpenOptions.load}. */
  readonly skipsLoading: boolean;
  /**
   * Supports {@link OpenOptions.maxRoundBytes}, {@link OpenOptions.maxQueuedBytes} and
   * {@link OpenOptions.maxRecordBytes}.
   */
  readonly limits: boolean;
  /**
   * Supports {@link OpenOptions.maxInnerBytes}, {@link OpenOptions.maxLanes} and
   * {@link OpenOptions.maxRoundEntries}.
   */
  readonly planLimits: boolean;
  /**
   * The store keeps votes (`Persistence.votes`). If false, it refuses rounds with votes. Needs
   * {@link Makers.votes}.
   */
  readonly votes: boolean;
  /**
   * {@link Makers.anchor} can make an anchor whose two parts have different indexes. False for a
   * model whose anchor has no index of its own.
   */
  readonly disagreeingAnchors?: boolean;
  /** Places implement {@link Place.lose}. */
  readonly lose?: boolean;
  /** Places implement {@link Place.storeAnchorOnly}. */
  readonly storeAnchorOnly?: boolean;
  /** Places implement {@link Place.refuseWrites}. */
  readonly refuseWrites?: boolean;
}

/** All features. True: a subject must declare the feature. False: undeclared means false. */
const FEATURES = {
  durable: true,
  atomicRounds: true,
  totalOrder: true,
  remembersEmptyCursors: true,
  exclusive: true,
  skipsLoading: true,
  limits: true,
  planLimits: true,
  votes: true,
  disagreeingAnchors: false,
  lose: false,
  storeAnchorOnly: false,
  refuseWrites: false,
} as const satisfies Record<keyof Features, boolean>;

/**
 * Options with which a case opens its store. Each is passed only if the backend has the feature.
 */
export interface OpenOptions {
  /** False: verify everything and recover nothing. */
  readonly load?: boolean;
  /** A round with more bytes is LANESTORE_INVALID. */
  readonly maxRoundBytes?: number;
  /** A round with which the queue would exceed this number of bytes is LANESTORE_CAPACITY. */
  readonly maxQueuedBytes?: number;
  /** A round with a larger encoded entry is LANESTORE_INVALID. */
  readonly maxRecordBytes?: number;
  /** A round with a larger inner state is LANESTORE_INVALID. */
  readonly maxInnerBytes?: number;
  /** A round with which the store would have cursors for more lanes is LANESTORE_INVALID. */
  readonly maxLanes?: number;
  /** A call with more blocks and CommitQCs is LANESTORE_INVALID. */
  readonly maxRoundEntries?: number;
}

/**
 * An entry that {@link Place.lose} removes: a block of `lane`, or a CommitQC if `lane` is absent.
 */
export interface LostEntry {
  readonly lane?: LaneId;
  readonly number: bigint;
}

/** A place for a store, such as a directory. Each case gets a fresh one. */
export interface Place<Block, CommitQC, Anchor> {
  /** Opens the store; also reopens it after close(). */
  open(options: OpenOptions): Promise<Persistence<Block, CommitQC, Anchor>>;
  /** Removes the place. All its stores are closed before. */
  destroy(): Promise<void>;
  /** Removes one durable entry from the closed store's files. For cases about damage. */
  lose?(entry: LostEntry): Promise<void>;
  /**
   * Puts the closed place into the state after a crash in `persist({ anchor })` in which only the
   * anchor became durable. For backends without atomic rounds.
   */
  storeAnchorOnly?(anchor: Anchor): Promise<void>;
  /**
   * From now on every write of the open store fails, until the store is reopened. For cases about
   * failing disks.
   */
  refuseWrites?(): void;
}

/** Makes entries. The same arguments must give entries with the same bytes. */
export interface Makers<Block, CommitQC, Anchor> {
  /** At least eight lanes, ascending. */
  readonly lanes: readonly LaneId[];
  block(lane: LaneId, number: bigint): Block;
  /** A CommitQC with these lane starts; it omits all other lanes. */
  commitQC(index: bigint, starts: ReadonlyMap<LaneId, bigint>): CommitQC;
  /**
   * An anchor for road index `index`. `commitQC` has another index only with
   * {@link Features.disagreeingAnchors}: the store must refuse the anchor.
   */
  anchor(index: bigint, commitQC: CommitQC): Anchor;
  /** Votes of the model; for cases about votes. */
  readonly votes?: VoteMakers;
}

/** How to make votes. The same arguments must make votes with the same digest. */
export interface VoteMakers {
  /**
   * A vote of the first log that needs no CommitQC; a higher `step` stands above a lower one.
   * Variants of a step are different votes in one place.
   */
  step(step: bigint, variant?: number): unknown;
  /**
   * A vote of another log that is ruled out once a vote of the first log at `step`, 1 or more, or
   * above is given. It needs no CommitQC.
   */
  before(step: bigint): unknown;
  /**
   * A vote of the first log that stands above all of `step`, and needs CommitQC `index - 1`;
   * `index` is 1 or more.
   */
  needing(index: bigint): unknown;
}

/** A backend with a model: the input of the suite. */
export interface Subject<Block, CommitQC, Anchor> {
  readonly model: Model<Block, CommitQC, Anchor>;
  readonly make: Makers<Block, CommitQC, Anchor>;
  readonly features: Features;
  /** Makes a fresh place. */
  place(): Place<Block, CommitQC, Anchor> | Promise<Place<Block, CommitQC, Anchor>>;
}

const SUBJECT = ['model', 'make', 'features', 'place'] as const satisfies (keyof Subject<never, never, never>)[];

/**
 * @throws TypeError for an invalid subject. Without this check, a misspelled feature would silently
 * omit its cases.
 */
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

/** A block; opaque to the suite. */
export interface AnyBlock {
  readonly [kind]: 'block';
}

/** A CommitQC; opaque to the suite. */
export interface AnyCommitQC {
  readonly [kind]: 'commitQC';
}

/** An anchor; opaque to the suite. */
export interface AnyAnchor {
  readonly [kind]: 'anchor';
}

/** Any subject: its entries are opaque. */
export type AnySubject = Subject<AnyBlock, AnyCommitQC, AnyAnchor>;
