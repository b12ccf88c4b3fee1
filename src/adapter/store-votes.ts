/** The votes of a store: the code that all backends with votes share. */
import { copyOf, hex } from '../base/bytes.js';
import {
  boolean,
  byteArray,
  fieldNames,
  fields,
  iterable,
  mismatch,
  outOfRange,
  required,
  string,
  uint64,
} from '../base/options.js';
import { isLanestoreError, LanestoreError } from '../errors.js';
import { type LaneId, laneId, u64 } from '../keys/index.js';
import type { VoteModel, VotePart } from '../model/model.js';
import type { PeerAnswer, SeenPlace, VoteState, VoteStore } from './persistence.js';
import type { PlanState } from './planner.js';
import { positionIn } from './round-votes.js';
import { closedVotes, isNews, type VoteChange } from './vote-rules.js';
import type { StoreBatch, WitnessSet } from './witness-set.js';
import { checkWitnessSet } from './witness-set.js';

/** Upper bound in bytes of the public key that a store is bound to. */
export const SIGNER_BYTES_MAX = 128;
/** Upper bound in characters of a reason; the rest is cut. */
const REASON_MAX = 1024;
/** All parts. */
export const VOTE_PARTS: readonly VotePart[] = ['rounds', 'app', 'lanes', 'own'];

const checkAnswerNames = fieldNames<PeerAnswer>(['next', 'own']);
const checkAnswer = fields<PeerAnswer>({ next: required(uint64), own: uint64 });

/** The operations that a backend provides. */
export interface VoteBackend<Block> {
  readonly model: VoteModel<unknown, Block, unknown>;
  /** The state that the next call is planned against. */
  readonly planned: PlanState & { votes: VoteState };
  durable(): VoteState;
  newest(): StoreBatch;
  block(lane: LaneId, number: bigint): Promise<Block | undefined>;
  inner(): Promise<Uint8Array | undefined>;
  /**
   * Makes a change durable, in the order of calls. `planned` shows it when this returns, unless the
   * call is refused.
   */
  change(change: VoteChange): Promise<void>;
  /** Resolves when a change that was refused with LANESTORE_CAPACITY may be tried again. */
  ready(): Promise<void>;
}

/** See the top of this file. */
export class StoreVotes<Block> implements VoteStore<Block> {
  readonly #backend: VoteBackend<Block>;
  #guard: { readonly settled: () => Promise<unknown> } | undefined;
  /** Quarantines that are not durable yet. */
  readonly #closing = new Set<Promise<void>>();

  constructor(backend: VoteBackend<Block>) {
    this.#backend = backend;
  }

  get model(): VoteModel<unknown, Block, unknown> {
    return this.#backend.model;
  }

  get durable(): VoteState {
    return this.#backend.durable();
  }

  get planned(): VoteState {
    return this.#backend.planned.votes;
  }

  get newest(): StoreBatch {
    const { store, seq } = this.#backend.newest();
    return { store: copyOf(store), seq };
  }

  get nextCommitQC(): bigint {
    return this.#backend.planned.commitQCs.next;
  }

  nextBlock(lane: LaneId): bigint | undefined {
    return this.#backend.planned.lanes.get(lane)?.next;
  }

  async block(lane: LaneId, number: bigint): Promise<Block | undefined> {
    return this.#backend.block(laneId(lane), u64(number, 'block number'));
  }

  async inner(): Promise<Uint8Array | undefined> {
    return this.#backend.inner();
  }

  async bind(signer: Uint8Array): Promise<void> {
    byteArray(signer, 'votes.bind: signer');
    if (signer.length === 0 || signer.length > SIGNER_BYTES_MAX) {
      throw outOfRange('votes.bind: signer', `a key of 1 to ${SIGNER_BYTES_MAX} bytes`, `${signer.length} bytes`);
    }
    const bound = this.planned.signer;
    if (bound !== undefined && Buffer.compare(bound, signer) !== 0) {
      throw new LanestoreError('LANESTORE_INVALID', 'votes.bind: the store is bound to another key', {
        remedy: 'a store keeps the votes of one key: open another store for another key',
      });
    }
    await this.#backend.change(bound === undefined ? { signer: new Uint8Array(signer) } : {});
  }

  async quarantine(parts: readonly VotePart[], why: string, lost = false, seen?: SeenPlace): Promise<void> {
    iterable(parts, 'votes.quarantine: parts');
    string(why, 'votes.quarantine: why');
    boolean(lost, 'votes.quarantine: lost');
    const closed = [...parts];
    for (const part of closed) {
      if (!VOTE_PARTS.includes(part)) throw outOfRange('votes.quarantine: parts', VOTE_PARTS.join(' or '), part);
    }
    if (closed.length === 0) throw mismatch('votes.quarantine: parts', 'at least one part', undefined);
    const place = seen === undefined ? undefined : this.#placeOf(seen);
    const quarantine = { parts: closed, why: why.slice(0, REASON_MAX), when: new Date().toISOString(), lost };
    const { planned } = this.#backend;
    // Closed in memory at once, even if the queue has no room for the change: from now on nothing
    // of these parts is signed.
    const before = planned.votes;
    planned.votes = closedVotes(before, quarantine, place);
    const earlier = planned.votes === before ? [...this.#closing] : [];
    const done = this.#close({ quarantine, seen: place }, earlier);
    this.#closing.add(done);
    try {
      await done;
    } finally {
      this.#closing.delete(done);
    }
  }

  /**
   * Resolves when every message that the guard is checking has its verdict, and every quarantine is
   * durable or has failed. Undefined if there is nothing to wait for.
   */
  settled(): Promise<unknown> | undefined {
    if (this.#guard === undefined && this.#closing.size === 0) return undefined;
    return Promise.resolve(this.#guard?.settled()).then(() => Promise.allSettled(this.#closing));
  }

  /**
   * Makes a quarantine durable. `earlier`: quarantines under way that may have closed the same
   * parts.
   */
  async #close(change: VoteChange & Required<Pick<VoteChange, 'quarantine'>>, earlier: Promise<void>[]): Promise<void> {
    // The caller may run inside a call that is being planned, which refuses nested calls. Waits
    // until that call is accepted.
    await undefined;
    await Promise.allSettled(earlier);
    for (;;) {
      const { durable, planned } = this;
      const { quarantine, seen } = change;
      if ([durable, planned].every((votes) => closedVotes(votes, quarantine, seen) === votes)) return;
      try {
        return await this.#backend.change(change);
      } catch (error) {
        if (!isLanestoreError(error, 'LANESTORE_CAPACITY')) throw error;
        await this.#backend.ready();
      }
    }
  }

  async setSinks(sinks: WitnessSet | undefined): Promise<void> {
    if (sinks === undefined) return this.#backend.change({ sinks: null });
    await this.#backend.change({ sinks: checkWitnessSet(sinks, 'votes.setSinks: sinks') });
  }

  async answer(validator: Uint8Array, answer: PeerAnswer): Promise<boolean> {
    byteArray(validator, 'votes.answer: validator');
    const { next, own } = checkAnswerNames(answer, 'votes.answer: answer');
    // Read once: what is stored is what is checked.
    const given = checkAnswer(own === undefined ? { next } : { next, own }, 'votes.answer: answer');
    if (validator.length === 0 || validator.length > SIGNER_BYTES_MAX) {
      throw outOfRange(
        'votes.answer: validator',
        `a key of 1 to ${SIGNER_BYTES_MAX} bytes`,
        `${validator.length} bytes`,
      );
    }
    const name = hex(validator);
    const { signer } = this.planned;
    if (signer !== undefined && hex(signer) === name) return false;
    if (signer === undefined && this.planned.quarantine === undefined) {
      // Without a key all parts are closed already. The quarantine makes a record, which keeps the
      // answers.
      await this.quarantine(VOTE_PARTS, 'no key was bound to this store when peers answered');
    }
    if (!isNews(this.planned, name, given)) return false;
    await this.#backend.change({ answer: [name, given] });
    return true;
  }

  attach(settled: () => Promise<unknown> = async () => undefined): () => void {
    if (this.#guard !== undefined) {
      throw new LanestoreError('LANESTORE_LOCKED', 'the store has a guard already; close it first');
    }
    const guard = { settled };
    this.#guard = guard;
    return () => {
      if (this.#guard === guard) this.#guard = undefined;
    };
  }

  /**
   * @throws LANESTORE_INVALID for a place that no vote can have; TypeError for an invalid lane id.
   */
  #placeOf(seen: SeenPlace): SeenPlace {
    if ('lane' in seen) return { lane: laneId(seen.lane), number: u64(seen.number, 'votes.quarantine: seen') };
    const { log, at } = seen;
    return { log, at: positionIn(this.model, log, at) };
  }
}
