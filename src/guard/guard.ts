/**
 * A guard is the only holder of a validator's key. It signs what the vote rules allow. It releases
 * a signature only when the store has durably recorded the vote.
 *
 * Concurrency: every method may be called at any time. Rounds are judged and stored in call order,
 * no matter how long each takes to sign.
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
import { copyOf } from '../base/bytes.js';
import { Mutex } from '../base/mutex.js';
import { byteArray, callback } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import { type LaneId, laneId, u64 } from '../keys/index.js';
import type { VoteModel, VotePart } from '../model/model.js';
import { checkGuardRound, type GuardOptions, type GuardRound, type GuardStore } from './options.js';
import { notHeldError, type OwnLane } from './own-lane.js';
import type { GuardParts } from './parts.js';
import { assertSigned, type Signer } from './signer.js';
import { strangerIn } from './stranger.js';
import type { SinkStatus, WitnessQuorum } from './witness-quorum.js';

/** Upper bound of concurrent calls. */
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
   * Watermarks above those that the store has planned: their votes are being signed, or their round
   * failed. Such votes count as given.
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

  /** Which parts are closed, and why; undefined if none is. All are closed if no key is bound. */
  get quarantine(): Quarantine | undefined {
    const { signer, quarantine } = this.#votes.planned;
    if (signer !== undefined) return quarantine;
    return { parts: ['rounds', 'app', 'lanes', 'own'], why: 'no key was ever bound to this store', when: '' };
  }

  /** The status of each sink. Empty without sinks, or if every part was closed at open. */
  get sinks(): readonly SinkStatus[] {
    return this.#sinks?.status ?? [];
  }

  /**
   * The verdict on a vote, without signing it. A vote that is `new` or `again` would be signed. On
   * `early`, `floor`, `passed` and `excluded` a node abstains; `differs` is an alarm.
   * @throws LANESTORE_INVALID if `vote` is not a vote of a log.
   */
  test(vote: Vote): VoteVerdict {
    this.#assertOpen();
    return judge(this.#given(), placedVote(this.#model, vote), this.#votes.nextCommitQC);
  }

  /**
   * Gives votes: judges, signs and stores them, together with the new inner state. Resolves with
   * the signed votes once they are durable and, in mode `before`, witnessed. They may then be sent.
   *
   * Once signing begins, the votes count as given, even if the call fails. The same votes may be
   * given again; other votes in their places are refused.
   * @throws LANESTORE_CONFLICT, LANESTORE_QUARANTINED, LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID
   * for a refused vote: nothing was signed; LANESTORE_IO if the key did not sign; errors of `inner`
   * and of the store; LANESTORE_IO, LANESTORE_FENCED if no quorum of sinks holds the votes. After
   * any of these errors, no signature is released.
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
      // Awaited below, after the earlier rounds. Until then a rejection is not unhandled.
      signatures.catch(() => undefined);
      const { signed, stored } = await this.#turns.run(() => this.#begin(votes, placed, signatures, round.inner));
      await stored;
      const parts = placed.map(({ part }) => part);
      await this.#witnessed(parts, 'the vote was given and is not released');
      return signed;
    });
  }

  /**
   * Signs a vote for the block that the durable lane holds under `number`. Numbers may come in any
   * order, and again after a restart. Undefined if the lane does not hold the block, or was
   * dropped: pruning is normal.
   * @throws LANESTORE_QUARANTINED; LANESTORE_IO if the key did not sign, the block cannot be read,
   * or no quorum of sinks answers; LANESTORE_FENCED.
   */
  async laneVote(lane: LaneId, number: bigint): Promise<Signed | undefined> {
    this.#assertOpen();
    laneId(lane);
    u64(number, 'number');
    this.#assertPart('lanes', `the vote for block ${number} of lane ${lane}`);
    return this.#counted(async () => {
      const block = await this.#votes.block(lane, number);
      // Checked after the read: the lane may have been dropped during it, and the block may belong
      // to a lane that was added again.
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
   * Signs the next block of the own lane. `keep` must store the block, and resolve when it is
   * durable. The block is then released if the durable lane holds exactly this block. Each number
   * is signed for one block only; until that block is durable, it may be signed again.
   * @throws LANESTORE_CONFLICT for another block under a number that was signed or stored;
   * LANESTORE_OUT_OF_SEQUENCE for a gap; LANESTORE_INVALID if `vote` is not a block of the own
   * lane, or changes during the call; LANESTORE_QUARANTINED; LANESTORE_IO; errors of `keep`. The
   * block is then not released. If the sinks failed, it is stored, and may be released once
   * {@link witnessed} resolves.
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
      // The caller's object may have changed while it was signed, and may until it is released.
      assertSigned([digestOf(this.#model, vote)], [digest]);
      const block = this.#model.blockOf(this.#model.signed(vote, this.signer, signature));
      const expected = digestOf(this.#model, this.#model.laneVote(block));
      await keep(block);
      const held = await this.#votes.block(lane, number);
      if (held === undefined || Buffer.compare(digestOf(this.#model, this.#model.laneVote(held)), expected) !== 0) {
        throw notHeldError(lane, number);
      }
      this.#own.stored(lane, number);
      await this.#witnessed(['own'], `${name} is not released`);
      assertSigned([digestOf(this.#model, vote)], [digest]);
      return block;
    });
  }

  /**
   * Resolves when everything that the store durably holds now may be released, for example own
   * blocks that are read from it. Waits only for sinks in mode `before`.
   * @throws LANESTORE_IO if no quorum of sinks holds it in time; the call may be repeated.
   * LANESTORE_FENCED.
   */
  async witnessed(): Promise<void> {
    this.#assertOpen();
    await this.#sinks?.witnessed();
  }

  /**
   * Checks a message from outside that is signed with this key. True if this store did not give it:
   * another copy signs with this key, or the store lost its record. The message's part is then
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

  /** @internal Resolves when all current calls of {@link observe} have ended. */
  observed(): Promise<unknown> {
    return Promise.allSettled(this.#observing);
  }

  /**
   * Stores an answer that another validator sent over an authenticated connection while parts are
   * closed. `lanestore release --from-peers` derives from the answers how far the key may have
   * signed. The caller must have verified the CommitQC that proves `next`, and the signature of the
   * message that proves `own`. A node that was itself restored must not answer. The answer is
   * durable when this resolves; false if it is not needed.
   * @throws LANESTORE_CAPACITY; errors of the store.
   */
  async answer(validator: Uint8Array, answer: PeerAnswer): Promise<boolean> {
    this.#assertOpen();
    return this.#counted(() => this.#votes.answer(validator, answer));
  }

  /**
   * Refuses new calls, waits for current ones, and detaches from the store, which stays open.
   * Another guard may then be opened. Idempotent.
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
   * Begins to store the signed votes, with the inner state that contains them. If signing or
   * encoding fails, the votes are stored without inner state, because they count as given.
   */
  async #begin(
    votes: readonly Vote[],
    placed: readonly PlacedVote[],
    signatures: Promise<Uint8Array[]>,
    encode: GuardRound<Vote, Signed>['inner'],
  ): Promise<{ signed: Signed[]; stored: Promise<void> }> {
    let signed: Signed[];
    let inner: Uint8Array | undefined;
    try {
      const made = await signatures;
      signed = votes.map((vote, i) => this.#model.signed(vote, this.signer, made[i] as Uint8Array));
      // Copied at once: hashing the votes again may use the same memory.
      inner = encode && copyOf(byteArray(encode(signed), 'what round.inner returns'));
    } catch (error) {
      // The first error is reported. The votes stay reserved even if the store refuses them.
      await this.#store.persist({ votes }, {}).catch(() => undefined);
      throw error;
    }
    return { signed, stored: this.#persist(votes, placed, inner) };
  }

  /** Resolves when the votes are durable. Rejects if a stored vote is not the signed one. */
  async #persist(votes: readonly Vote[], placed: readonly PlacedVote[], inner: Uint8Array | undefined): Promise<void> {
    // Checked before storing, so that no inner state is stored with a signature of another vote.
    // Checked again afterwards, because a vote may change between two reads.
    const now = votes.map((vote) => digestOf(this.#model, vote));
    const given = placed.map(({ digest }) => digest);
    assertSigned(now, given);
    const stored: Uint8Array[] = [];
    await this.#store.persist({ votes, inner }, { vote: (_, digest) => void stored.push(digest) });
    assertSigned(stored, given);
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

  /**
   * Resolves when durable signatures of `parts` may be released: sinks hold them, the parts are
   * open.
   */
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
