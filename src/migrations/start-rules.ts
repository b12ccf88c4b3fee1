/**
 * Reads from a source the state that a node starts from (docs/original.md, Start rules): the
 * anchor; the CommitQCs from the anchor's own on; each lane's blocks from the lane's start in the
 * anchor. Entries below these numbers are stale: they are dropped and counted. Each log must be
 * contiguous from its start; without an anchor, from 0. So the original starts from any state that
 * passes these rules. A state that the original would refuse is refused here, with the place of the
 * fault.
 *
 * One rule is stricter than the original's: an empty log that certainly held entries at or above
 * its start is refused. These entries are lost. A node that continued from there could sign a
 * second block for a number that it has voted on.
 */

import { type Finding, isLanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import { maxU64 } from '../keys/index.js';
import type { EntryChecks, RoadRange } from '../model/checks.js';
import type { Model } from '../model/model.js';
import { type EntryPlace, refuse, type Source, type SourceEntry, type SourceLog } from './source.js';

/**
 * One item of the start state, in the order in which a target needs them: anchor, inner, the QC
 * log, each lane.
 */
export type Item<B, Q, A> =
  | { readonly kind: 'anchor'; readonly entry: A; readonly wire: Uint8Array }
  | { readonly kind: 'inner'; readonly wire: Uint8Array }
  /**
   * The start of a log: all its entries follow before the next `log` item. `lane` is undefined for
   * the QC log.
   */
  | { readonly kind: 'log'; readonly lane: LaneId | undefined; readonly first: bigint }
  | { readonly kind: 'commitQC'; readonly entry: Q; readonly number: bigint; readonly wire: Uint8Array }
  | {
      readonly kind: 'block';
      readonly lane: LaneId;
      readonly entry: B;
      readonly number: bigint;
      readonly wire: Uint8Array;
    };

/** Counts of what was read; complete once the stream has ended. */
export interface Tally {
  anchor: bigint | undefined;
  inner: boolean;
  commitQCs: number;
  lanes: number;
  blocks: number;
  /** Bytes of all entries as protobuf. */
  bytes: number;
  /** Entries below the anchor, which are dropped. */
  staleCommitQCs: number;
  staleBlocks: number;
  /** True if the anchor's CommitQC was missing in the log, and was added. */
  anchorQCAdded: boolean;
  readonly notes: string[];
}

/** An empty tally. */
export function newTally(): Tally {
  return {
    anchor: undefined,
    inner: false,
    commitQCs: 0,
    lanes: 0,
    blocks: 0,
    bytes: 0,
    staleCommitQCs: 0,
    staleBlocks: 0,
    anchorQCAdded: false,
    notes: [],
  };
}

/** Upper bound of the blocks of a lane with which the original starts (inner.go). */
const LANE_BLOCKS_MAX = 30;

/**
 * Reads a source by these rules.
 * @throws LANESTORE_IMPORT with findings, at the first entry that violates a rule; LANESTORE_IO.
 */
export async function* startContent<B, Q, A>(
  source: Source<B, Q, A>,
  model: Model<B, Q, A>,
  checks: EntryChecks<B, Q, A>,
  tally: Tally,
): AsyncGenerator<Item<B, Q, A>, void, void> {
  yield* new StartRules(source, model, checks, tally).items();
}

/**
 * A source reduced to the start state: its streams yield the same entries of each log as
 * {@link startContent}. Entries have no place.
 * @throws (its streams) as {@link startContent}.
 */
export function startState<B, Q, A>(source: Source<B, Q, A>, model: Model<B, Q, A>): Source<B, Q, A> {
  const rules = new StartRules(source, model, {}, newTally());
  return {
    layout: source.layout,
    location: source.location,
    anchor: source.anchor,
    inner: source.inner,
    votes: source.votes,
    commitQCLog: source.commitQCLog,
    lanes: new Map([...source.lanes].filter(([lane]) => source.closedLanes?.has(lane) !== true)),
    notes: source.notes,
    commitQCs: () => entriesOf(rules.commitQCs(), 'commitQC'),
    blocks: (lane) => entriesOf(rules.blocks(lane), 'block'),
    close: () => source.close(),
  };
}

type ItemOf<K, B, Q, A> = Extract<Item<B, Q, A>, { readonly kind: K }>;

async function* entriesOf<B, Q, A, K extends 'commitQC' | 'block'>(
  items: AsyncIterable<Item<B, Q, A>>,
  kind: K,
): AsyncGenerator<SourceEntry<K extends 'block' ? B : Q>, void, void> {
  const isEntry = (item: Item<B, Q, A>): item is ItemOf<'commitQC' | 'block', B, Q, A> => item.kind === kind;
  for await (const item of items) {
    if (!isEntry(item)) continue;
    const { entry, number, wire } = item;
    yield { entry: entry as K extends 'block' ? B : Q, number, wire, place: {} };
  }
}

class StartRules<B, Q, A> {
  readonly #source: Source<B, Q, A>;
  readonly #model: Model<B, Q, A>;
  readonly #checks: EntryChecks<B, Q, A>;
  readonly #tally: Tally;
  /** The range of CommitQCs in the start state; known once they were read, before the blocks. */
  #roads: RoadRange = { first: 0n, next: 0n };

  constructor(source: Source<B, Q, A>, model: Model<B, Q, A>, checks: EntryChecks<B, Q, A>, tally: Tally) {
    this.#source = source;
    this.#model = model;
    this.#checks = checks;
    this.#tally = tally;
  }

  async *items(): AsyncGenerator<Item<B, Q, A>, void, void> {
    const { anchor, inner } = this.#source;
    if (anchor !== undefined) {
      this.#check('the anchor', {}, {}, () => this.#checks.anchor?.(anchor.entry));
      this.#tally.anchor = anchor.point.index;
      const wire = this.#count(this.#model.anchor.toWire(anchor.entry));
      yield { kind: 'anchor', entry: anchor.entry, wire };
    }
    if (inner !== undefined) {
      this.#check('the inner state', {}, {}, () => this.#checks.inner?.(inner));
      this.#tally.inner = true;
      yield { kind: 'inner', wire: this.#count(inner) };
    }
    yield* this.commitQCs();
    const lanes = new Set([...this.#source.lanes.keys(), ...(anchor?.point.laneStarts.keys() ?? [])]);
    for (const lane of [...lanes].sort()) {
      if (this.#source.closedLanes?.has(lane) === true) await this.#drop(lane);
      else yield* this.blocks(lane);
    }
  }

  /** The QC log: its start, then its entries. */
  async *commitQCs(): AsyncGenerator<Item<B, Q, A>, void, void> {
    const { anchor, commitQCLog } = this.#source;
    const start = anchor?.point.index ?? 0n;
    yield { kind: 'log', lane: undefined, first: start };
    let next = start;
    for await (const { entry, number, wire, place } of this.#reading(this.#source.commitQCs())) {
      if (number < start) {
        this.#tally.staleCommitQCs++;
        continue;
      }
      if (anchor !== undefined && next === start && number === start + 1n) {
        yield this.#anchorQC(anchor.entry, start);
        next++;
      }
      const name = `CommitQC ${number}`;
      this.#follows(name, number, next, start, place, {});
      this.#check(name, place, { number }, () => this.#checks.commitQC?.(entry));
      this.#tally.commitQCs++;
      yield { kind: 'commitQC', entry, number, wire: this.#count(wire) };
      next = number + 1n;
    }
    this.#roads = { first: start, next };
    if (next > start) return;
    // A crash of the original after emptying the log and before writing the anchor's CommitQC
    // leaves this state.
    this.#notLost('the QC log', commitQCLog, anchor === undefined ? start : start + 1n, {});
    if (anchor === undefined) return;
    this.#roads = { first: start, next: start + 1n };
    yield this.#anchorQC(anchor.entry, start);
  }

  #anchorQC(anchor: A, number: bigint): Item<B, Q, A> {
    const entry = this.#model.anchor.commitQC(anchor);
    this.#tally.anchorQCAdded = true;
    this.#tally.commitQCs++;
    return { kind: 'commitQC', entry, number, wire: this.#count(this.#model.commitQC.toWire(entry)) };
  }

  /** Counts the blocks of a lane that the anchor's epoch has closed: a node drops them. */
  async #drop(lane: LaneId): Promise<void> {
    for await (const _ of this.#reading(this.#source.blocks(lane))) this.#tally.staleBlocks++;
  }

  /** A lane: its start, then its entries. */
  async *blocks(lane: LaneId): AsyncGenerator<Item<B, Q, A>, void, void> {
    const { anchor, lanes } = this.#source;
    const start = anchor?.point.laneStarts.get(lane) ?? 0n;
    yield { kind: 'log', lane, first: start };
    this.#tally.lanes++;
    let next = start;
    let before: B | undefined;
    for await (const { entry, number, wire, place } of this.#reading(this.#source.blocks(lane))) {
      if (number < start) {
        this.#tally.staleBlocks++;
        continue;
      }
      const name = `block ${number} of lane ${lane}`;
      this.#follows(name, number, next, start, place, { lane });
      const previous = before;
      this.#check(name, place, { lane, number }, () => this.#checks.block?.(entry, previous, this.#roads));
      this.#tally.blocks++;
      yield { kind: 'block', lane, entry, number, wire: this.#count(wire) };
      before = entry;
      next = number + 1n;
    }
    if (next === start) this.#notLost(`lane ${lane}`, lanes.get(lane), start, { lane });
    if (next - start > BigInt(LANE_BLOCKS_MAX)) {
      const what = `lane ${lane} holds ${next - start} blocks above the anchor`;
      this.#tally.notes.push(`${what}; the original starts with at most ${LANE_BLOCKS_MAX}`);
    }
  }

  /** Turns damage that a source reports into the refusal of the import or export. */
  async *#reading<T>(entries: AsyncIterable<SourceEntry<T>>): AsyncGenerator<SourceEntry<T>, void, void> {
    try {
      yield* entries;
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_CORRUPT')) throw error;
      refuse(this.#source.location, error.findings ?? [{ kind: 'damaged', detail: error.message }]);
    }
  }

  #follows(
    name: string,
    number: bigint,
    next: bigint,
    start: bigint,
    place: EntryPlace,
    where: Pick<Finding, 'lane'>,
  ): void {
    if (number === next) return;
    const { anchor } = this.#source;
    let detail = `${name} follows ${next - 1n}: the entries between are missing`;
    if (next === start && anchor !== undefined) {
      detail = `${name} is the oldest one, but the anchor (road index ${anchor.point.index}) begins at ${start}`;
    } else if (next === start) {
      detail = `${name} is the oldest one, and there is no anchor: what came before it is lost, or was not copied`;
    }
    refuse(this.#source.location, [{ kind: 'gap', ...where, number, ...place, detail }]);
  }

  #notLost(name: string, log: SourceLog | undefined, start: bigint, where: Pick<Finding, 'lane'>): void {
    const next = maxU64(log?.leastNext ?? 0n, start);
    if (next === start) return;
    const detail = `${name} holds nothing, but it held entries up to ${next - 1n}, and the anchor prunes only those below ${start}`;
    refuse(this.#source.location, [{ kind: 'log-lost', ...where, number: start, detail }]);
  }

  #check(name: string, place: EntryPlace, where: Pick<Finding, 'lane' | 'number'>, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!isLanestoreError(error)) throw error;
      const kind = error.code === 'LANESTORE_VERIFY' ? 'verify' : 'entry-invalid';
      refuse(this.#source.location, [{ kind, ...where, ...place, detail: `${name}: ${error.message}` }]);
    }
  }

  #count(wire: Uint8Array): Uint8Array {
    this.#tally.bytes += wire.length;
    return wire;
  }
}
