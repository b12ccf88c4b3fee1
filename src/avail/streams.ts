/** Streams that a node reads from the state: headers to vote for, blocks to send to its peers. */
import { maxU64 } from '../keys/index.js';
import type { BlockHeader, SignedBlock } from '../model/autobahn/index.js';
import type { Inner } from './inner.js';
import type { Lane } from './lane.js';

/** The headers of durable blocks, each once: the blocks that this node may vote for. */
export class HeaderStream {
  readonly #inner: Inner;
  /**
   * The next block of each lane to return. Keyed by object: a lane that leaves and joins again is a
   * new object.
   */
  readonly #next = new WeakMap<Lane, bigint>();

  /** @internal Use `AvailState.headers`. */
  constructor(inner: Inner) {
    this.#inner = inner;
  }

  /**
   * The headers of durable blocks that were not returned before; waits until there is at least one.
   * The first call returns all that are held, so a restarted node votes again. Headers that were
   * pruned are left out: their votes are not needed any more.
   * @throws the signal's reason; the error that stopped the state.
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
 * The blocks of one lane, in order, once they may be sent to peers. The stream ends when its lane
 * leaves; a lane that joins again has a new stream.
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
   * The next block; waits for it. Skips blocks that were pruned meanwhile.
   * @throws LANESTORE_WRONG_LANE once the lane has left; the signal's reason; the error that
   * stopped the state.
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
