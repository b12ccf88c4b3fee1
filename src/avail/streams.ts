/** What a node reads from the state again and again: headers to vote for, blocks to send to its peers. */
import { maxU64 } from '../keys/index.js';
import type { BlockHeader, SignedBlock } from '../model/autobahn/index.js';
import type { Inner } from './inner.js';
import type { Lane } from './lane.js';

/** The headers of blocks that have become durable, each once: what this node may vote for. */
export class HeaderStream {
  readonly #inner: Inner;
  /** A lane that leaves and joins again is another one. */
  readonly #next = new WeakMap<Lane, bigint>();

  /** @internal Use `AvailState.headers`. */
  constructor(inner: Inner) {
    this.#inner = inner;
  }

  /**
   * The headers that are durable and were not received before, at least one; waits for it. They begin with all that are held, so
   * that a restarted node votes again. Pruned ones are left out: nobody needs those votes.
   * @throws the signal's reason; what stopped the state.
   */
  receiveBatch(signal?: AbortSignal): Promise<BlockHeader[]> {
    const { waiters } = this.#inner;
    return waiters.until(
      () => this.#take(),
      (ending) => waiters.durableBlocks.wait(ending),
      signal,
    );
  }

  #take(): BlockHeader[] | undefined {
    const headers: BlockHeader[] = [];
    for (const lane of this.#inner.lanes.values()) {
      const { blocks, durable } = lane;
      let number = maxU64(this.#next.get(lane) ?? 0n, blocks.first);
      for (; number < durable; number++) {
        const held = blocks.get(number);
        if (held !== undefined) headers.push(held.signed.block.header);
      }
      this.#next.set(lane, number);
    }
    return headers.length > 0 ? headers : undefined;
  }
}

/**
 * The blocks of one lane in order, as they may be sent to peers. It ends with its lane: of one that
 * joins again there is another stream.
 */
export class BlockStream {
  readonly #block: (number: bigint, signal?: AbortSignal) => Promise<SignedBlock | undefined>;
  readonly #first: () => bigint;
  #next: bigint;

  /** @internal Use `AvailState.blocks`. */
  constructor(
    block: (number: bigint, signal?: AbortSignal) => Promise<SignedBlock | undefined>,
    first: () => bigint,
    next: bigint,
  ) {
    this.#block = block;
    this.#first = first;
    this.#next = next;
  }

  /**
   * The next block; waits for it. What was pruned meanwhile is passed over.
   * @throws LANESTORE_WRONG_LANE once the lane has left; the signal's reason; what stopped the
   * state.
   */
  async receive(signal?: AbortSignal): Promise<SignedBlock> {
    for (;;) {
      const block = await this.#block(this.#next, signal);
      if (block !== undefined) {
        this.#next++;
        return block;
      }
      this.#next = maxU64(this.#next + 1n, this.#first());
    }
  }
}
