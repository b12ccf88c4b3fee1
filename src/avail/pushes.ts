/**
 * Accepts blocks, votes and QCs from peers: verifies each one and adds it to the state, or drops
 * and counts it if it contradicts the state.
 */
import { LanestoreError } from '../errors.js';
import { type LaneId, laneIdOf } from '../keys/index.js';
import {
  type AppProposal,
  type AppQC,
  type BlockHeader,
  type CommitQC,
  type Committee,
  codecs,
  headerHash,
  messageHash,
  type PruneAnchor,
  type Signature,
  type SignedBlock,
  type SignedMsg,
  verifyAnchor,
  verifyAppProposal,
  verifyCommitQC,
  verifySignedBlock,
  verifySignedMsg,
} from '../model/autobahn/index.js';
import { type Inner, indexOf } from './inner.js';
import { hexOf, type Lane } from './lane.js';
import { AvailReads } from './reads.js';
import { blockBytes } from './sizes.js';

/**
 * The result of a push. `known`: it was held already, or is not needed any more. `dropped`: it
 * contradicts what is held, so its sender or signer equivocates or has a bug; it is counted. The
 * peer that relayed it may be honest: do not disconnect it for this.
 */
export type Pushed = 'added' | 'known' | 'dropped';

/** Numbers of dropped messages, since the state was opened. */
export interface DropCounts {
  /** Blocks whose parent hash is not that of the block before them. */
  readonly badParents: number;
  /** Blocks or votes whose signer had signed another one for the same place. */
  readonly equivocations: number;
}

/** The methods that accept messages of peers; `AvailState` adds the node's own actions. */
export abstract class AvailPushes extends AvailReads {
  readonly #maxBlockBytes: number;
  #dropped: { badParents: number; equivocations: number } = { badParents: 0, equivocations: 0 };

  protected constructor(inner: Inner, gatedLane: LaneId | undefined, maxBlockBytes: number) {
    super(inner, gatedLane);
    this.#maxBlockBytes = maxBlockBytes;
  }

  /** Numbers of dropped messages. */
  get dropped(): DropCounts {
    return { ...this.#dropped };
  }

  /**
   * Accepts a block of any lane. Waits until the blocks before it are held and the lane has room. A
   * lane has room for 30 blocks from its start in the durable anchor on. A block whose parent is
   * not the block before it is dropped.
   * @throws LANESTORE_WRONG_LANE for an unknown lane; LANESTORE_VERIFY for a wrong signer, payload
   * hash or signature; LANESTORE_INVALID for a malformed or oversize block.
   */
  async pushBlock(signed: SignedBlock, signal?: AbortSignal): Promise<Pushed> {
    this.assertRunning();
    codecs.signedBlock.check(signed);
    const bytes = this.admissibleBytes(signed);
    const { header } = signed.block;
    const id = laneIdOf(header.lane);
    const lane = this.inner.lane(id);
    if (this.#isHeld(lane, signed)) return 'known';
    verifySignedBlock(signed, this.#committeeOf(header.lane));
    const hash = headerHash(header);
    return this.inner.untilOf(
      lane,
      () => {
        const admission = lane.admitsBlock(header.blockNumber);
        if (admission === 'wait') return undefined;
        if (admission === 'past') return this.#past(lane, header.blockNumber, hash);
        if (!lane.continuedBy(header)) {
          this.#dropped.badParents++;
          return 'dropped';
        }
        this.inner.pushBlock(lane, { signed, hash, bytes });
        this.kick();
        return 'added';
      },
      (ending) => lane.waiters.pushedBlocks.wait(header.blockNumber, ending),
      signal,
    );
  }

  /**
   * Accepts a validator's vote for a block, which need not be held. Waits until the lane has room
   * for that block. A second vote of the same validator for a different block with this number is
   * dropped.
   * @throws LANESTORE_WRONG_LANE, LANESTORE_VERIFY; LANESTORE_INVALID for another kind of message.
   */
  async pushVote(signed: SignedMsg, signal?: AbortSignal): Promise<Pushed> {
    this.assertRunning();
    const { header, sig }: SignedLaneVote = voteOf(signed, 'laneVote');
    const id = laneIdOf(header.lane);
    const lane = this.inner.lane(id);
    const hash = headerHash(header);
    if (lane.votes.get(header.blockNumber)?.wouldBe(hexOf(hash), sig.key) === 'known') return 'known';
    verifySignedMsg(signed, this.#committeeOf(header.lane));
    return this.inner.untilOf(
      lane,
      () => {
        const admission = lane.admitsVote(header.blockNumber);
        if (admission === 'wait') return undefined;
        return admission === 'past' ? 'known' : this.#counted(this.inner.pushVote(lane, header, hash, sig));
      },
      (ending) => lane.waiters.pushedVotes.wait(header.blockNumber, ending),
      signal,
    );
  }

  /**
   * Accepts a CommitQC. Waits until all earlier ones are held; they need not be durable.
   * @throws LANESTORE_VERIFY, LANESTORE_INVALID.
   */
  async pushCommitQC(qc: CommitQC, signal?: AbortSignal): Promise<Pushed> {
    this.assertRunning();
    const index = indexOf(qc);
    const { commitQCs, epochs, waiters } = this.inner;
    if (index < commitQCs.next) return 'known';
    verifyCommitQC(qc, epochs.at(index));
    return waiters.until(
      () => {
        if (index > commitQCs.next) return undefined;
        if (index < commitQCs.next) return 'known';
        this.inner.pushCommitQC(qc);
        this.kick();
        return 'added';
      },
      (ending) => waiters.commitQCs.wait(index, ending),
      signal,
    );
  }

  /**
   * Accepts a validator's vote for the application's state. Waits for the CommitQC of its road. A
   * quorum of votes makes an AppQC, which prunes the state.
   * @throws LANESTORE_VERIFY, also if the vote does not fit its CommitQC; LANESTORE_INVALID for
   * another kind of message.
   */
  async pushAppVote(signed: SignedMsg, signal?: AbortSignal): Promise<Pushed> {
    this.assertRunning();
    const { app, sig }: SignedAppVote = voteOf(signed, 'appVote');
    const { epochs, waiters } = this.inner;
    const committee = epochs.at(app.roadIndex);
    verifySignedMsg(signed, committee);
    return waiters.until(
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
      (ending) => waiters.commitQCs.wait(app.roadIndex + 1n, ending),
      signal,
    );
  }

  /**
   * Accepts an AppQC with the CommitQC of its road, which need not follow those held: a node that
   * was offline for long catches up this way.
   * @throws LANESTORE_VERIFY, also if the two do not belong together.
   */
  async pushAppQC(appQC: AppQC, commitQC: CommitQC): Promise<Pushed> {
    this.assertRunning();
    if (appQC.vote.roadIndex < this.inner.nextAppQC) return 'known';
    const anchor = { appQC, commitQC };
    verifyAnchor(anchor, this.inner.epochs.at(indexOf(commitQC)));
    return this.#prune(anchor) ? 'added' : 'known';
  }

  /**
   * The size of a block's record, in bytes.
   * @throws LANESTORE_INVALID for a block that no round could hold: it would stop the persist loop.
   */
  protected admissibleBytes(signed: SignedBlock): number {
    const bytes = blockBytes(signed);
    if (bytes <= this.#maxBlockBytes) return bytes;
    const limit = `maxRoundBytes = ${this.#maxBlockBytes}`;
    throw new LanestoreError('LANESTORE_INVALID', `the block has ${bytes} bytes, more than ${limit}`);
  }

  #prune(anchor: PruneAnchor): boolean {
    const pruned = this.inner.prune(anchor);
    if (pruned) this.kick();
    return pruned;
  }

  #committeeOf(lane: Uint8Array): Committee {
    const committee = this.inner.epochs.of(lane);
    if (committee === undefined) {
      throw new LanestoreError('LANESTORE_WRONG_LANE', `no committee has the lane ${laneIdOf(lane)}`);
    }
    return committee;
  }

  /**
   * True if this block is held or was pruned: duplicates are not verified again. Comparing the
   * signatures suffices, because a signature covers the whole block.
   */
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

  /** @throws the error that stopped the state. */
  protected abstract assertRunning(): void;

  /** Schedules a turn of the persist loop. */
  protected abstract kick(): void;
}

/** A vote for a block. */
interface SignedLaneVote {
  readonly header: BlockHeader;
  readonly sig: Signature;
}

/** A vote for a state of the application. */
interface SignedAppVote {
  readonly app: AppProposal;
  readonly sig: Signature;
}

/**
 * The vote in a message of kind `kind`; its signature is not verified.
 * @throws LANESTORE_INVALID for another kind.
 */
function voteOf(signed: SignedMsg, kind: 'laneVote'): SignedLaneVote;
function voteOf(signed: SignedMsg, kind: 'appVote'): SignedAppVote;
function voteOf({ msg, sig }: SignedMsg, kind: 'laneVote' | 'appVote'): SignedLaneVote | SignedAppVote {
  if (msg.kind === 'laneVote' && kind === msg.kind) return { header: msg.value, sig };
  if (msg.kind === 'appVote' && kind === msg.kind) return { app: msg.value, sig };
  throw new LanestoreError('LANESTORE_INVALID', `the message is a ${msg.kind}, not a ${kind}`);
}

/** The signed hash in hex, as a key for maps. */
function messageHashHex({ msg }: SignedMsg): string {
  return hexOf(messageHash(msg));
}
