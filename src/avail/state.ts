/**
 * The availability state of a node at 11419398f (sei-tendermint/internal/autobahn/avail): what it holds of every lane, the CommitQCs,
 * the votes that make LaneQCs and AppQCs; and the promise that whatever it lets the node vote for is durable.
 *
 * Concurrency: every method may be called at any time. What waits takes an AbortSignal and rejects with its reason; when the store
 * fails or the state is closed, everything that waits, and every later call, rejects with that error.
 */
import { LanestoreError } from '../errors.js';
import { type LaneId, laneIdOf } from '../keys/index.js';
import {
  type AppQC,
  type CommitQC,
  type Committee,
  codecs,
  HASH_BYTES,
  headerHash,
  type Payload,
  type PruneAnchor,
  payloadHash,
  publicKeyOf,
  type SignedBlock,
  type SignedMsg,
  signBlock,
  verifyAnchor,
  verifyAppProposal,
  verifyCommitQC,
  verifySignedBlock,
  verifySignedMsg,
} from '../model/autobahn/index.js';
import { checkEpoch, type Epoch } from './epochs.js';
import { Inner, indexOf } from './inner.js';
import { hexOf, type Lane } from './lane.js';
import { type LoadReport, load } from './load.js';
import { type AvailOptions, checkAvailOptions, epochsOf, loopLimits } from './options.js';
import { PersistLoop } from './persist-loop.js';
import { AvailReads } from './reads.js';
import { blockBytes } from './sizes.js';
import { messageHashHex, type SignedAppVote, type SignedLaneVote, voteOf } from './votes.js';
import { unlessAborted, Waiters } from './waiters.js';

/**
 * What became of something pushed. `known`: it was there already, or is not needed any more. `dropped`: it contradicts what is held,
 * so its sender or signer equivocates or errs; it is counted, and is no reason to part with the peer that passed it on.
 */
export type Pushed = 'added' | 'known' | 'dropped';

/** What was dropped, since the state was opened. */
export interface DropCounts {
  /** Blocks whose parent is not the block before them. */
  readonly badParents: number;
  /** Blocks, or votes, where the same signer had another one in the same place. */
  readonly equivocations: number;
}

/** See the top of this file. Made by {@link openAvail}. */
export class AvailState extends AvailReads {
  /** What was there at start. */
  readonly loaded: LoadReport;
  /** The node's own consensus state as it was stored last, if it was. */
  readonly recoveredInner: Uint8Array | undefined;
  /** Resolves with the error when the store fails or the state is closed. */
  readonly stopped: Promise<unknown>;
  readonly #loop: PersistLoop;
  readonly #secret: Uint8Array | undefined;
  readonly #ownLane: LaneId | undefined;
  readonly #announceReceived: boolean;
  readonly #maxBlockBytes: number;
  readonly #tellStopped: (error: unknown) => void;
  #dropped: { badParents: number; equivocations: number } = { badParents: 0, equivocations: 0 };
  #error: { readonly error: unknown } | undefined;
  #closing: Promise<void> | undefined;

  /** @internal Use {@link openAvail}. */
  constructor(options: AvailOptions) {
    const limits = loopLimits(options);
    const { store, secret } = options;
    const ownLane = secret === undefined ? undefined : laneIdOf(publicKeyOf(secret));
    const waiters = new Waiters();
    const inner = new Inner(epochsOf(options), (topic) => waiters.wake(topic));
    super(inner, waiters, options.announce === 'received' ? undefined : ownLane);
    this.#secret = secret === undefined ? undefined : new Uint8Array(secret);
    this.#ownLane = ownLane;
    this.#announceReceived = options.announce === 'received';
    this.#maxBlockBytes = limits.bytesMax;
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

  /** What was dropped. */
  get dropped(): DropCounts {
    return { ...this.#dropped };
  }

  /** Turns that the persist loop has taken. */
  get turns(): number {
    return this.#loop.turns;
  }

  /**
   * Takes a block of any lane. Waits until the blocks before it are there and the lane has room: 30 blocks beyond where the durable
   * anchor has it begin. A block whose parent is not the one before it is dropped.
   * @throws LANESTORE_WRONG_LANE for an unknown lane, LANESTORE_VERIFY for a wrong signer, payload hash or signature, LANESTORE_INVALID
   * for a malformed or oversize block.
   */
  async pushBlock(signed: SignedBlock, signal?: AbortSignal): Promise<Pushed> {
    this.#assertRunning();
    codecs.signedBlock.check(signed);
    const bytes = this.#admissibleBytes(signed);
    const { header } = signed.block;
    const id = laneIdOf(header.lane);
    if (this.#isHeld(this.inner.lane(id), signed)) return 'known';
    verifySignedBlock(signed, this.#committeeOf(header.lane));
    const hash = headerHash(header);
    return this.waiters.until(
      [`blocks ${id}`, `capacity ${id}`],
      () => {
        const lane = this.inner.lane(id);
        const admission = lane.admitsBlock(header.blockNumber);
        if (admission === 'wait') return undefined;
        if (admission === 'past') return this.#past(lane, header.blockNumber, hash);
        if (!lane.continuedBy(header)) {
          this.#dropped.badParents++;
          return 'dropped';
        }
        this.inner.pushBlock(lane, { signed, hash, bytes });
        this.#loop.kick();
        return 'added';
      },
      signal,
    );
  }

  /**
   * Signs the next block of the node's own lane. Waits until the lane has room; resolves when the block may be sent to peers (see
   * `announce`). Once the block is made an abort only ends the waiting: the block stays, and {@link blocks} hands it out.
   * @throws LANESTORE_INVALID without `secret`, or for a malformed or oversize payload; LANESTORE_WRONG_LANE for one who is no validator.
   */
  async produceBlock(payload: Payload, signal?: AbortSignal): Promise<SignedBlock> {
    this.#assertRunning();
    const { secret, id } = this.#producer();
    const made = await this.waiters.until(
      [`blocks ${id}`, `capacity ${id}`],
      () => {
        const lane = this.inner.lane(id);
        return lane.hasRoom ? this.#produce(lane, secret, payload) : undefined;
      },
      signal,
    );
    if (!this.#announceReceived) await this.untilDurable(id, made.block.header.blockNumber, signal);
    return made;
  }

  /**
   * Takes a validator's vote for a block, which need not be here. Waits until the lane has room for that block. A second vote of the
   * same validator for another block in its place is dropped.
   * @throws LANESTORE_WRONG_LANE, LANESTORE_VERIFY, LANESTORE_INVALID for another kind of message.
   */
  async pushVote(signed: SignedMsg, signal?: AbortSignal): Promise<Pushed> {
    this.#assertRunning();
    const { header, sig }: SignedLaneVote = voteOf(signed, 'laneVote');
    const id = laneIdOf(header.lane);
    const { votes } = this.inner.lane(id);
    const hash = headerHash(header);
    if (votes.get(header.blockNumber)?.wouldBe(hexOf(hash), sig.key) === 'known') return 'known';
    verifySignedMsg(signed, this.#committeeOf(header.lane));
    return this.waiters.until(
      [`votes ${id}`, `capacity ${id}`],
      () => {
        const lane = this.inner.lane(id);
        const admission = lane.admitsVote(header.blockNumber);
        if (admission === 'wait') return undefined;
        return admission === 'past' ? 'known' : this.#counted(this.inner.pushVote(lane, header, hash, sig));
      },
      signal,
    );
  }

  /**
   * Takes a CommitQC. Waits until all before it are there; they need not be durable.
   * @throws LANESTORE_VERIFY, LANESTORE_INVALID.
   */
  async pushCommitQC(qc: CommitQC, signal?: AbortSignal): Promise<Pushed> {
    this.#assertRunning();
    const index = indexOf(qc);
    const { commitQCs, epochs } = this.inner;
    if (index < commitQCs.next) return 'known';
    verifyCommitQC(qc, epochs.at(index));
    return this.waiters.until(
      ['commitQCs'],
      () => {
        if (index > commitQCs.next) return undefined;
        if (index < commitQCs.next) return 'known';
        this.inner.pushCommitQC(qc);
        this.#loop.kick();
        return 'added';
      },
      signal,
    );
  }

  /**
   * Takes a validator's vote for the application's state. Waits for the CommitQC of its road. A quorum makes an AppQC, which prunes.
   * @throws LANESTORE_VERIFY also if the vote does not fit its CommitQC; LANESTORE_INVALID for another kind of message.
   */
  async pushAppVote(signed: SignedMsg, signal?: AbortSignal): Promise<Pushed> {
    this.#assertRunning();
    const { app, sig }: SignedAppVote = voteOf(signed, 'appVote');
    const committee = this.inner.epochs.at(app.roadIndex);
    verifySignedMsg(signed, committee);
    return this.waiters.until(
      ['commitQCs'],
      () => {
        if (app.roadIndex < this.inner.nextAppQC) return 'known';
        const qc = this.inner.commitQCs.get(app.roadIndex);
        if (qc === undefined) return undefined;
        verifyAppProposal(app, qc);
        const tally = this.inner.appTally(app.globalNumber);
        const counted = this.#counted(tally.add(messageHashHex(signed), app, sig));
        const winner = tally.winner(committee.quorum);
        if (winner !== undefined) this.#prune({ appQC: { vote: winner.vote, sigs: [...winner.sigs] }, commitQC: qc });
        return counted;
      },
      signal,
    );
  }

  /**
   * Takes an AppQC with the CommitQC of its road, which need not follow those that are held: this is how a node that was away for long
   * catches up.
   * @throws LANESTORE_VERIFY also if the two do not belong together.
   */
  async pushAppQC(appQC: AppQC, commitQC: CommitQC): Promise<Pushed> {
    this.#assertRunning();
    if (appQC.vote.roadIndex < this.inner.nextAppQC) return 'known';
    const anchor = { appQC, commitQC };
    verifyAnchor(anchor, this.inner.epochs.at(indexOf(commitQC)));
    return this.#prune(anchor) ? 'added' : 'known';
  }

  /**
   * Stores the node's own consensus state: its prepare, commit and timeout votes, before they are sent. Resolves when it, or a later
   * one, is durable. Copied at the call; the last one wins. An abort ends the waiting; it may be stored all the same, so its votes must
   * count as given. @throws LANESTORE_INVALID for one beyond the store's `maxInnerBytes`.
   */
  async persistInner(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#assertRunning();
    signal?.throwIfAborted();
    if (!(bytes instanceof Uint8Array)) throw new TypeError('the consensus state must be a Uint8Array');
    await unlessAborted(this.#loop.persistInner(bytes), signal);
  }

  /**
   * Lets another committee in from road `epoch.firstRoad` on. New lanes begin at their baseline; lanes that it does not have any more
   * are dropped, also from the store, once the durable anchor has reached that road.
   * @throws LANESTORE_INVALID if the road is not after the newest committee's.
   */
  changeCommittee(epoch: Epoch): void {
    this.#assertRunning();
    checkEpoch(epoch, 'changeCommittee: epoch');
    this.#loop.dropLanes(this.inner.changeCommittee(epoch));
  }

  /** Resolves when all that was pushed until now is durable. @throws the signal's reason; what stopped the state. */
  async flush(signal?: AbortSignal): Promise<void> {
    this.#assertRunning();
    await unlessAborted(this.#loop.idle(), signal);
    this.#assertRunning();
  }

  /**
   * Takes nothing more, and rejects all who wait with LANESTORE_CLOSED. Resolves when what was pushed is durable, or the store has
   * failed. The store stays open: close it afterwards. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const error = new LanestoreError('LANESTORE_CLOSED', 'the availability state is closed');
    if (this.#error === undefined) {
      this.#error = { error };
      this.waiters.stop(error);
      await this.#loop.idle();
    }
    this.#loop.stop(error);
    this.#tellStopped(error);
  }

  #stop(error: unknown): void {
    this.#error ??= { error };
    this.#loop.stop(error);
    this.waiters.stop(error);
    this.#tellStopped(error);
  }

  #assertRunning(): void {
    if (this.#error !== undefined) throw this.#error.error;
  }

  #committeeOf(lane: Uint8Array): Committee {
    const committee = this.inner.epochs.of(lane);
    if (committee === undefined) {
      throw new LanestoreError('LANESTORE_WRONG_LANE', `no committee has the lane ${laneIdOf(lane)}`);
    }
    return committee;
  }

  /** True if this block is held, or pruned: what comes twice is not verified twice. The signature is over all of the block. */
  #isHeld(lane: Lane, { block, sig }: SignedBlock): boolean {
    const { blockNumber } = block.header;
    if (blockNumber < lane.blocks.first) return true;
    const held = lane.blocks.get(blockNumber)?.signed;
    return held !== undefined && Buffer.compare(held.sig.sig, sig.sig) === 0;
  }

  #past(lane: Lane, number: bigint, hash: Uint8Array): Pushed {
    const held = lane.blocks.get(number);
    if (held === undefined || Buffer.compare(held.hash, hash) === 0) return 'known';
    this.#dropped.equivocations++;
    return 'dropped';
  }

  #counted(counted: 'counted' | 'known' | 'equivocation'): Pushed {
    if (counted === 'known') return 'known';
    if (counted === 'counted') return 'added';
    this.#dropped.equivocations++;
    return 'dropped';
  }

  #producer(): { secret: Uint8Array; id: LaneId } {
    if (this.#secret === undefined || this.#ownLane === undefined) {
      throw new LanestoreError('LANESTORE_INVALID', 'without `secret` this node produces no blocks');
    }
    return { secret: this.#secret, id: this.#ownLane };
  }

  #produce(lane: Lane, secret: Uint8Array, payload: Payload): SignedBlock {
    const header = {
      lane: publicKeyOf(secret),
      blockNumber: lane.blocks.next,
      parentHash: lane.blocks.last?.hash ?? new Uint8Array(HASH_BYTES),
      payloadHash: payloadHash(payload),
    };
    const signed = signBlock(secret, { header, payload });
    const bytes = this.#admissibleBytes(signed);
    this.inner.pushBlock(lane, { signed, hash: headerHash(header), bytes });
    this.#loop.kick();
    return signed;
  }

  /** Bytes of a block. One that never fits into a round would stop the loop, so it is refused before. */
  #admissibleBytes(signed: SignedBlock): number {
    const bytes = blockBytes(signed);
    if (bytes <= this.#maxBlockBytes) return bytes;
    const limit = `maxRoundBytes = ${this.#maxBlockBytes}`;
    throw new LanestoreError('LANESTORE_INVALID', `the block has ${bytes} bytes, more than ${limit}`);
  }

  #prune(anchor: PruneAnchor): boolean {
    const pruned = this.inner.prune(anchor);
    if (pruned) this.#loop.kick();
    return pruned;
  }
}

/**
 * Opens the availability state on a store: takes over what it recovered, checks it, and starts the persist loop.
 * @throws LANESTORE_CORRUPT with findings if what is stored cannot be this node's; LANESTORE_INVALID for options.
 */
export async function openAvail(options: AvailOptions): Promise<AvailState> {
  checkAvailOptions(options, 'openAvail: options');
  return new AvailState(options);
}
