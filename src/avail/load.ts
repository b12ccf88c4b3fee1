/**
 * Loads the state from what a store recovered, or refuses all of it. The store has verified that
 * every acknowledged entry is present. This module verifies that a node of this committee can have
 * stored these entries.
 */

import { FindingList } from '../adapter/finding-list.js';
import type { Cursors, Recovered } from '../adapter/index.js';
import { type Finding, LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import {
  type CommitQC,
  codecs,
  headerHash,
  type PruneAnchor,
  type SignedBlock,
  verifyAnchor,
  verifyCommitQC,
  verifySignedBlock,
} from '../model/autobahn/index.js';
import { type Inner, indexOf } from './inner.js';
import { BLOCKS_PER_LANE, type Lane } from './lane.js';
import { blockBytes } from './sizes.js';

/** What was found at start. */
export interface LoadReport {
  /** The road index of the anchor; absent if there is none. */
  readonly anchor?: bigint;
  readonly commitQCs: number;
  readonly blocks: number;
  /**
   * Lanes in the store that no committee has. They are not changed, so that a node that is started
   * with a wrong committee keeps its blocks.
   */
  readonly unknownLanes: readonly LaneId[];
  /** Lanes that left with an earlier committee and are covered by the anchor. They are dropped. */
  readonly departedLanes: readonly LaneId[];
}

/** The source of a load. */
export interface Source {
  readonly recovered: Recovered<SignedBlock, CommitQC, PruneAnchor>;
  readonly cursors: Cursors;
}

/**
 * Fills an empty state.
 * @param verify also verify every signature and quorum, at about 0.5 ms for each signature
 * @throws LANESTORE_CORRUPT with all findings: `node-anchor`, `node-qc-gap`, `node-qc-verify`,
 * `node-lane-start`, `node-block-gap`, `node-block-parent`, `node-lane-capacity`,
 * `node-block-verify`
 */
export function load(inner: Inner, source: Source, verify: boolean): LoadReport {
  const loading = new Loading(inner, source, verify);
  const report = loading.run();
  const { kept: findings, total } = loading.findings;
  if (total > 0) {
    const [first] = findings;
    const more = total > 1 ? `, and ${total - 1} more` : '';
    throw new LanestoreError('LANESTORE_CORRUPT', `the stored state cannot be this node's: ${first?.detail}${more}`, {
      findings,
    });
  }
  return report;
}

class Loading {
  readonly findings = new FindingList();
  readonly #inner: Inner;
  readonly #source: Source;
  readonly #verify: boolean;

  constructor(inner: Inner, source: Source, verify: boolean) {
    this.#inner = inner;
    this.#source = source;
    this.#verify = verify;
  }

  run(): LoadReport {
    const { recovered, cursors } = this.#source;
    this.#anchor();
    for (const qc of recovered.commitQCs) if (!this.#commitQC(qc)) break;
    let blocks = 0;
    for (const lane of this.#inner.lanes.values()) blocks += this.#lane(lane);
    const unknownLanes = [...cursors.lanes.keys()].filter((lane) => !this.#inner.lanes.has(lane));
    if (this.findings.total > 0) return { commitQCs: 0, blocks: 0, unknownLanes, departedLanes: [] };
    const departed = this.#inner.markLoaded();
    return {
      ...(recovered.anchor === undefined ? {} : { anchor: indexOf(recovered.anchor.commitQC) }),
      commitQCs: this.#inner.commitQCs.length,
      blocks,
      unknownLanes,
      departedLanes: departed.filter((lane) => cursors.lanes.has(lane)),
    };
  }

  #anchor(): void {
    const { anchor } = this.#source.recovered;
    if (anchor === undefined) return;
    this.#check({ kind: 'node-anchor' }, () => {
      codecs.pruneAnchor.check(anchor);
      if (this.#verify) verifyAnchor(anchor, this.#inner.epochs.at(indexOf(anchor.commitQC)));
      this.#inner.prune(anchor);
    });
  }

  #commitQC(qc: CommitQC): boolean {
    const index = indexOf(qc);
    const { next } = this.#inner.commitQCs;
    if (index < next) return true;
    if (index !== next) {
      this.findings.add({
        kind: 'node-qc-gap',
        number: index,
        detail: `CommitQC ${index} is stored, but ${next} is missing`,
      });
      return false;
    }
    if (this.#verify)
      this.#check({ kind: 'node-qc-verify', number: index }, () => verifyCommitQC(qc, this.#inner.epochs.at(index)));
    this.#inner.commitQCs.push(qc);
    return true;
  }

  /** Loads a lane and returns its number of blocks. */
  #lane(opened: Lane): number {
    const lane = this.#placed(opened);
    if (lane === undefined) return 0;
    const { id } = lane;
    const blocks = this.#source.recovered.blocks.get(id) ?? [];
    const live = blocks.filter(({ block }) => block.header.blockNumber >= lane.blocks.first);
    if (BigInt(live.length) > BLOCKS_PER_LANE) {
      const detail = `lane ${id} has ${live.length} blocks, more than the ${BLOCKS_PER_LANE} that a node admits`;
      this.findings.add({ kind: 'node-lane-capacity', lane: id, detail });
    }
    for (const signed of live) if (!this.#block(lane, signed)) break;
    return live.length;
  }

  #block(lane: Lane, signed: SignedBlock): boolean {
    const { header } = signed.block;
    const at = { lane: lane.id, number: header.blockNumber };
    if (header.blockNumber !== lane.blocks.next) {
      const detail = `lane ${lane.id}: block ${header.blockNumber} is stored, but ${lane.blocks.next} is missing`;
      this.findings.add({ kind: 'node-block-gap', ...at, detail });
      return false;
    }
    if (!lane.continuedBy(header)) {
      const detail = `lane ${lane.id}: the parent hash of block ${header.blockNumber} is not that of the block before`;
      this.findings.add({ kind: 'node-block-parent', ...at, detail });
      return false;
    }
    const committee = this.#inner.epochs.of(header.lane);
    if (this.#verify && committee !== undefined)
      this.#check({ kind: 'node-block-verify', ...at }, () => verifySignedBlock(signed, committee));
    lane.blocks.push({ signed, hash: headerHash(header), bytes: blockBytes(signed) });
    return true;
  }

  /**
   * The lane, starting at its first number in the store. That must be its start in the anchor or,
   * without an anchor, its baseline. A lane that the anchor's CommitQC omits may start anywhere: an
   * earlier anchor may have truncated it.
   */
  #placed(lane: Lane): Lane | undefined {
    const cursor = this.#source.cursors.lanes.get(lane.id);
    if (cursor === undefined) return lane;
    const expected = lane.blocks.first;
    if (cursor.first === expected) return lane;
    const { anchor } = this.#inner;
    if (anchor !== undefined) {
      const named = anchor.commitQC.vote.laneRanges.some((range) => lane.isOf(range.lane));
      // Stale entries: the store drops them itself.
      if (named && cursor.first < expected) return lane;
      if (!named && cursor.first > expected) return this.#inner.openLaneAt(lane.id, cursor.first);
    }
    const detail = `lane ${lane.id} begins at ${cursor.first}, but should begin at ${expected}`;
    this.findings.add({ kind: 'node-lane-start', lane: lane.id, number: cursor.first, detail });
    return undefined;
  }

  #check(where: Omit<Finding, 'detail'>, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof LanestoreError || error instanceof TypeError)) throw error;
      this.findings.add({ ...where, detail: error.message });
    }
  }
}
