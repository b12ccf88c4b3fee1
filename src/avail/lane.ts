/** One lane in memory: its blocks, the votes for them, and how far the store has come. */
import { type LaneId, laneIdOf, maxU64 } from '../keys/index.js';
import type { BlockHeader, Hash, SignedBlock } from '../model/autobahn/index.js';
import { Queue } from './queue.js';
import { Tally } from './tally.js';
import { LaneWaiters } from './waiters.js';

/** Blocks of one lane that a CommitQC may order (the original's MaxLaneRangeInProposal). */
export const BLOCKS_PER_COMMIT = 10n;

/** Blocks of one lane that are held beyond the durable anchor; so many, and no more, can be there at a restart. */
export const BLOCKS_PER_LANE = 3n * BLOCKS_PER_COMMIT;

/** A block with what was computed when it came. */
export interface HeldBlock {
  readonly signed: SignedBlock;
  /** Of its header. */
  readonly hash: Hash;
  /** Of its record, at most. */
  readonly bytes: number;
}

/** Whether a block or vote can be taken. `wait`: there is no room yet, or blocks before it are missing; `past`: it is not needed any more. */
export type Admission = 'now' | 'wait' | 'past';

/**
 * A lane, from when it joins a committee until it has left all of them. One that joins again is
 * another object under the same id: what was begun with this one (rounds, waiting calls, streams)
 * must never touch that one, so it keeps the object, not the id.
 *
 * Every cursor moves by {@link maxU64}: a late acknowledgement never takes one back.
 */
export class Lane {
  readonly id: LaneId;
  readonly blocks: Queue<HeldBlock>;
  /** By block number; the votes may be ahead of the blocks. */
  readonly votes: Queue<Tally<BlockHeader>>;
  /** Where the lane began, for a lane that no CommitQC has named yet. */
  readonly baseline: bigint;
  /**
   * The road that it joined with: a CommitQC of an earlier road that names its id means a lane that
   * is gone.
   */
  readonly firstRoad: bigint;
  readonly waiters = new LaneWaiters();
  /** Blocks below are durable, or were pruned. */
  #durable: bigint;
  /** Blocks below were handed to the store. */
  #submitted: bigint;
  /** Where the durable anchor has the lane begin: what is admitted is counted from here. */
  #admitted: bigint;
  /** The ends of the rounds under way that carry blocks of this lane, ascending. */
  #rounds: bigint[] = [];

  constructor(id: LaneId, first: bigint, firstRoad = 0n) {
    this.id = id;
    this.baseline = first;
    this.firstRoad = firstRoad;
    this.blocks = new Queue(first);
    this.votes = new Queue(first);
    this.#durable = first;
    this.#submitted = first;
    this.#admitted = first;
  }

  /** True if `key` is the key of this lane's owner. */
  isOf(key: Uint8Array): boolean {
    return laneIdOf(key) === this.id;
  }

  /** Blocks below are durable, or were pruned. */
  get durable(): bigint {
    return this.#durable;
  }

  /** The next block to hand to the store. */
  get submitted(): bigint {
    return this.#submitted;
  }

  /** The first block number that is not admitted yet. */
  get limit(): bigint {
    return this.#admitted + BLOCKS_PER_LANE;
  }

  /** Rounds under way that carry blocks of this lane. */
  get roundsUnderWay(): number {
    return this.#rounds.length;
  }

  /** True if the owner may add a block. */
  get hasRoom(): boolean {
    return this.blocks.next < this.limit;
  }

  /** Whether block `number` can be taken. */
  admitsBlock(number: bigint): Admission {
    if (number < this.blocks.next) return 'past';
    return number === this.blocks.next && this.hasRoom ? 'now' : 'wait';
  }

  /** Whether a vote for block `number` can be taken: the votes of a lane need not come in order. */
  admitsVote(number: bigint): Admission {
    if (number < this.votes.first) return 'past';
    return number < this.limit ? 'now' : 'wait';
  }

  /** {@link admitsBlock} does not say `wait` for blocks up to this one. It never goes back. */
  get blocksDecided(): bigint {
    return this.hasRoom ? this.blocks.next : this.blocks.next - 1n;
  }

  /** {@link admitsVote} does not say `wait` for votes up to this block's. It never goes back. */
  get votesDecided(): bigint {
    return maxU64(this.limit, this.votes.first) - 1n;
  }

  /**
   * True if a block's parent is the last one held. The parent of the first block after a prune is not known any more, and nobody
   * follows its hash: FullCommitQCs end at the first block of their range.
   */
  continuedBy(header: BlockHeader): boolean {
    const { last } = this.blocks;
    return last === undefined || Buffer.compare(header.parentHash, last.hash) === 0;
  }

  /** The votes for block `number`, which {@link admitsVote} admits. */
  tally(number: bigint): Tally<BlockHeader> {
    while (this.votes.next <= number) this.votes.push(new Tally());
    return this.votes.get(number) as Tally<BlockHeader>;
  }

  /** The header of block `number` with that hash, from the block or from a vote. */
  header(number: bigint, hash: Hash): BlockHeader | undefined {
    const held = this.blocks.get(number);
    if (held !== undefined && Buffer.compare(held.hash, hash) === 0) return held.signed.block.header;
    return this.votes.get(number)?.candidate(hexOf(hash))?.vote;
  }

  /** Forgets what is below `first`. */
  prune(first: bigint): void {
    this.blocks.prune(first);
    this.votes.prune(first);
    this.#submitted = maxU64(this.#submitted, first);
    this.markDurable(first);
  }

  /** Blocks below `next` are durable. */
  markDurable(next: bigint): void {
    this.#durable = maxU64(this.#durable, next);
    this.#rounds = this.#rounds.filter((end) => end > this.#durable);
  }

  /** The durable anchor has the lane begin at `start`. */
  markAnchored(start: bigint): void {
    this.#admitted = maxU64(this.#admitted, start);
  }

  /** Blocks below `next` were handed to the store, in a round of their own. */
  submit(next: bigint): void {
    this.#submitted = maxU64(this.#submitted, next);
    this.#rounds.push(next);
  }

  /** The store refused the last round: blocks from `from` on must be handed over again. */
  takeBack(from: bigint): void {
    this.#rounds.pop();
    this.#submitted = maxU64(from, this.blocks.first);
  }
}

/** A hash as a key of maps. */
export function hexOf(hash: Hash): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex');
}
