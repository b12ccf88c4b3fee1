/**
 * The own lane of a node with a guard: one block is signed at a time, for each names the one before
 * it.
 */
import { Mutex } from '../base/mutex.js';
import { throwIfAborted } from '../base/waiters.js';
import { LanestoreError } from '../errors.js';
import {
  type Block,
  HASH_BYTES,
  type Payload,
  payloadHash,
  SIGNATURE_BYTES,
  type SignedBlock,
} from '../model/autobahn/index.js';
import type { Lane } from './lane.js';
import type { BlockGuard } from './options.js';

/** Calls that wait. */
const CALLS_MAX = 65_536;

/** What the state does for it. */
export interface OwnLaneState {
  /** What `use` gives, once the lane has room for a block. */
  whenRoom<T>(lane: Lane, use: () => T, signal: AbortSignal | undefined): Promise<T>;
  /** @throws LANESTORE_INVALID for a block that the store would not take. */
  admit(signed: SignedBlock): void;
  /** Puts the next block into its place. @throws if that is taken. */
  push(lane: Lane, signed: SignedBlock): void;
  untilDurable(lane: Lane, next: bigint): Promise<void>;
}

/** See the top of this file. */
export class GuardedLane {
  readonly #guard: BlockGuard;
  readonly #state: OwnLaneState;
  readonly #turns = new Mutex();
  #calls = 0;
  /** The next block, while the key has not signed it: another one in its place would be refused. */
  #unsigned: { readonly lane: Lane; readonly block: Block } | undefined;

  constructor(guard: BlockGuard, state: OwnLaneState) {
    this.#guard = guard;
    this.#state = state;
  }

  /** Signs blocks until one with `payload` is signed; gives it once the guard lets it go. */
  async produce(lane: Lane, payload: Payload, signal: AbortSignal | undefined): Promise<SignedBlock> {
    if (this.#calls >= CALLS_MAX) {
      throw new LanestoreError('LANESTORE_CAPACITY', `${CALLS_MAX} calls of produceBlock wait already`);
    }
    this.#calls++;
    try {
      const { released } = await this.#turns.run(async () => {
        throwIfAborted(signal);
        const left = this.#unsigned;
        if (left?.lane === lane && left.block.header.blockNumber === lane.blocks.next) {
          await this.#state.whenRoom(lane, () => true, signal);
          await this.#sign(lane, left.block);
        }
        const next = await this.#state.whenRoom(lane, () => nextBlock(lane, this.#guard.signer, payload), signal);
        return this.#sign(lane, next);
      });
      return await released;
    } finally {
      this.#calls--;
    }
  }

  /** Resolves when the block is signed and in its place; `released` when it may be sent. */
  #sign(lane: Lane, block: Block): Promise<{ readonly released: Promise<SignedBlock> }> {
    const key = this.#guard.signer;
    // Before the key sees it: a block that the lane would refuse must not be signed.
    this.#state.admit({ block, sig: { key, sig: new Uint8Array(SIGNATURE_BYTES) } });
    this.#unsigned = { lane, block };
    return new Promise((resolve, reject) => {
      const released = this.#guard.ownBlock({ kind: 'laneProposal', value: block }, async (signed) => {
        this.#state.push(lane, signed);
        this.#unsigned = undefined;
        resolve({ released });
        await this.#state.untilDurable(lane, block.header.blockNumber + 1n);
      });
      // Before the block is in its place this call fails with it; afterwards the one that waits for
      // `released` does.
      released.catch(reject);
    });
  }
}

/** The next block of a lane, to be signed. */
export function nextBlock(lane: Lane, key: Uint8Array, payload: Payload): Block {
  const header = {
    lane: key,
    blockNumber: lane.blocks.next,
    parentHash: lane.blocks.last?.hash ?? new Uint8Array(HASH_BYTES),
    payloadHash: payloadHash(payload),
  };
  return { header, payload };
}
