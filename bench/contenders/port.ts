/** Rounds through the port: in one `persist`, or in calls of their own for the anchor, the QC log and each lane. */
import type { Persistence } from '../../src/adapter/index.js';
import type { CommitQC, PruneAnchor, SignedBlock } from '../../src/model/autobahn/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import type { BenchRound } from '../rounds.js';
import type { Contender, Durable, Job, LiveEntries } from './contender.js';

/** Any backend, opened with the autobahn model. */
export type Store = Persistence<SignedBlock, CommitQC, PruneAnchor>;

/**
 * How a round is submitted:
 * - `round`: one `persist`;
 * - `lanes`: the anchor, the QC log and every lane in calls of their own, all at once;
 * - `anchor-first`: the same, but as the original does, the anchor's call is awaited before the others are made.
 */
export type Submission = 'round' | 'lanes' | 'anchor-first';

/** A contender on the port. */
export class PortContender implements Contender {
  userBytes = 0;
  readonly #store: Store;
  readonly #submission: Submission;
  readonly #syncs: (() => number) | undefined;

  /** `syncs` tells how many batches the store has written so far. */
  constructor(store: Store, submission: Submission, syncs?: () => number) {
    this.#store = store;
    this.#submission = submission;
    this.#syncs = syncs;
  }

  get syncs(): number {
    return this.#syncs?.() ?? Number.NaN;
  }

  prepare(round: BenchRound): Job {
    this.userBytes = wireBytes(round);
    const { lanes: _, ...parts } = round;
    return this.#submission === 'round' ? () => this.#persist(parts) : () => this.#persistLanes(round);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #persist(round: Omit<BenchRound, 'lanes'>): Promise<Durable> {
    const clock = new BlockClock();
    await this.#store.persist(round, { block: clock.tick });
    return clock.durable();
  }

  async #persistLanes({ anchor, commitQCs, lanes }: BenchRound): Promise<Durable> {
    const store = this.#store;
    const clock = new BlockClock();
    const anchored = anchor === undefined ? Promise.resolve() : store.anchor.persist(anchor);
    if (this.#submission === 'anchor-first') await anchored;
    const anchorQC = anchor?.commitQC;
    const calls = [anchored, store.commitQCs.maybePruneAndPersist(anchorQC, commitQCs)];
    for (const [lane, blocks] of lanes) {
      calls.push(store.blocks.maybePruneAndPersistLane(lane, anchorQC, blocks, clock.tick));
    }
    await Promise.all(calls);
    return clock.durable();
  }
}

/** Notes when the first and the last block of a round became durable. */
class BlockClock {
  readonly #start = performance.now();
  #first = Number.NaN;
  #last = Number.NaN;

  readonly tick = () => {
    this.#last = performance.now();
    if (Number.isNaN(this.#first)) this.#first = this.#last;
  };

  durable(): Durable {
    return {
      roundMs: performance.now() - this.#start,
      firstBlockMs: this.#first - this.#start,
      lastBlockMs: this.#last - this.#start,
    };
  }
}

/** Bytes of a round's entries as they go over the wire: the same for every contender, so that amplifications compare. */
export function wireBytes({ anchor, commitQCs, blocks }: BenchRound): number {
  let bytes = anchor === undefined ? 0 : autobahn.anchor.toWire(anchor).length;
  for (const qc of commitQCs) bytes += autobahn.commitQC.toWire(qc).length;
  for (const block of blocks) bytes += autobahn.block.toWire(block).length;
  return bytes;
}

/** Counts what an open store found, and takes it out. */
export function takeLive(store: Store): LiveEntries {
  const { anchor, commitQCs, blocks } = store.takeRecovered();
  let total = 0;
  for (const list of blocks.values()) total += list.length;
  return { blocks: total, commitQCs: commitQCs.length, anchors: anchor === undefined ? 0 : 1 };
}
