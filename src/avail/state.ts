/**
 * The availability state of a node at 11419398f (sei-tendermint/internal/autobahn/avail): the
 * blocks of every lane, the CommitQCs, and the votes that make LaneQCs and AppQCs. Everything that
 * it lets the node vote for is durable.
 *
 * Concurrency: every method may be called at any time. A method that waits takes an AbortSignal and
 * rejects with its reason. When the store fails or the state is closed, every waiting and every
 * later call rejects with that error.
 */
import { closeAll } from '../base/close-stack.js';
import { checkSignal, onAbort, throwIfAborted } from '../base/waiters.js';
import { isLanestoreError, LanestoreError } from '../errors.js';
import { type LaneId, laneIdOf } from '../keys/index.js';
import { headerHash, type Payload, publicKeyOf, type SignedBlock, signBlock } from '../model/autobahn/index.js';
import { checkEpoch, type Epoch } from './epochs.js';
import { GuardedLane, nextBlock } from './guarded-lane.js';
import { Inner } from './inner.js';
import type { Lane } from './lane.js';
import { type LoadReport, load } from './load.js';
import {
  type AvailOptions,
  type BlockGuard,
  checkAvailOptions,
  checkOwnOpen,
  checkSigning,
  epochsOf,
  loopLimits,
} from './options.js';
import { type NodeStore, PersistLoop } from './persist-loop.js';
import { AvailPushes } from './pushes.js';

/** See the top of this file. Made by {@link openAvail}. */
export class AvailState extends AvailPushes {
  /** The entries found at start. */
  readonly loaded: LoadReport;
  /** The node's own consensus state as last stored; undefined if none was stored. */
  readonly recoveredInner: Uint8Array | undefined;
  /** Resolves with the error when the store fails or the state is closed. */
  readonly stopped: Promise<unknown>;
  readonly #loop: PersistLoop;
  readonly #guard: BlockGuard | undefined;
  /** Present with a guard. */
  readonly #guarded: GuardedLane | undefined;
  readonly #secret: Uint8Array | undefined;
  /** With a secret: allows a guard to open on the store again. */
  readonly #detach: () => void;
  readonly #store: NodeStore;
  readonly #ownLane: LaneId | undefined;
  readonly #announceReceived: boolean;
  readonly #tellStopped: (error: unknown) => void;
  #error: { readonly error: unknown } | undefined;
  #closing: Promise<void> | undefined;
  /** Aborts when the caller stops waiting for the closing. */
  readonly #givenUp = new AbortController();

  /** @internal Use {@link openAvail}. */
  constructor(options: AvailOptions, detach: () => void) {
    const limits = loopLimits(options);
    const { store, guard, secret } = options;
    const ownKey = guard?.signer ?? (secret === undefined ? undefined : publicKeyOf(secret));
    const ownLane = ownKey === undefined ? undefined : laneIdOf(ownKey);
    super(new Inner(epochsOf(options)), options.announce === 'received' ? undefined : ownLane, limits.bytesMax);
    this.#guarded =
      guard === undefined
        ? undefined
        : new GuardedLane(guard, {
            whenRoom: (lane, use, signal) => this.#whenRoom(lane, use, signal),
            admit: (signed) => void this.admissibleBytes(signed),
            push: (lane, signed) => this.#pushNext(lane, signed),
            untilDurable: (lane, next) => this.untilDurable(lane, next),
          });
    this.#guard = guard;
    this.#secret = secret === undefined ? undefined : new Uint8Array(secret);
    this.#store = store;
    this.#detach = detach;
    this.#ownLane = ownLane;
    this.#announceReceived = options.announce === 'received';
    const { cursors } = store;
    const recovered = store.takeRecovered();
    this.recoveredInner = recovered.inner;
    this.loaded = load(this.inner, { recovered, cursors }, options.verifyLoaded ?? true);
    let tellStopped!: (error: unknown) => void;
    this.stopped = new Promise((resolve) => {
      tellStopped = resolve;
    });
    this.#tellStopped = tellStopped;
    this.#loop = new PersistLoop(this.inner, store, limits, (error) => this.#stop(error));
    this.#loop.dropLanes(this.loaded.departedLanes);
  }

  /** Turns that the persist loop has taken. */
  get turns(): number {
    return this.#loop.turns;
  }

  /**
   * Signs the next block of the node's own lane. Waits until the lane has room; resolves when the
   * block may be sent to peers (see `announce`). Once the block is made, an abort ends only the
   * wait: the block stays, and {@link blocks} returns it.
   *
   * A guard's key may fail to sign (LANESTORE_IO). Then that block stays the next one of the lane:
   * the next call signs it first, and {@link blocks} returns it like any other block.
   * @throws LANESTORE_INVALID without `guard` or `secret`, or for a malformed or oversize payload;
   * LANESTORE_WRONG_LANE if the key is not a validator's; LANESTORE_QUARANTINED and
   * LANESTORE_CONFLICT from the guard.
   */
  async produceBlock(payload: Payload, signal?: AbortSignal): Promise<SignedBlock> {
    this.assertRunning();
    const id = this.#producer();
    const lane = this.inner.lane(id);
    if (this.#guarded !== undefined) return this.#orAborted(this.#guarded.produce(lane, payload, signal), signal);
    const secret = this.#secret as Uint8Array;
    const made = await this.#whenRoom(lane, () => this.#produce(lane, secret, payload), signal);
    if (!this.#announceReceived) await this.untilDurable(lane, made.block.header.blockNumber + 1n, signal);
    return made;
  }

  /**
   * Stores the node's own consensus state: its prepare, commit and timeout votes, before they are
   * sent. Resolves when this state, or a later one, is durable. Copied at the call. The last state
   * wins; while the store has no room, only the bytes of the last one are kept. An abort ends only
   * the wait: the state may still be stored, so its votes count as given.
   * @throws LANESTORE_INVALID for more bytes than the store's `maxInnerBytes`; LANESTORE_CAPACITY
   * when 65,536 calls wait already.
   */
  async persistInner(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.assertRunning();
    throwIfAborted(signal);
    if (!(bytes instanceof Uint8Array)) throw new TypeError('the consensus state must be a Uint8Array');
    // Not awaited: a function that waits here would keep the caller's bytes.
    return this.#loop.persistInner(bytes, signal);
  }

  /**
   * Changes the committee from road `epoch.firstRoad` on. New lanes begin at their baseline. Lanes
   * that are not in the new committee are dropped, also from the store, once the durable anchor has
   * reached that road.
   * @throws LANESTORE_INVALID if the road is not after the newest committee's.
   */
  changeCommittee(epoch: Epoch): void {
    this.assertRunning();
    checkEpoch(epoch, 'changeCommittee: epoch');
    this.#loop.dropLanes(this.inner.changeCommittee(epoch));
  }

  /**
   * Resolves when everything pushed before the call is durable, and the lanes removed before the
   * call are dropped from the store. Later pushes do not delay it. An entry that an anchor prunes
   * meanwhile counts as durable once the anchor is durable.
   * @throws the signal's reason; the error that stopped the state.
   */
  async flush(signal?: AbortSignal): Promise<void> {
    this.assertRunning();
    throwIfAborted(signal);
    const { lanes, commitQCs, nextAppQC, waiters } = this.inner;
    const [handedOver, nextQC] = [this.#loop.handedOver, commitQCs.next];
    const ends = [...lanes.values()].map((lane) => [lane, lane.blocks.next] as const);
    for (const [lane, next] of ends) if (lane.durable < next) await this.#durableOrGone(lane, next, signal);
    this.assertRunning();
    if (this.inner.durableQCs < nextQC) await waiters.durableQCs.wait(nextQC, signal);
    this.assertRunning();
    if (this.inner.durableAnchors < nextAppQC) await waiters.durableAnchors.wait(nextAppQC, signal);
    this.assertRunning();
    await this.#loop.settled(handedOver, signal);
  }

  /**
   * Accepts nothing more: every waiting and every later call rejects with LANESTORE_CLOSED; waiting
   * calls of {@link persistInner} continue. Resolves when everything pushed is durable, or the
   * store has failed. It may wait without end while the store has no room: pass a signal.
   *
   * When a signal of any of its calls aborts, the closing ends for all of them with that signal's
   * reason. Then:
   * - Durable: everything that {@link headers}, {@link lastCommitQC} and {@link produceBlock} have
   *   returned, and every state whose `persistInner` has resolved. Nothing is lost that this node
   *   may have voted for, based a road on, or announced as its own.
   * - Lost: everything not yet handed to the store. These are pushed blocks, CommitQCs and an
   *   anchor (`added` means accepted, not durable), and a consensus state whose `persistInner` now
   *   rejects with LANESTORE_CLOSED. With `announce: 'received'` they may include own blocks that
   *   peers already have. Entries handed to the store earlier may or may not become durable: the
   *   store's `close` waits for them, and the next open shows the result.
   * - Released: the waiting calls, the consensus states, and the wait for room in the store. The
   *   state makes no further call to the store, so the store can be closed at once.
   *
   * The store stays open: close it afterwards. Idempotent.
   * @throws the reason of a signal that aborted before the end.
   */
  async close(signal?: AbortSignal): Promise<void> {
    if (signal !== undefined) checkSignal(signal);
    this.#closing ??= this.#close();
    if (signal === undefined) return this.#closing;
    if (signal.aborted) {
      this.#givenUp.abort(signal.reason);
      return this.#closing;
    }
    const forget = onAbort(signal, () => this.#givenUp.abort(signal.reason));
    return this.#closing.finally(forget);
  }

  async #close(): Promise<void> {
    const error = new LanestoreError('LANESTORE_CLOSED', 'the availability state is closed');
    if (this.#error === undefined) {
      this.#error = { error };
      this.inner.stop(error);
    }
    const idle = () => this.#loop.idle(this.#givenUp.signal);
    await closeAll([idle, () => this.#loop.stop(error), () => this.#tellStopped(error), this.#detach]);
  }

  #stop(error: unknown): void {
    this.#error ??= { error };
    this.#loop.stop(error);
    this.inner.stop(error);
    this.#tellStopped(error);
  }

  protected override assertRunning(): void {
    if (this.#error !== undefined) throw this.#error.error;
  }

  protected override async untilWitnessed(signal: AbortSignal | undefined): Promise<void> {
    const guard = this.#guard;
    while (guard !== undefined) {
      this.assertRunning();
      try {
        return await this.#orAborted(guard.witnessed(), signal);
      } catch (error) {
        // The sinks may be back the next time; each call waits for them.
        if (!isLanestoreError(error, 'LANESTORE_IO')) throw error;
      }
    }
  }

  protected override kick(): void {
    this.#loop.kick();
  }

  #producer(): LaneId {
    if (this.#ownLane === undefined) {
      throw new LanestoreError('LANESTORE_INVALID', 'without `guard` or `secret` this node produces no blocks');
    }
    return this.#ownLane;
  }

  /**
   * Resolves when the blocks of a lane below `next` are durable or pruned, or the lane has left the
   * committee.
   */
  async #durableOrGone(lane: Lane, next: bigint, signal: AbortSignal | undefined): Promise<void> {
    this.assertRunning();
    if (!this.inner.holds(lane)) return;
    try {
      await lane.waiters.durable.wait(next, signal);
    } catch (error) {
      if (this.#error !== undefined || signal?.aborted || this.inner.holds(lane)) throw error;
    }
  }

  /**
   * Returns the result of `use`, called once the lane has room for a block. Calls proceed one at a
   * time, in the order in which they were made.
   */
  async #whenRoom<T>(lane: Lane, use: () => T, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await this.inner.untilOf(
        lane,
        () => (lane.hasRoom ? use() : undefined),
        (ending) => lane.waiters.producers.wait(ending),
        signal,
      );
    } finally {
      // Also after a failure of this call: the room that it was woken for goes to the next call.
      this.inner.wakeProducer(lane);
    }
  }

  #produce(lane: Lane, secret: Uint8Array, payload: Payload): SignedBlock {
    checkOwnOpen(this.#store);
    const signed = signBlock(secret, nextBlock(lane, publicKeyOf(secret), payload));
    this.#push(lane, signed);
    return signed;
  }

  /**
   * @throws LANESTORE_CONFLICT if the lane now has another block in that place, or has left the
   * committee.
   */
  #pushNext(lane: Lane, signed: SignedBlock): void {
    this.assertRunning();
    if (!this.inner.holds(lane) || lane.blocks.next !== signed.block.header.blockNumber) {
      throw new LanestoreError('LANESTORE_CONFLICT', 'the own lane went on while its next block was signed');
    }
    this.#push(lane, signed);
  }

  #push(lane: Lane, signed: SignedBlock): void {
    const bytes = this.admissibleBytes(signed);
    this.inner.pushBlock(lane, { signed, hash: headerHash(signed.block.header), bytes });
    this.kick();
  }

  /** The result of `released`, unless the signal aborts first. */
  #orAborted<T>(released: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal === undefined) return released;
    return new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      const forget = onAbort(signal, () => reject(signal.reason));
      released.then(resolve, reject).finally(forget);
    });
  }
}

/**
 * Opens the availability state on a store: takes the recovered entries, checks them, and starts the
 * persist loop.
 * @throws LANESTORE_CORRUPT with findings if the stored entries cannot be this node's;
 * LANESTORE_INVALID for options.
 * @example
 * ```ts
 * import { autobahn, Committee, openAvail, openLevel, publicKeyOf } from 'lanestore';
 *
 * const secret = new Uint8Array(32).fill(1);
 * const store = await openLevel('validator', { model: autobahn });
 * const committee = new Committee([publicKeyOf(secret)]);
 * const state = await openAvail({ store, committee, secret });
 * const createdAt = { seconds: 0n, nanos: 0 };
 * const payload = { createdAt, totalGas: 0n, edgeCount: 0n, basefee: 0n, txs: [] };
 * const { block } = await state.produceBlock(payload); // may be sent to peers
 * console.log(`block ${block.header.blockNumber}`);
 * await state.close();
 * await store.close();
 * ```
 */
export async function openAvail(options: AvailOptions): Promise<AvailState> {
  checkAvailOptions(options, 'openAvail: options');
  checkSigning(options);
  const { store, secret } = options;
  // Only one component may sign with the key at a time.
  const attached = secret === undefined ? undefined : store.votes?.attach();
  const detach = () => attached?.();
  try {
    return new AvailState(options, detach);
  } catch (error) {
    detach();
    throw error;
  }
}
