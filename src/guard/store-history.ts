/** Makes the history that is put to sinks: that of an open store, as of its newest batch. */
import type { HistorySinks, SigningHistory } from '../adapter/index.js';
import type { VoteStore } from '../adapter/persistence.js';
import { digestOf } from '../adapter/round-votes.js';
import { LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import type { GuardStore } from './options.js';

/** What a history is made from. */
export interface HistoryParts<Block> {
  readonly store: Pick<GuardStore<Block>, 'cursors'>;
  readonly votes: VoteStore<Block>;
  /** The name of the model. */
  readonly model: string;
  readonly network: string;
  readonly sinks: HistorySinks;
}

/** See the top of this file. Calls at the same batch share one history. */
export class StoreHistory<Block> {
  readonly #parts: HistoryParts<Block>;
  #last: { readonly seq: bigint; readonly history: Promise<SigningHistory> } | undefined;
  /** The last block of the own lane that was hashed. */
  #own: { readonly lane: LaneId; readonly last: bigint; readonly hash: Uint8Array } | undefined;

  constructor(parts: HistoryParts<Block>) {
    this.#parts = parts;
  }

  /** The history as of the newest batch. @throws errors of the store. */
  newest(): Promise<SigningHistory> {
    const { seq } = this.#parts.votes.newest;
    if (this.#last?.seq === seq) return this.#last.history;
    const history = this.#read();
    this.#last = { seq, history };
    history.catch(() => {
      this.#last = undefined;
    });
    return history;
  }

  async #read(): Promise<SigningHistory> {
    const { store, votes, model, network, sinks } = this.#parts;
    // Read in one turn, so that all of it is of one batch. What is read later may be of a newer
    // batch, but not of an older one.
    const { newest, durable } = votes;
    const { signer, logs, laneFloors, quarantine, heirOf = [] } = durable;
    const { lanes: cursors } = store.cursors;
    if (signer === undefined) throw new LanestoreError('LANESTORE_INVALID', 'no key is bound to the store');
    const lanes = new Map<LaneId, { last: bigint | undefined; floor: bigint | undefined }>();
    for (const [lane, floor] of laneFloors) lanes.set(lane, { last: undefined, floor });
    for (const [lane, { next }] of cursors) {
      if (next > 0n) lanes.set(lane, { last: next - 1n, floor: laneFloors.get(lane) });
    }
    const lane = [...cursors.keys()].find((id) => votes.model.isOwnLane(id, signer));
    const last = lane === undefined ? -1n : (cursors.get(lane)?.next ?? 0n) - 1n;
    const own = lane === undefined || last < 0n ? undefined : await this.#ownBlock(lane, last);
    const closed = quarantine === undefined ? undefined : { ...quarantine, lost: quarantine.lost === true };
    return {
      ...{ model, network, signer, store: newest.store, seq: newest.seq, time: new Date().toISOString() },
      ...{ kind: 'sink', to: undefined, logs, lanes, own, heirOf, sinks },
      quarantine: closed && { parts: closed.parts, why: closed.why, when: closed.when, lost: closed.lost },
      inner: await votes.inner(),
    };
  }

  async #ownBlock(lane: LaneId, last: bigint): Promise<SigningHistory['own']> {
    if (this.#own?.lane === lane && this.#own.last === last) return this.#own;
    const { votes } = this.#parts;
    const block = await votes.block(lane, last);
    if (block === undefined) return undefined;
    this.#own = { lane, last, hash: digestOf(votes.model, votes.model.laneVote(block)) };
    return this.#own;
  }
}
