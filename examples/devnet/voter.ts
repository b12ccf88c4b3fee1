/**
 * How a validator signs: through a guard where its store keeps votes; with the bare key elsewhere,
 * as a node without lanestore does.
 */
import {
  type AvailState,
  autobahn,
  type BlockHeader,
  type Guard,
  isLanestoreError,
  laneIdOf,
  type Msg,
  type NodeStore,
  openGuard,
  type SignedBlock,
  type SignedMsg,
} from '../../src/index.js';
import { sign } from '../../src/model/autobahn/index.js';

/** What signs for a node. */
export interface Voter {
  /**
   * Gives votes, and keeps the node's state with them; resolves when they may be sent. Undefined:
   * the node abstains, because earlier votes exclude these.
   */
  round(votes: readonly Msg[], inner?: (signed: readonly SignedMsg[]) => Uint8Array): Promise<SignedMsg[] | undefined>;
  /** The vote for a durable block; undefined if it was pruned. */
  laneVote(header: BlockHeader): Promise<SignedMsg | undefined>;
  /** Parts in which nothing is signed. */
  readonly closed: readonly string[];
  /** Keeps the answer of a validator while parts are closed. */
  answered(validator: Uint8Array, next: bigint, own: bigint): Promise<void>;
  close(): Promise<void>;
}

/** The guard of Autobahn's votes. */
export type NodeGuard = Guard<Msg, SignedBlock, SignedMsg>;

/** The guard of a store that keeps votes; `isNew`: the key never signed. */
export async function guardOf(store: NodeStore, key: Uint8Array, isNew: boolean): Promise<NodeGuard | undefined> {
  if (store.votes === undefined) return undefined;
  return openGuard({ store, model: autobahn, key, firstUse: isNew });
}

/** Signs through a guard. */
export class GuardedVoter implements Voter {
  readonly #guard: NodeGuard;
  readonly #store: NodeStore;

  constructor(guard: NodeGuard, store: NodeStore) {
    this.#guard = guard;
    this.#store = store;
  }

  async round(votes: readonly Msg[], inner?: (signed: readonly SignedMsg[]) => Uint8Array) {
    for (;;) {
      try {
        return await this.#guard.round({ votes, inner });
      } catch (error) {
        // Retried: giving the same votes again is allowed.
        if (isLanestoreError(error, 'LANESTORE_CAPACITY')) await this.#store.ready();
        else if (isAbstention(error) || isLanestoreError(error, 'LANESTORE_QUARANTINED')) return undefined;
        else throw error;
      }
    }
  }

  async laneVote({ lane, blockNumber }: BlockHeader) {
    if (this.closed.includes('lanes')) return undefined;
    return this.#guard.laneVote(laneIdOf(lane), blockNumber);
  }

  get closed() {
    return this.#guard.quarantine?.parts ?? [];
  }

  async answered(validator: Uint8Array, next: bigint, own: bigint) {
    await this.#guard.answer(validator, { next, own });
  }

  close() {
    return this.#guard.close();
  }
}

/** Another vote in the same place is an alarm; all else is how honest nodes overtake each other. */
function isAbstention(error: unknown): boolean {
  return (
    isLanestoreError(error, 'LANESTORE_CONFLICT') && error.findings?.every(({ kind }) => kind !== 'differs') === true
  );
}

/** Signs with the key itself, and keeps votes in the node's own state only. */
export class BareVoter implements Voter {
  readonly #state: AvailState;
  readonly #secret: Uint8Array;

  constructor(state: AvailState, secret: Uint8Array) {
    this.#state = state;
    this.#secret = secret;
  }

  async round(votes: readonly Msg[], inner?: (signed: readonly SignedMsg[]) => Uint8Array) {
    const signed = votes.map((msg) => this.#sign(msg));
    if (inner !== undefined) await this.#state.persistInner(inner(signed));
    return signed;
  }

  async laneVote(header: BlockHeader) {
    return this.#sign({ kind: 'laneVote', value: header });
  }

  readonly closed = [];

  async answered() {}

  async close() {}

  #sign(msg: Msg): SignedMsg {
    return { msg, sig: sign(this.#secret, msg) };
  }
}
