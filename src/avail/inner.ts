/**
 * The availability state: lanes, CommitQCs, votes, the latest anchor, and how far each is durable.
 * No I/O and no verification: callers verify first, and wait as {@link Lane.admitsBlock} says. Each
 * change wakes the waiting callers that may now continue.
 */
import { LanestoreError } from '../errors.js';
import { type LaneId, laneIdOf, maxU64 } from '../keys/index.js';
import {
  type AppProposal,
  autobahn,
  type BlockHeader,
  type CommitQC,
  globalRange,
  type LaneQC,
  type PruneAnchor,
  type Signature,
} from '../model/autobahn/index.js';
import { type Epoch, Epochs } from './epochs.js';
import { BLOCKS_PER_COMMIT, type HeldBlock, hexOf, Lane } from './lane.js';
import { Queue } from './queue.js';
import { type Counted, Tally } from './tally.js';
import { AvailWaiters } from './waiters.js';

/** The state described at the top of this file. */
export class Inner {
  readonly epochs: Epochs;
  readonly lanes = new Map<LaneId, Lane>();
  readonly commitQCs = new Queue<CommitQC>();
  readonly waiters = new AvailWaiters();
  /** App votes by global block number, above those that the anchor covers. */
  readonly #appVotes = new Map<bigint, Tally<AppProposal>>();
  #anchor: PruneAnchor | undefined;
  #anchorSubmitted: bigint | undefined;
  #durableAnchor: PruneAnchor | undefined;
  #durableQC: CommitQC | undefined;
  #qcsSubmitted = 0n;
  #qcRounds: bigint[] = [];

  constructor(epochs: readonly Epoch[]) {
    this.epochs = new Epochs(epochs);
    this.#openLanes(0n);
  }

  /** The latest anchor, durable or not. */
  get anchor(): PruneAnchor | undefined {
    return this.#anchor;
  }

  /** The latest anchor that is durable. */
  get durableAnchor(): PruneAnchor | undefined {
    return this.#durableAnchor;
  }

  /** The latest CommitQC that is durable. */
  get durableQC(): CommitQC | undefined {
    return this.#durableQC;
  }

  /** The road index after the latest durable CommitQC. */
  get durableQCs(): bigint {
    return this.#durableQC === undefined ? 0n : indexOf(this.#durableQC) + 1n;
  }

  /** The road index after the latest durable anchor. */
  get durableAnchors(): bigint {
    return this.#durableAnchor === undefined ? 0n : indexOf(this.#durableAnchor.commitQC) + 1n;
  }

  /** The road index after the latest AppQC. */
  get nextAppQC(): bigint {
    return this.#anchor === undefined ? 0n : indexOf(this.#anchor.commitQC) + 1n;
  }

  /** The lane `id`. @throws LANESTORE_WRONG_LANE if no committee has it. */
  lane(id: LaneId): Lane {
    const lane = this.lanes.get(id);
    if (lane === undefined) throw noLane(id);
    return lane;
  }

  /** True until the lane has left all committees. A lane that joined again is another object. */
  holds(lane: Lane): boolean {
    return this.lanes.get(lane.id) === lane;
  }

  /** As {@link AvailWaiters.until}. @throws also LANESTORE_WRONG_LANE once the lane has left. */
  untilOf<T>(
    lane: Lane,
    check: () => T | undefined,
    wait: (signal?: AbortSignal) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<T> {
    const checkLane = () => {
      if (!this.holds(lane)) throw noLane(lane.id);
      return check();
    };
    return this.waiters.until(checkLane, wait, signal);
  }

  /** Rejects every waiting and every later call. */
  stop(error: unknown): void {
    this.waiters.stop(error);
    for (const lane of this.lanes.values()) lane.waiters.refuse(error);
  }

  /** Adds a block; the lane must admit it now, and it must continue the lane. */
  pushBlock(lane: Lane, block: HeldBlock): void {
    lane.blocks.push(block);
    this.#wakeBlocks(lane);
  }

  /** Counts a vote; the lane must admit it now. */
  pushVote(lane: Lane, header: BlockHeader, hash: Uint8Array, sig: Signature): Counted {
    const tally = lane.tally(header.blockNumber);
    const counted = tally.add(hexOf(hash), header, sig);
    if (counted !== 'counted') return counted;
    lane.waiters.headers.release();
    if (this.epochs.isLaneQuorum(tally.candidate(hexOf(hash))?.sigs.length ?? 0)) this.waiters.laneQCs.release();
    return counted;
  }

  /** Adds the next CommitQC. */
  pushCommitQC(qc: CommitQC): void {
    this.commitQCs.push(qc);
    this.waiters.commitQCs.reach(this.commitQCs.next);
  }

  /** The votes for the application's state after global block `number`. */
  appTally(number: bigint): Tally<AppProposal> {
    const tally = this.#appVotes.get(number) ?? new Tally<AppProposal>();
    this.#appVotes.set(number, tally);
    return tally;
  }

  /**
   * Drops what an anchor covers: blocks below the lane starts in its CommitQC, and earlier
   * CommitQCs. False if the anchor is not newer than the latest one.
   * @throws LANESTORE_INVALID, with the state unchanged, if its AppQC and CommitQC differ in their
   * road.
   */
  prune(anchor: PruneAnchor): boolean {
    const index = indexOf(anchor.commitQC);
    if (anchor.appQC.vote.roadIndex !== index) {
      throw new LanestoreError(
        'LANESTORE_INVALID',
        `mismatched QCs: the AppQC is for road ${anchor.appQC.vote.roadIndex}, the CommitQC for ${index}`,
      );
    }
    if (index < this.nextAppQC) return false;
    this.#anchor = anchor;
    this.commitQCs.prune(index);
    if (this.commitQCs.next === index) this.commitQCs.push(anchor.commitQC);
    this.#qcsSubmitted = maxU64(this.#qcsSubmitted, index);
    const { first } = globalRange(anchor.commitQC.vote);
    for (const number of [...this.#appVotes.keys()]) if (number < first) this.#appVotes.delete(number);
    for (const [lane, start] of this.#starts(anchor)) this.#pruneLane(lane, start);
    this.waiters.commitQCs.reach(this.commitQCs.next);
    this.waiters.appQCs.reach(this.nextAppQC);
    return true;
  }

  /** Records that block `number` is durable. If the lane has left, no other lane is affected. */
  markBlock(lane: Lane, number: bigint): void {
    lane.markDurable(number + 1n);
    if (!this.holds(lane)) return;
    lane.waiters.durable.reach(lane.durable);
    this.waiters.durableBlocks.release();
  }

  /** Records that a CommitQC is durable. */
  markCommitQC(qc: CommitQC): void {
    if (indexOf(qc) >= this.durableQCs) this.#durableQC = qc;
    this.#qcRounds = this.#qcRounds.filter((end) => end > this.durableQCs);
    this.waiters.durableQCs.reach(this.durableQCs);
  }

  /**
   * Records that an anchor and its CommitQC are durable. Returns the lanes that no committee has
   * now.
   */
  markAnchor(anchor: PruneAnchor): LaneId[] {
    const index = indexOf(anchor.commitQC);
    if (index >= this.durableAnchors) this.#durableAnchor = anchor;
    for (const [lane, start] of this.#starts(anchor)) {
      lane.markAnchored(start);
      lane.waiters.pushedBlocks.reach(lane.blocksDecided);
      lane.waiters.pushedVotes.reach(lane.votesDecided);
      this.wakeProducer(lane);
      if (lane.hasRoom) lane.waiters.room.release();
    }
    this.markCommitQC(anchor.commitQC);
    this.waiters.durableAnchors.reach(index + 1n);
    return this.#retire(index);
  }

  /**
   * Adds the next committee. A lane that leaves with it is returned here or by {@link markAnchor},
   * once the durable anchor has reached the committee's first road.
   */
  changeCommittee(epoch: Epoch): LaneId[] {
    this.epochs.add(epoch);
    this.#openLanes(epoch.firstRoad);
    this.waiters.laneQCs.release();
    return this.#durableAnchor === undefined ? [] : this.#retire(indexOf(this.#durableAnchor.commitQC));
  }

  /**
   * For each lane of the committee after `previous`, the LaneQC of the highest block that can be
   * ordered next: at most {@link BLOCKS_PER_COMMIT} blocks from the end of `previous`, each with a
   * quorum.
   */
  laneQCs(previous: CommitQC | undefined): Map<LaneId, LaneQC> {
    const found = new Map<LaneId, LaneQC>();
    const road = previous === undefined ? -1n : indexOf(previous);
    const committee = this.epochs.at(road + 1n);
    const ends = new Map(previous?.vote.laneRanges.map(({ lane, next }) => [laneIdOf(lane), next] as const));
    for (const id of committee.keys.map(laneIdOf)) {
      const lane = this.lanes.get(id);
      if (lane === undefined) continue;
      const first = (road < lane.firstRoad ? undefined : ends.get(id)) ?? lane.baseline;
      for (let number = first; number < first + BLOCKS_PER_COMMIT; number++) {
        const winner = lane.votes.get(number)?.winner(committee.laneQuorum);
        if (winner === undefined) break;
        found.set(id, { vote: winner.vote, sigs: [...winner.sigs] });
      }
    }
    return found;
  }

  /** The anchor, if it was not handed to the store yet. */
  get anchorToSubmit(): PruneAnchor | undefined {
    return this.#anchorSubmitted === undefined || this.nextAppQC > this.#anchorSubmitted + 1n
      ? this.#anchor
      : undefined;
  }

  /** The next CommitQC to hand to the store. */
  get qcsSubmitted(): bigint {
    return this.#qcsSubmitted;
  }

  /** Number of rounds in progress that carry CommitQCs. */
  get qcRoundsUnderWay(): number {
    return this.#qcRounds.length;
  }

  /** Sets the road of the anchor handed to the store. Returns the previous road, to undo this. */
  submitAnchor(index: bigint | undefined): bigint | undefined {
    const before = this.#anchorSubmitted;
    this.#anchorSubmitted = index;
    return before;
  }

  /** Records that CommitQCs below `next` were handed to the store, in a new round. */
  submitCommitQCs(next: bigint): void {
    this.#qcsSubmitted = maxU64(this.#qcsSubmitted, next);
    this.#qcRounds.push(next);
  }

  /**
   * Records that the store refused the last round: CommitQCs from `from` on are handed over again.
   */
  takeBackCommitQCs(from: bigint): void {
    this.#qcRounds.pop();
    this.#qcsSubmitted = maxU64(from, this.commitQCs.first);
  }

  /** Records that everything loaded is in the store. Returns lanes as {@link markAnchor}. */
  markLoaded(): LaneId[] {
    const { last } = this.commitQCs;
    if (last !== undefined) this.markCommitQC(last);
    this.#qcsSubmitted = this.commitQCs.next;
    for (const lane of this.lanes.values()) {
      lane.submit(lane.blocks.next);
      lane.markDurable(lane.blocks.next);
    }
    if (this.#anchor === undefined) return [];
    this.#anchorSubmitted = indexOf(this.#anchor.commitQC);
    return this.markAnchor(this.#anchor);
  }

  /** Creates the lane `id`, empty, with `first` as its next block. */
  openLaneAt(id: LaneId, first: bigint, firstRoad = 0n): Lane {
    const lane = new Lane(id, first, firstRoad);
    this.lanes.set(id, lane);
    return lane;
  }

  /** The lane with this id in a CommitQC of road `index`; undefined if that lane has left. */
  laneOfRoad(id: LaneId, index: bigint): Lane | undefined {
    const lane = this.lanes.get(id);
    return lane === undefined || index < lane.firstRoad ? undefined : lane;
  }

  /**
   * Wakes the oldest `produceBlock` if there is room; that call must call this again at its end.
   */
  wakeProducer(lane: Lane): void {
    if (lane.hasRoom) lane.waiters.producers.releaseFirst();
  }

  /** The lane starts in an anchor, without lanes that have left. */
  #starts({ commitQC }: PruneAnchor): [Lane, bigint][] {
    const starts: [Lane, bigint][] = [];
    for (const [id, start] of autobahn.commitQC.laneStarts(commitQC)) {
      const lane = this.laneOfRoad(id, indexOf(commitQC));
      if (lane !== undefined) starts.push([lane, start]);
    }
    return starts;
  }

  #pruneLane(lane: Lane, start: bigint): void {
    if (start <= lane.votes.first) return;
    lane.prune(start);
    this.#wakeBlocks(lane);
    lane.waiters.pushedVotes.reach(lane.votesDecided);
    lane.waiters.durable.reach(lane.durable);
  }

  #wakeBlocks(lane: Lane): void {
    lane.waiters.pushedBlocks.reach(lane.blocksDecided);
    lane.waiters.blocks.reach(lane.blocks.next);
    lane.waiters.headers.release();
  }

  #openLanes(firstRoad: bigint): void {
    for (const id of this.epochs.lanes())
      if (!this.lanes.has(id)) this.openLaneAt(id, this.epochs.baseline(id), firstRoad);
  }

  #retire(index: bigint): LaneId[] {
    const gone = this.epochs.retire(index);
    for (const id of gone) {
      const lane = this.lanes.get(id);
      this.lanes.delete(id);
      lane?.waiters.leave(noLane(id));
    }
    return gone;
  }
}

function noLane(id: LaneId): LanestoreError {
  return new LanestoreError('LANESTORE_WRONG_LANE', `no committee has the lane ${id}`);
}

/** The road index of a CommitQC. */
export function indexOf({ vote }: CommitQC): bigint {
  return vote.view.index;
}
