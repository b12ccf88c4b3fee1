/**
 * The entries that one turn of the persist loop takes from the state, and how they are put back if
 * the store has no room.
 */
import type { Round } from '../adapter/index.js';
import { type LaneId, maxU64 } from '../keys/index.js';
import type { CommitQC, PruneAnchor, SignedBlock } from '../model/autobahn/index.js';
import { type Inner, indexOf } from './inner.js';
import type { Lane } from './lane.js';
import { anchorBytes, commitQCBytes } from './sizes.js';

/** A round of entries, and how to put them back. */
export interface Turn {
  readonly round: Round<SignedBlock, CommitQC, PruneAnchor>;
  readonly bytes: number;
  /**
   * The lane objects of its blocks: an id may name another lane by the time the round is durable.
   */
  readonly lanes: ReadonlyMap<LaneId, Lane>;
  /** True if entries were left out only because of the bounds. */
  readonly more: boolean;
  /** Puts everything back. Allowed only until the next turn is taken. */
  readonly undo: () => void;
}

/** Bounds of a turn. */
export interface TurnLimits {
  /** Bytes of all entries; a turn with a single entry may exceed it. */
  readonly bytesMax: number;
  /** Number of blocks and CommitQCs. */
  readonly entriesMax: number;
  /**
   * Upper bound of rounds in progress with entries of one log (a lane, or the QC log). A log at its
   * bound waits; the others do not.
   */
  readonly roundsPerLogMax: number;
}

/**
 * Takes the new entries since the last turn: first the anchor, which must be stored with or before
 * the entries for which it made room; then CommitQCs; then blocks, one of each lane in rotation, so
 * that a lane with large blocks does not delay the others. Undefined if there is nothing new.
 */
export function takeTurn(inner: Inner, limits: TurnLimits, rotation = 0): Turn | undefined {
  const take = new Take(inner, limits);
  take.anchor();
  take.commitQCs();
  take.blocks(rotation);
  return take.turn();
}

/**
 * Takes only the anchor, for a store without room: the anchor frees space. Undefined if the store
 * has it.
 */
export function takeAnchor(inner: Inner, limits: TurnLimits): Turn | undefined {
  const take = new Take(inner, limits);
  take.anchor();
  return take.turn();
}

class Take {
  readonly #inner: Inner;
  readonly #limits: TurnLimits;
  readonly #undo: (() => void)[] = [];
  #anchor: PruneAnchor | undefined;
  readonly #commitQCs: CommitQC[] = [];
  readonly #blocks: SignedBlock[] = [];
  readonly #lanes = new Map<LaneId, Lane>();
  #bytes = 0;
  #entries = 0;
  #more = false;

  constructor(inner: Inner, limits: TurnLimits) {
    this.#inner = inner;
    this.#limits = limits;
  }

  turn(): Turn | undefined {
    if (this.#undo.length === 0) return undefined;
    const round = {
      ...(this.#anchor === undefined ? {} : { anchor: this.#anchor }),
      ...(this.#commitQCs.length === 0 ? {} : { commitQCs: this.#commitQCs }),
      ...(this.#blocks.length === 0 ? {} : { blocks: this.#blocks }),
    };
    const undo = () => {
      for (const step of this.#undo.reverse()) step();
    };
    return { round, bytes: this.#bytes, lanes: this.#lanes, more: this.#more, undo };
  }

  anchor(): void {
    const anchor = this.#inner.anchorToSubmit;
    if (anchor === undefined) return;
    this.#fits(anchorBytes(anchor), 0);
    this.#anchor = anchor;
    const before = this.#inner.submitAnchor(indexOf(anchor.commitQC));
    this.#undo.push(() => void this.#inner.submitAnchor(before));
  }

  commitQCs(): void {
    const { commitQCs, qcsSubmitted, qcRoundsUnderWay } = this.#inner;
    if (qcRoundsUnderWay >= this.#limits.roundsPerLogMax) return;
    const from = maxU64(qcsSubmitted, commitQCs.first);
    let next = from;
    for (; next < commitQCs.next; next++) {
      const qc = commitQCs.get(next) as CommitQC;
      if (!this.#fits(commitQCBytes(qc), 1)) break;
      this.#commitQCs.push(qc);
    }
    if (next === from) return;
    this.#inner.submitCommitQCs(next);
    this.#undo.push(() => this.#inner.takeBackCommitQCs(from));
  }

  blocks(rotation: number): void {
    const waiting = [...this.#inner.lanes.values()].filter(
      (lane) => lane.submitted < lane.blocks.next && lane.roundsUnderWay < this.#limits.roundsPerLogMax,
    );
    if (waiting.length === 0) return;
    const turned = rotation % waiting.length;
    const next = new Map<LaneId, bigint>();
    let lanes = [...waiting.slice(turned), ...waiting.slice(0, turned)];
    while (lanes.length > 0) lanes = lanes.filter((lane) => this.#takeBlock(lane, next));
    for (const lane of waiting) {
      const end = next.get(lane.id);
      if (end === undefined) continue;
      const from = lane.submitted;
      lane.submit(end);
      this.#lanes.set(lane.id, lane);
      this.#undo.push(() => lane.takeBack(from));
    }
  }

  /** Takes the next block of a lane; false if there is none, or no room for it. */
  #takeBlock(lane: Lane, next: Map<LaneId, bigint>): boolean {
    const number = next.get(lane.id) ?? lane.submitted;
    const held = lane.blocks.get(number);
    if (held === undefined || !this.#fits(held.bytes, 1)) return false;
    this.#blocks.push(held.signed);
    next.set(lane.id, number + 1n);
    return true;
  }

  #fits(bytes: number, entries: number): boolean {
    const { bytesMax, entriesMax } = this.#limits;
    if ((this.#bytes > 0 && this.#bytes + bytes > bytesMax) || this.#entries + entries > entriesMax) {
      this.#more = true;
      return false;
    }
    this.#bytes += bytes;
    this.#entries += entries;
    return true;
  }
}
