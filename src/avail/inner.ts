/**
 * The availability state itself: lanes, CommitQCs, votes, the latest anchor, and what of it is
 * durable. No I/O, no verification: callers verify first, and wait where {@link Lane.admitsBlock}
 * says so. Each change wakes the callers whose wait it may end.
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

/** See the top of this file. */
export class Inner {
  readonly epochs: Epochs;
  readonly lanes = new Map<LaneId, Lane>();
  readonly commitQCs = new Queue<CommitQC>();
  readonly waiters = new AvailWaiters();
  /** App votes by global block number, above those that the anchor settles. */
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

  /** The lane of that id. @throws LANESTORE_WRONG_LANE if no committee has it. */
  lane(id: LaneId): Lane {
    const lane = this.lanes.get(id);
    if (lane === undefined) throw noLane(id);
    return lane;
  }

  /** True as long as a lane has not left all committees. One that joined again is another lane. */
  holds(lane: Lane): boolean {
    return this.lanes.get(lane.id) === lane;
  }

  /**
   * What `check` gives, as {@link AvailWaiters.until}, unless the lane has left.
   * @throws LANESTORE_WRONG_LANE then.
   */
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

  /** Rejects every call that waits, and that will. */
  stop(error: unknown): void {
    this.waiters.stop(error);
    for (const lane of this.lanes.values()) lane.waiters.refuse(error);
  }

  /** Adds a block that its lane admits now and that continues it. */
  pushBlock(lane: Lane, block: HeldBlock): void {
    lane.blocks.push(block);
    this.#wakeBlocks(lane);
  }

  /** Counts a vote that its lane admits now. */
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
   * Forgets what an anchor makes unnecessary: lanes below where its CommitQC has them begin, CommitQCs below it. False if it is not
   * newer than the latest one.
   * @throws LANESTORE_INVALID if its AppQC and its CommitQC are for different roads; then nothing has changed.
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

  /**
   * Block `number` of a lane is durable. The lane may have left meanwhile; then nothing else
   * changes, even if its id has joined again.
   */
  markBlock(lane: Lane, number: bigint): void {
    lane.markDurable(number + 1n);
    if (!this.holds(lane)) return;
    lane.waiters.durable.reach(lane.durable);
    this.waiters.durableBlocks.release();
  }

  /** A CommitQC is durable. */
  markCommitQC(qc: CommitQC): void {
    if (indexOf(qc) >= this.durableQCs) this.#durableQC = qc;
    this.#qcRounds = this.#qcRounds.filter((end) => end > this.durableQCs);
    this.waiters.durableQCs.reach(this.durableQCs);
  }

  /** An anchor is durable, and its CommitQC with it. Returns the lanes that it lets go: nobody has them any more. */
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

  /** Lets the next committee in; lanes that it has no more go when the durable anchor reaches its first road. */
  changeCommittee(epoch: Epoch): LaneId[] {
    this.epochs.add(epoch);
    this.#openLanes(epoch.firstRoad);
    this.waiters.laneQCs.release();
    return this.#durableAnchor === undefined ? [] : this.#retire(indexOf(this.#durableAnchor.commitQC));
  }

  /**
   * For each lane of the committee that decides after `previous`, the highest block that a LaneQC can order next: at most
   * {@link BLOCKS_PER_COMMIT} from where `previous` ended, each of them with a quorum.
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

  /** The anchor, if the store does not have it yet. */
  get anchorToSubmit(): PruneAnchor | undefined {
    return this.#anchorSubmitted === undefined || this.nextAppQC > this.#anchorSubmitted + 1n
      ? this.#anchor
      : undefined;
  }

  /** The next CommitQC to hand to the store. */
  get qcsSubmitted(): bigint {
    return this.#qcsSubmitted;
  }

  /** Rounds under way that carry CommitQCs. */
  get qcRoundsUnderWay(): number {
    return this.#qcRounds.length;
  }

  /** The anchor of road `index` was handed to the store; or, with what was there before, taken back. */
  submitAnchor(index: bigint | undefined): bigint | undefined {
    const before = this.#anchorSubmitted;
    this.#anchorSubmitted = index;
    return before;
  }

  /** CommitQCs below `next` were handed to the store in a round of their own. */
  submitCommitQCs(next: bigint): void {
    this.#qcsSubmitted = maxU64(this.#qcsSubmitted, next);
    this.#qcRounds.push(next);
  }

  /** The store refused the last round: CommitQCs from `from` on must be handed over again. */
  takeBackCommitQCs(from: bigint): void {
    this.#qcRounds.pop();
    this.#qcsSubmitted = maxU64(from, this.commitQCs.first);
  }

  /** What was read back is durable, and the store has it: nothing of it is handed over again. Returns lanes as {@link markAnchor}. */
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

  /** Gives a lane that a store remembers a place to begin at, before anything is in it. */
  openLaneAt(id: LaneId, first: bigint, firstRoad = 0n): Lane {
    const lane = new Lane(id, first, firstRoad);
    this.lanes.set(id, lane);
    return lane;
  }

  /**
   * The lane that a CommitQC of road `index` means by `id`; undefined if it has left, even if its
   * id has joined again.
   */
  laneOfRoad(id: LaneId, index: bigint): Lane | undefined {
    const lane = this.lanes.get(id);
    return lane === undefined || index < lane.firstRoad ? undefined : lane;
  }

  /**
   * Lets the call of `produceBlock` go on that has waited longest, if there is room. It must call
   * this again once it has ended.
   */
  wakeProducer(lane: Lane): void {
    if (lane.hasRoom) lane.waiters.producers.releaseFirst();
  }

  /** Where an anchor has lanes begin, without those that have left. */
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
