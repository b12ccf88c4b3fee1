/**
 * Reads of the availability state. A result that leads to a vote or a message is returned only once
 * it is durable.
 */
import { appendAll } from '../base/lists.js';
import { type LaneId, laneIdOf } from '../keys/index.js';
import type {
  AppQC,
  BlockHeader,
  CommitQC,
  FullCommitQC,
  LaneQC,
  LaneRange,
  PruneAnchor,
  SignedBlock,
} from '../model/autobahn/index.js';
import { type Inner, indexOf } from './inner.js';
import type { Lane } from './lane.js';
import { BlockStream, HeaderStream } from './streams.js';

/** The reads of a state; `AvailState` adds the methods that change it. */
export abstract class AvailReads {
  protected readonly inner: Inner;
  /** The lane whose blocks are returned only once they are durable: the node's own. */
  readonly #gatedLane: LaneId | undefined;

  protected constructor(inner: Inner, gatedLane: LaneId | undefined) {
    this.inner = inner;
    this.#gatedLane = gatedLane;
  }

  /** Number of times that a waiting call was woken to check its condition again. */
  get looks(): number {
    return this.inner.waiters.looks;
  }

  /** The lanes of all current committees. */
  get lanes(): LaneId[] {
    return [...this.inner.lanes.keys()];
  }

  /** The road index of the oldest CommitQC held, or of the next one if none is held. */
  get firstCommitQC(): bigint {
    return this.inner.commitQCs.first;
  }

  /** The latest durable CommitQC: the node may enter the road index after it. */
  get lastCommitQC(): CommitQC | undefined {
    return this.inner.durableQC;
  }

  /** The road index of the next CommitQC to push. */
  get nextCommitQC(): bigint {
    return this.inner.commitQCs.next;
  }

  /** The latest AppQC, durable or not. */
  get lastAppQC(): AppQC | undefined {
    return this.inner.anchor?.appQC;
  }

  /** The latest durable anchor. */
  get durableAnchor(): PruneAnchor | undefined {
    return this.inner.durableAnchor;
  }

  /**
   * The block numbers of a lane: the oldest held, the next one to come, and the first that is not
   * durable.
   * @throws LANESTORE_WRONG_LANE
   */
  range(lane: LaneId): { readonly first: bigint; readonly next: bigint; readonly durable: bigint } {
    const { blocks, durable } = this.inner.lane(lane);
    return { first: blocks.first, next: blocks.next, durable };
  }

  /** The number of a lane's next block. @throws LANESTORE_WRONG_LANE */
  nextBlock(lane: LaneId): bigint {
    return this.inner.lane(lane).blocks.next;
  }

  /** Resolves when the owner of a lane may add a block. @throws LANESTORE_WRONG_LANE */
  async waitForCapacity(lane: LaneId, signal?: AbortSignal): Promise<void> {
    const held = this.inner.lane(lane);
    await this.inner.untilOf(
      held,
      () => held.hasRoom || undefined,
      (ending) => held.waiters.room.wait(ending),
      signal,
    );
  }

  /** The latest AppQC, with its CommitQC; waits until it is for road `index` or a later one. */
  waitForAppQC(index: bigint, signal?: AbortSignal): Promise<PruneAnchor> {
    const { waiters } = this.inner;
    return waiters.until(
      () => (this.inner.nextAppQC > index ? this.inner.anchor : undefined),
      (ending) => waiters.appQCs.wait(index + 1n, ending),
      signal,
    );
  }

  /**
   * LaneQCs for blocks that `previous` has not ordered, at most 10 blocks ahead in each lane; waits
   * until there is one for at least one lane.
   */
  waitForLaneQCs(previous: CommitQC | undefined, signal?: AbortSignal): Promise<Map<LaneId, LaneQC>> {
    const { waiters } = this.inner;
    return waiters.until(
      () => {
        const found = this.inner.laneQCs(previous);
        return found.size > 0 ? found : undefined;
      },
      (ending) => waiters.laneQCs.wait(ending),
      signal,
    );
  }

  /**
   * The latest durable CommitQC; waits until it is that of road `index` or a later one. The node
   * may then enter the road after it.
   */
  waitForCommitQC(index: bigint, signal?: AbortSignal): Promise<CommitQC> {
    const { waiters } = this.inner;
    return waiters.until(
      () => (this.inner.durableQCs > index ? this.inner.durableQC : undefined),
      (ending) => waiters.durableQCs.wait(index + 1n, ending),
      signal,
    );
  }

  /** The CommitQC of road `index`, once it is durable; undefined if it was pruned. */
  async commitQC(index: bigint, signal?: AbortSignal): Promise<CommitQC | undefined> {
    await this.waitForCommitQC(index, signal);
    return this.inner.commitQCs.get(index);
  }

  /**
   * The CommitQC of road `index` with the headers of the blocks that it orders; waits until it is
   * durable and the headers are known, from blocks or from votes. Undefined if it was pruned.
   */
  async fullCommitQC(index: bigint, signal?: AbortSignal): Promise<FullCommitQC | undefined> {
    const qc = await this.commitQC(index, signal);
    return qc === undefined ? undefined : fullCommitQC(this.inner, qc, signal);
  }

  /**
   * Block `number` of a lane; waits until it is held, and, in the node's own lane, until it may be
   * sent to peers (see `announce`). Undefined if it was pruned.
   * @throws LANESTORE_WRONG_LANE
   */
  async block(lane: LaneId, number: bigint, signal?: AbortSignal): Promise<SignedBlock | undefined> {
    return this.#block(this.inner.lane(lane), number, signal);
  }

  /**
   * The blocks of a lane from number `first` on (default: the oldest held), each under the
   * conditions of {@link block}.
   * @throws LANESTORE_WRONG_LANE
   */
  blocks(lane: LaneId, first?: bigint): BlockStream {
    const held = this.inner.lane(lane);
    const block = (number: bigint, signal?: AbortSignal) => this.#block(held, number, signal);
    return new BlockStream(block, () => held.blocks.first, first ?? held.blocks.first);
  }

  /** The headers that this node may vote for, each once. */
  headers(): HeaderStream {
    return new HeaderStream(this.inner);
  }

  /**
   * Resolves when the blocks of a lane below `next` are durable, or were pruned.
   * @throws LANESTORE_WRONG_LANE once the lane has left.
   */
  protected async untilDurable(lane: Lane, next: bigint, signal?: AbortSignal): Promise<void> {
    await this.inner.untilOf(
      lane,
      () => lane.durable >= next || undefined,
      (ending) => lane.waiters.durable.wait(next, ending),
      signal,
    );
  }

  /**
   * Resolves when what is durable may be sent to peers.
   * @throws LANESTORE_FENCED, LANESTORE_CLOSED of the guard.
   */
  protected abstract untilWitnessed(signal: AbortSignal | undefined): Promise<void>;

  async #block(lane: Lane, number: bigint, signal: AbortSignal | undefined): Promise<SignedBlock | undefined> {
    const next = number + 1n;
    if (lane.id === this.#gatedLane) {
      await this.untilDurable(lane, next, signal);
      await this.untilWitnessed(signal);
    } else
      await this.inner.untilOf(
        lane,
        () => lane.blocks.next >= next || undefined,
        (ending) => lane.waiters.blocks.wait(next, ending),
        signal,
      );
    return lane.blocks.get(number)?.signed;
  }
}

/**
 * A CommitQC with its headers, in the order of its lanes; waits until they are known. Undefined if
 * one of the lanes was pruned.
 */
async function fullCommitQC(inner: Inner, qc: CommitQC, signal?: AbortSignal): Promise<FullCommitQC | undefined> {
  const headers: BlockHeader[] = [];
  // Looked up before the first wait: afterwards an id may name a lane that has joined again.
  const lanes = qc.vote.laneRanges.map(({ lane }) => inner.laneOfRoad(laneIdOf(lane), indexOf(qc)));
  for (const [i, range] of qc.vote.laneRanges.entries()) {
    const found = await rangeHeaders(inner, lanes[i], range, signal);
    if (found === undefined) return undefined;
    appendAll(headers, found);
  }
  return { qc, headers };
}

/** The headers of one range, found backwards from its last hash: each header names its parent. */
async function rangeHeaders(
  inner: Inner,
  lane: Lane | undefined,
  { first, next, lastHash }: LaneRange,
  signal?: AbortSignal,
): Promise<BlockHeader[] | undefined> {
  if (first === next) return [];
  if (lane === undefined) return undefined;
  const headers: BlockHeader[] = [];
  let wanted = lastHash;
  for (let number = next - 1n; number >= first; number--) {
    const header = await inner.waiters.until(
      () => (inner.holds(lane) && lane.votes.first <= first ? lane.header(number, wanted) : 'pruned'),
      (ending) => lane.waiters.headers.wait(ending),
      signal,
    );
    if (header === 'pruned') return undefined;
    headers.push(header);
    wanted = header.parentHash;
  }
  return headers.reverse();
}
