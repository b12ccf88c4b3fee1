/**
 * A guard: the one holder of a validator's key. It signs what the rules of votes allow, and hands a
 * signature out only when the store has kept durably that it was given.
 *
 * Concurrency: every method may be called at any time. Rounds are judged and stored in the order in
 * which they are called, however long each takes to sign.
 */

import { votesOf } from '../adapter/arguments.js';
import type { PeerAnswer, Quarantine, VoteState, VoteStore, Watermark } from '../adapter/persistence.js';
import { digestOf, isLanePlace, placedVote } from '../adapter/round-votes.js';
import {
  changedVotes,
  closedError,
  comparePositions,
  isClosed,
  judge,
  type PlacedVote,
  planVotes,
  type VoteVerdict,
} from '../adapter/vote-rules.js';
import { Mutex } from '../base/mutex.js';
import { byteArray, callback } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import { type LaneId, laneId, u64 } from '../keys/index.js';
import type { VoteModel, VotePart } from '../model/model.js';
import { checkGuardRound, type GuardOptions, type GuardRound, type GuardStore } from './options.js';
import { notHeldError, type OwnLane } from './own-lane.js';
import type { GuardParts } from './parts.js';
import { changedError, type Signer } from './signer.js';
import { strangerIn } from './stranger.js';
import type { SinkStatus, WitnessQuorum } from './witness-quorum.js';

/** Calls under way at a time. */
const CALLS_MAX = 8192;

/** See the top of this file. Made by {@link openGuard}. */
export class Guard<Vote, Block, Signed> {
  readonly #store: GuardStore<Block>;
  readonly #votes: VoteStore<Block>;
  readonly #model: VoteModel<Vote, Block, Signed>;
  readonly #signer: Signer;
  readonly #own: OwnLane<Block>;
  readonly #detach: () => void;
  readonly #sinks: WitnessQuorum | undefined;
  readonly #turns = new Mutex();
  readonly #underWay = new Set<Promise<unknown>>();
  /**
   * Votes that are being signed, or whose round failed, above what the store has planned: they
   * count as given.
   */
  readonly #reserved: Map<string, Watermark>;
  /** Calls of {@link observe} under way. */
  readonly #observing = new Set<Promise<unknown>>();
  #isClosing = false;

  /** @internal Use {@link openGuard}. */
  constructor(options: GuardOptions<Vote, Block, Signed>, { votes, signer, detach, given, sinks }: GuardParts<Block>) {
    this.#store = options.store;
    this.#model = options.model.votes;
    this.#votes = votes;
    this.#signer = signer;
    this.#own = given.own;
    this.#reserved = given.reserved;
    this.#detach = detach;
    this.#sinks = sinks;
  }

  /** The public key. */
  get signer(): Uint8Array {
    return new Uint8Array(this.#signer.key);
  }

  /** Why parts are closed, if any is; without a key bound to the store all are. */
  get quarantine(): Quarantine | undefined {
    const { signer, quarantine } = this.#votes.planned;
    if (signer !== undefined) return quarantine;
    return { parts: ['rounds', 'app', 'lanes', 'own'], why: 'no key was ever bound to this store', when: '' };
  }

  /** The sinks that witness what is signed; none while every part is closed. */
  get sinks(): readonly SinkStatus[] {
    return this.#sinks?.status ?? [];
  }

  /**
   * What would become of a vote now. `new` and `again` would be signed. On `early`, `floor`,
   * `passed` and `excluded` a node abstains; `differs` is an alarm.
   * @throws LANESTORE_INVALID for what is no vote of a log.
   */
  test(vote: Vote): VoteVerdict {
    this.#assertOpen();
    return judge(this.#given(), placedVote(this.#model, vote), this.#votes.nextCommitQC);
  }

  /**
   * Gives votes: judges, signs and stores them, with the inner state that they lead to. Resolves
   * with the signed votes once they are durable: then they may be sent.
   *
   * Once signing begins, the votes count as given, even if the call fails: the same votes may be
   * given again, others in their places may not.
   * @throws LANESTORE_CONFLICT, LANESTORE_QUARANTINED, LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID
   * for a vote that is refused: nothing was signed; LANESTORE_IO if the key did not sign; what
   * `inner` throws; what the store refuses the round with; LANESTORE_IO, LANESTORE_FENCED if the
   * sinks do not hold it. Then nothing leaves.
   */
  async round(round: GuardRound<Vote, Signed>): Promise<Signed[]> {
    this.#assertOpen();
    checkGuardRound(round, 'round');
    const votes = votesOf(round.votes) as Vote[];
    const placed = votes.map((vote) => placedVote(this.#model, vote));
    const watermarks = planVotes(this.#given(), placed, this.#votes.nextCommitQC);
    return this.#counted(async () => {
      for (const [log, watermark] of watermarks) this.#reserved.set(log, watermark);
      const signatures = Promise.all(placed.map(({ digest }) => this.#signer.sign(digest, 'rounds')));
      // Awaited below, when the rounds before this one have had their turn.
      signatures.catch(() => undefined);
      const { signed, stored } = await this.#turns.run(async () => {
        const { signed, inner } = await this.#encoded(votes, signatures, round.inner);
        return { signed, stored: this.#persist(votes, placed, inner) };
      });
      await stored;
      const parts = placed.map(({ part }) => part);
      await this.#witnessed(parts, 'the vote was given and is not released');
      return signed;
    });
  }

  /**
   * Signs a vote for the block that the durable lane holds under `number`; again after restarts, in
   * any order. Undefined if the lane holds none there, or was dropped since it did: pruning is
   * ordinary.
   * @throws LANESTORE_QUARANTINED; LANESTORE_IO if the key did not sign, or the block cannot be
   * read.
   */
  async laneVote(lane: LaneId, number: bigint): Promise<Signed | undefined> {
    this.#assertOpen();
    laneId(lane);
    u64(number, 'number');
    this.#assertPart('lanes', `the vote for block ${number} of lane ${lane}`);
    return this.#counted(async () => {
      const block = await this.#votes.block(lane, number);
      // After the read: the lane may have been dropped meanwhile, and the block be that of a lane
      // that came back.
      const floor = this.#votes.planned.laneFloors.get(lane);
      if (block === undefined || (floor !== undefined && number <= floor)) return undefined;
      const vote = this.#model.laneVote(block);
      const place = this.#model.place(vote);
      if (!isLanePlace(place) || place.part !== 'lanes' || place.lane !== lane || place.number !== number) {
        throw new LanestoreError(
          'LANESTORE_INVALID',
          `the model places the vote for block ${number} of ${lane} elsewhere`,
        );
      }
      const signature = await this.#signer.sign(digestOf(this.#model, vote), 'lanes');
      await this.#witnessed(['lanes'], `the vote for block ${number} of lane ${lane} is not released`);
      return this.#model.signed(vote, this.signer, signature);
    });
  }

  /**
   * Signs the next block of the own lane. `keep` must store it, and resolve when it is durable:
   * only then is it released, and only if it is the block that the durable lane holds. Each number
   * is signed once: the same block again, never another one.
   * @throws LANESTORE_CONFLICT for another block under a number that was signed or stored;
   * LANESTORE_OUT_OF_SEQUENCE for a gap; LANESTORE_INVALID for what is no block of the own lane;
   * LANESTORE_QUARANTINED; LANESTORE_IO; what `keep` throws. Then nothing leaves. If it was the
   * sinks, the block is stored, and may leave once {@link witnessed} resolves.
   */
  async ownBlock(vote: Vote, keep: (block: Block) => Promise<void>): Promise<Block> {
    this.#assertOpen();
    callback()(keep, 'ownBlock: keep');
    this.#model.check(vote);
    const place = this.#model.place(vote);
    if (!isLanePlace(place) || place.part !== 'own' || !this.#model.isOwnLane(place.lane, this.#signer.key)) {
      throw new LanestoreError('LANESTORE_INVALID', 'ownBlock: the message is no block of the own lane');
    }
    const { lane, number } = place;
    const name = `block ${number} of the own lane`;
    this.#assertPart('own', name);
    const digest = digestOf(this.#model, vote);
    this.#own.take(lane, number, digest);
    return this.#counted(async () => {
      const signature = await this.#signer.sign(digest, 'lanes');
      const block = this.#model.blockOf(this.#model.signed(vote, this.signer, signature));
      const expected = digestOf(this.#model, this.#model.laneVote(block));
      await keep(block);
      const held = await this.#votes.block(lane, number);
      if (held === undefined || Buffer.compare(digestOf(this.#model, this.#model.laneVote(held)), expected) !== 0) {
        throw notHeldError(lane, number);
      }
      this.#own.stored(lane, number);
      await this.#witnessed(['own'], `${name} is not released`);
      return block;
    });
  }

  /**
   * Resolves when what the store holds durably now may leave this process, such as own blocks that
   * are read from it: at once, but for sinks in mode `before`.
   * @throws LANESTORE_IO if no quorum of them takes it in time: it may be asked again;
   * LANESTORE_FENCED.
   */
  async witnessed(): Promise<void> {
    this.#assertOpen();
    await this.#sinks?.witnessed();
  }

  /**
   * Looks at a message that came from outside, under this key. True if this store did not give it:
   * another copy signs with this key, or the store lost what it gave; then the message's part is
   * closed when this resolves. Messages of other keys are ignored.
   *
   * Verify the signature first: a forged message would close the part.
   */
  async observe(signed: Signed): Promise<boolean> {
    this.#assertOpen();
    const { signer } = this.#model.opened(signed);
    if (Buffer.compare(signer, this.#signer.key) !== 0) return false;
    const found = this.#counted(async () => {
      const cursors = () => this.#store.cursors;
      const known = { model: this.#model, votes: this.#votes, given: this.#given(), own: this.#own, cursors };
      const found = await strangerIn(known, signed);
      if (found === undefined) return false;
      await this.#votes.quarantine([found.part], found.why, true, found.seen);
      return true;
    });
    this.#observing.add(found);
    return found.finally(() => this.#observing.delete(found));
  }

  /** @internal Resolves when every call of {@link observe} that is under way has ended. */
  observed(): Promise<unknown> {
    return Promise.allSettled(this.#observing);
  }

  /**
   * Keeps what another validator answered over an authenticated connection, while parts are closed:
   * `lanestore release --from-peers` works out from the answers how far the key may have signed.
   * The caller has verified the CommitQC that `next` rests on, and the signature of the message
   * that `own` rests on; a node that was restored itself does not answer. Durable when it resolves;
   * false if the answer is not needed.
   * @throws LANESTORE_CAPACITY; what the store throws.
   */
  async answer(validator: Uint8Array, answer: PeerAnswer): Promise<boolean> {
    this.#assertOpen();
    return this.#counted(() => this.#votes.answer(validator, answer));
  }

  /**
   * Takes nothing more, waits for the calls under way, and lets another guard in. Idempotent. The
   * store stays open.
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.allSettled(this.#underWay);
    await this.#sinks?.close();
    this.#detach();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The state that votes are judged against: what the store has planned, and what is being signed.
   */
  #given(): VoteState {
    const { planned } = this.#votes;
    const ahead = new Map<string, Watermark>();
    for (const [log, watermark] of this.#reserved) {
      const stored = planned.logs.get(log)?.watermark;
      if (stored === undefined || comparePositions(watermark.at, stored.at) > 0) ahead.set(log, watermark);
      else this.#reserved.delete(log);
    }
    return changedVotes(planned, { watermarks: ahead });
  }

  /**
   * The signed votes, and the inner state with them. If there are none, the votes are stored alone:
   * they count as given.
   */
  async #encoded(
    votes: readonly Vote[],
    signatures: Promise<Uint8Array[]>,
    encode: GuardRound<Vote, Signed>['inner'],
  ): Promise<{ signed: Signed[]; inner: Uint8Array | undefined }> {
    try {
      const made = await signatures;
      const signed = votes.map((vote, i) => this.#model.signed(vote, this.signer, made[i] as Uint8Array));
      const inner = encode === undefined ? undefined : byteArray(encode(signed), 'what round.inner returns');
      return { signed, inner };
    } catch (error) {
      // Refused or not: the first error is the one to report, and the votes stay reserved.
      await this.#store.persist({ votes }, {}).catch(() => undefined);
      throw error;
    }
  }

  /** Resolves when the votes are durable, and what was stored for each is what was signed. */
  async #persist(votes: readonly Vote[], placed: readonly PlacedVote[], inner: Uint8Array | undefined): Promise<void> {
    // Checked before, so that no inner state is stored with a signature of another vote; and after,
    // for a vote that changes from read to read.
    const now = votes.map((vote) => placedVote(this.#model, vote).digest);
    if (!isAlike(now, placed)) throw changedError();
    const stored: Uint8Array[] = [];
    await this.#store.persist({ votes, inner }, { vote: (_, digest) => void stored.push(digest) });
    if (!isAlike(stored, placed)) throw changedError();
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay.size >= CALLS_MAX) {
      throw new LanestoreError('LANESTORE_CAPACITY', `${CALLS_MAX} calls of the guard are under way`, {
        remedy: 'nothing was signed; wait for some of them',
      });
    }
    const done = work();
    this.#underWay.add(done);
    try {
      return await done;
    } finally {
      this.#underWay.delete(done);
    }
  }

  /** What is durable may leave when this resolves: the sinks hold it, and the parts are open. */
  async #witnessed(parts: readonly VotePart[], name: string): Promise<void> {
    for (const part of parts) this.#assertPart(part, name);
    if (this.#sinks === undefined) return;
    await this.#sinks.witnessed();
    for (const part of parts) this.#assertPart(part, name);
  }

  #assertPart(part: VotePart, name: string): void {
    if (isClosed(this.#votes.planned, part)) throw closedError(this.#votes.planned, part, name);
  }

  #assertOpen(): void {
    if (this.#isClosing) throw new LanestoreError('LANESTORE_CLOSED', 'the guard is closed');
  }
}

function isAlike(digests: readonly Uint8Array[], placed: readonly PlacedVote[]): boolean {
  return digests.length === placed.length && placed.every(({ digest }, i) => Buffer.compare(digests[i]!, digest) === 0);
}
