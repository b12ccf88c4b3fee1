/**
 * Rounds through the port: one `persist`, or separate calls for the anchor, the QC log and each
 * lane.
 */
import type { Persistence } from '../../src/adapter/index.js';
import type { CommitQC, PruneAnchor, SignedBlock } from '../../src/model/autobahn/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import type { BenchRound } from '../rounds.js';
import type { Contender, Durable, Job, LiveEntries } from './contender.js';

/** A store of any backend with the autobahn model. */
export type Store = Persistence<SignedBlock, CommitQC, PruneAnchor>;

/**
 * How a round is submitted:
 * - `round`: one `persist`;
 * - `lanes`: separate, concurrent calls for the anchor, the QC log and every lane;
 * - `anchor-first`: the same, but the call for the anchor is awaited first, as in the original.
 */
export type Submission = 'round' | 'lanes' | 'anchor-first';

/** A contender on the port. */
export class PortContender implements Contender {
  userBytes = 0;
  readonly #store: Store;
  readonly #submission: Submission;
  readonly #syncs: (() => number) | undefined;

  /** @param syncs returns the number of batches that the store has written. */
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

/** Measures when the first and the last block of a round became durable. */
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

/**
 * Wire bytes of a round's entries: the same for all contenders, so that amplifications are
 * comparable.
 */
export function wireBytes({ anchor, commitQCs, blocks }: BenchRound): number {
  let bytes = anchor === undefined ? 0 : autobahn.anchor.toWire(anchor).length;
  for (const qc of commitQCs) bytes += autobahn.commitQC.toWire(qc).length;
  for (const block of blocks) bytes += autobahn.block.toWire(block).length;
  return bytes;
}

/** Takes the recovered entries of an open store and counts them. */
export function takeLive(store: Store): LiveEntries {
  const { anchor, commitQCs, blocks } = store.takeRecovered();
  let total = 0;
  for (const list of blocks.values()) total += list.length;
  return { blocks: total, commitQCs: commitQCs.length, anchors: anchor === undefined ? 0 : 1 };
}
