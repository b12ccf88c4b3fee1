/**
 * How a validator signs: through a guard if its store keeps votes; else directly with the key, like
 * a node without lanestore.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AvailState,
  autobahn,
  type BlockHeader,
  fileWitness,
  type Guard,
  httpWitness,
  isLanestoreError,
  type LaneId,
  laneIdOf,
  type Msg,
  type NodeStore,
  openGuard,
  type SignedBlock,
  type SignedMsg,
} from '../../src/index.js';
import { sign } from '../../src/model/autobahn/index.js';
import { NETWORK, type Settings } from './messages.js';

/** Signs for a node. */
export interface Voter {
  /**
   * Gives votes, and stores the state of the node with them. Resolves when they may be sent.
   * Undefined if the node abstains, because earlier votes exclude these.
   */
  round(votes: readonly Msg[], inner?: (signed: readonly SignedMsg[]) => Uint8Array): Promise<SignedMsg[] | undefined>;
  /** The vote for a durable block; undefined if it was pruned. */
  laneVote(header: BlockHeader): Promise<SignedMsg | undefined>;
  /** Resolves when everything that is durable now may be sent; false if it may never be sent. */
  witnessed(): Promise<boolean>;
  /** Parts in which nothing is signed. */
  readonly closed: readonly string[];
  /** No block of this lane is signed at or below this number. */
  floorOf(lane: LaneId): bigint | undefined;
  /** Stores the answer of a validator while parts are closed. */
  answered(validator: Uint8Array, next: bigint, own: bigint): Promise<void>;
  /** Ends the waits for sinks. */
  stop(): void;
  close(): Promise<void>;
}

/** The guard of Autobahn's votes. */
export type NodeGuard = Guard<Msg, SignedBlock, SignedMsg>;

/** Upper bound of the milliseconds of a call to a sink. */
const SINK_MS_MAX = 2000;
const RETRY_MS = 100;

/** The guard of a store that keeps votes. */
export async function guardOf(
  store: NodeStore,
  key: Uint8Array,
  { first = false, sinks }: Pick<Settings, 'first' | 'sinks'>,
): Promise<NodeGuard | undefined> {
  if (store.votes === undefined) return undefined;
  const witnessed = sinks && {
    sinks: sinks.places.map((place) =>
      'url' in place ? httpWitness(place) : fileWitness(place.path, { name: place.name }),
    ),
    mode: sinks.mode,
    network: NETWORK,
    sinkMsMax: SINK_MS_MAX,
  };
  return openGuard({ store, model: autobahn, key, firstUse: first, ...witnessed });
}

/** Signs through a guard. While no quorum of its sinks answers, it waits. */
export class GuardedVoter implements Voter {
  readonly #guard: NodeGuard;
  readonly #store: NodeStore;
  #isStopped = false;

  constructor(guard: NodeGuard, store: NodeStore) {
    this.#guard = guard;
    this.#store = store;
  }

  round(votes: readonly Msg[], inner?: (signed: readonly SignedMsg[]) => Uint8Array) {
    return this.#retried(() => this.#guard.round({ votes, inner }));
  }

  async laneVote({ lane, blockNumber }: BlockHeader) {
    if (this.closed.includes('lanes')) return undefined;
    return this.#retried(() => this.#guard.laneVote(laneIdOf(lane), blockNumber));
  }

  async witnessed() {
    return (await this.#retried(() => this.#guard.witnessed().then(() => true))) === true;
  }

  get closed() {
    return this.#guard.quarantine?.parts ?? [];
  }

  floorOf(lane: LaneId) {
    return this.#store.votes?.durable.laneFloors.get(lane);
  }

  async answered(validator: Uint8Array, next: bigint, own: bigint) {
    await this.#guard.answer(validator, { next, own });
  }

  stop() {
    this.#isStopped = true;
  }

  close() {
    return this.#guard.close();
  }

  /** Undefined if the node abstains. */
  async #retried<T>(call: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (isClosing(error) || isAbstention(error)) return undefined;
        // Retried: giving the same votes again is allowed.
        if (isLanestoreError(error, 'LANESTORE_CAPACITY')) await this.#store.ready();
        else if (isLanestoreError(error, 'LANESTORE_IO') && !this.#isStopped) await sleep(RETRY_MS);
        else if (this.#isStopped) return undefined;
        else throw error;
      }
    }
  }
}

/** True if the error closes a part, or all. */
export function isClosing(error: unknown): boolean {
  return isLanestoreError(error, 'LANESTORE_QUARANTINED') || isLanestoreError(error, 'LANESTORE_FENCED');
}

/**
 * True unless the finding is `differs`: a different vote in the same place is an alarm. The other
 * conflicts occur when honest nodes overtake each other.
 */
function isAbstention(error: unknown): boolean {
  return (
    isLanestoreError(error, 'LANESTORE_CONFLICT') && error.findings?.every(({ kind }) => kind !== 'differs') === true
  );
}

/** Signs directly with the key, and keeps votes only in the state of the node. */
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

  async witnessed() {
    return true;
  }

  readonly closed = [];

  floorOf() {
    return undefined;
  }

  async answered() {}

  stop() {}

  async close() {}

  #sign(msg: Msg): SignedMsg {
    return { msg, sig: sign(this.#secret, msg) };
  }
}
