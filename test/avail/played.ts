/**
 * A store whose disk a test controls: the test refuses, acknowledges or fails each round by hand,
 * and decides when there is room.
 */
import { openNoop } from '../../src/adapter/index.js';
import type { NodeStore } from '../../src/avail/index.js';
import { LanestoreError } from '../../src/errors.js';
import type { LaneId } from '../../src/keys/index.js';
import { autobahn, type SignedBlock } from '../../src/model/autobahn/index.js';

type Round = Parameters<NodeStore['persist']>[0];
type Hooks = Parameters<NodeStore['persist']>[1];

/** A call to the store that a test settles by hand. */
interface Call {
  readonly round: Round;
  /** Fires the hooks of the entries that `pick` selects, by default all. */
  readonly fire: (pick?: (entry: SignedBlock) => boolean) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The refusal of a store without room. */
export const full = () => new LanestoreError('LANESTORE_CAPACITY', 'full');

/** The store of this module. Refusals are thrown at the call, as in every backend. */
export class Played {
  readonly calls: Call[] = [];
  readonly dropped: string[][] = [];
  refuse: ((round: Round) => LanestoreError | undefined) | undefined;
  refuseDrops = false;
  readyCalls = 0;
  /** Pending calls of `ready`. */
  #ready: (() => void)[] = [];
  readonly #lanes: readonly LaneId[];

  /** @param lanes what {@link blocks} calls 0, 1, ... */
  constructor(lanes: readonly LaneId[]) {
    this.#lanes = lanes;
  }

  get store(): Promise<NodeStore> {
    return openNoop({ model: autobahn }).then((noop) => {
      const store = Object.create(noop) as NodeStore;
      const calls = {
        persist: (round: Round, hooks: Hooks) => this.#persist(round, hooks),
        ready: (signal?: AbortSignal) => this.#waitReady(signal),
        dropLanes: async (lanes: Iterable<string>) => {
          if (this.refuseDrops) throw full();
          this.dropped.push([...lanes]);
        },
        takeRecovered: () => noop.takeRecovered(),
      };
      for (const [name, value] of Object.entries(calls)) Object.defineProperty(store, name, { value });
      Object.defineProperty(store, 'cursors', { value: noop.cursors });
      return store;
    });
  }

  /** Number of pending calls of `ready`. */
  get waiting(): number {
    return this.#ready.length;
  }

  room(): void {
    for (const resolve of this.#ready.splice(0)) resolve();
  }

  /** Acknowledges a call: all its hooks, then its promise. */
  settle(call: number): void {
    this.calls[call]?.fire();
    this.calls[call]?.resolve();
  }

  placeOf(block: SignedBlock): number {
    return this.#lanes.indexOf(autobahn.block.lane(block));
  }

  /** The blocks of a call, by lane and number. */
  blocks(call: number): string[] {
    const blocks = [...(this.calls[call]?.round.blocks ?? [])];
    return blocks.map((block) => `${this.placeOf(block)}/${autobahn.block.number(block)}`).sort();
  }

  async #persist(round: Round, hooks: Hooks): Promise<void> {
    const refusal = this.refuse?.(round);
    if (refusal !== undefined) throw refusal;
    await new Promise<void>((resolve, reject) => {
      const fire = (pick: (entry: SignedBlock) => boolean = () => true) => {
        if (round.anchor !== undefined) hooks?.anchor?.(round.anchor);
        for (const qc of round.commitQCs ?? []) hooks?.commitQC?.(qc);
        for (const block of round.blocks ?? []) if (pick(block)) hooks?.block?.(block);
      };
      this.calls.push({ round, fire, resolve, reject });
    });
  }

  #waitReady(signal: AbortSignal | undefined): Promise<void> {
    this.readyCalls++;
    return new Promise((resolve, reject) => {
      this.#ready.push(resolve);
      signal?.addEventListener('abort', () => {
        this.#ready = this.#ready.filter((waiting) => waiting !== resolve);
        reject(signal.reason);
      });
    });
  }
}
