/** One lane in memory: its blocks, the votes for them, and the store's progress. */
import { type LaneId, laneIdOf, maxU64 } from '../keys/index.js';
import type { BlockHeader, Hash, SignedBlock } from '../model/autobahn/index.js';
import { Queue } from './queue.js';
import { Tally } from './tally.js';
import { LaneWaiters } from './waiters.js';

/** Blocks of one lane that a CommitQC may order (the original's MaxLaneRangeInProposal). */
export const BLOCKS_PER_COMMIT = 10n;

/**
 * Blocks of one lane that are held beyond the durable anchor. Also the maximum that a restart can
 * find.
 */
export const BLOCKS_PER_LANE = 3n * BLOCKS_PER_COMMIT;

/** A block with values computed on arrival. */
export interface HeldBlock {
  readonly signed: SignedBlock;
  /** Hash of its header. */
  readonly hash: Hash;
  /** Upper bound of the size of its record, in bytes. */
  readonly bytes: number;
}

/**
 * Whether a block or vote can be accepted. `wait`: there is no room yet, or earlier blocks are
 * missing; `past`: it is not needed any more.
 */
export type Admission = 'now' | 'wait' | 'past';

/**
 * A lane, from when it joins a committee until it has left all of them. A lane that joins again is
 * a new object under the same id: rounds, waiting calls and streams of the old lane must never
 * affect the new one, so they refer to the object, not to the id.
 *
 * Every cursor is updated with {@link maxU64}: a late acknowledgement never decreases it.
 */
export class Lane {
  readonly id: LaneId;
  readonly blocks: Queue<HeldBlock>;
  /** By block number; votes may arrive before their blocks. */
  readonly votes: Queue<Tally<BlockHeader>>;
  /** First block number of a lane that no CommitQC has named yet. */
  readonly baseline: bigint;
  /**
   * The first road of the committee with which the lane joined. In a CommitQC of an earlier road,
   * this id denotes an earlier lane.
   */
  readonly firstRoad: bigint;
  readonly waiters = new LaneWaiters();
  /** Blocks below are durable, or were pruned. */
  #durable: bigint;
  /** Blocks below were handed to the store. */
  #submitted: bigint;
  /** The lane's start in the durable anchor; room is counted from here. */
  #admitted: bigint;
  /** The end of each round in progress that carries blocks of this lane, ascending. */
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

  /** The first block number that the lane has no room for. */
  get limit(): bigint {
    return this.#admitted + BLOCKS_PER_LANE;
  }

  /** Number of rounds in progress that carry blocks of this lane. */
  get roundsUnderWay(): number {
    return this.#rounds.length;
  }

  /** True if the owner may add a block. */
  get hasRoom(): boolean {
    return this.blocks.next < this.limit;
  }

  /** Whether block `number` can be accepted. */
  admitsBlock(number: bigint): Admission {
    if (number < this.blocks.next) return 'past';
    return number === this.blocks.next && this.hasRoom ? 'now' : 'wait';
  }

  /** Whether a vote for block `number` can be accepted: votes of a lane need not come in order. */
  admitsVote(number: bigint): Admission {
    if (number < this.votes.first) return 'past';
    return number < this.limit ? 'now' : 'wait';
  }

  /** For blocks up to this one, {@link admitsBlock} does not return `wait`. Never decreases. */
  get blocksDecided(): bigint {
    return this.hasRoom ? this.blocks.next : this.blocks.next - 1n;
  }

  /** For votes up to this block's, {@link admitsVote} does not return `wait`. Never decreases. */
  get votesDecided(): bigint {
    return maxU64(this.limit, this.votes.first) - 1n;
  }

  /**
   * True if a block's parent is the last block held, or if none is held. After a prune, the parent
   * of the first block is unknown; its hash is not needed, because a FullCommitQC ends at the first
   * block of its range.
   */
  continuedBy(header: BlockHeader): boolean {
    const { last } = this.blocks;
    return last === undefined || Buffer.compare(header.parentHash, last.hash) === 0;
  }

  /** The votes for block `number`, which {@link admitsVote} must admit. */
  tally(number: bigint): Tally<BlockHeader> {
    while (this.votes.next <= number) this.votes.push(new Tally());
    return this.votes.get(number) as Tally<BlockHeader>;
  }

  /** The header of block `number` whose hash is `hash`, from the block or from a vote. */
  header(number: bigint, hash: Hash): BlockHeader | undefined {
    const held = this.blocks.get(number);
    if (held !== undefined && Buffer.compare(held.hash, hash) === 0) return held.signed.block.header;
    return this.votes.get(number)?.candidate(hexOf(hash))?.vote;
  }

  /** Drops blocks and votes below `first`. */
  prune(first: bigint): void {
    this.blocks.prune(first);
    this.votes.prune(first);
    this.#submitted = maxU64(this.#submitted, first);
    this.markDurable(first);
  }

  /** Records that blocks below `next` are durable. */
  markDurable(next: bigint): void {
    this.#durable = maxU64(this.#durable, next);
    this.#rounds = this.#rounds.filter((end) => end > this.#durable);
  }

  /** Records that the lane starts at `start` in the durable anchor. */
  markAnchored(start: bigint): void {
    this.#admitted = maxU64(this.#admitted, start);
  }

  /** Records that blocks below `next` were handed to the store, in a new round. */
  submit(next: bigint): void {
    this.#submitted = maxU64(this.#submitted, next);
    this.#rounds.push(next);
  }

  /** Records that the store refused the last round: blocks from `from` on are handed over again. */
  takeBack(from: bigint): void {
    this.#rounds.pop();
    this.#submitted = maxU64(from, this.blocks.first);
  }
}

/** A hash in hex, as a key for maps. */
export function hexOf(hash: Hash): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex');
}
