/** A level store as a target: written through the port itself, in rounds of some MiB. */

import { ROUND_ENTRIES } from '../adapter/backpressure.js';
import { type LevelStore, openLevel } from '../adapter/level/index.js';
import type { Round } from '../adapter/persistence.js';
import type { Model } from '../model/model.js';
import type { Sink } from './sink.js';
import type { Item } from './start-rules.js';

/** A round is submitted when its entries have so many bytes, or are as many as a store takes: one fdatasync for them, and bounded memory. */
const ROUND_BYTES = 4 * 1024 * 1024;
/** Rounds that are submitted and not durable: the next one is encoded while the disk works. */
const ROUNDS_IN_FLIGHT = 2;

interface Draft<B, Q, A> {
  anchor?: A;
  inner?: Uint8Array;
  commitQCs: Q[];
  blocks: B[];
}

/** Opens a new store in `directory`. */
export async function openLevelSink<B, Q, A>(directory: string, model: Model<B, Q, A>): Promise<Sink<B, Q, A>> {
  return new LevelSink(await openLevel(directory, { model, load: false }));
}

class LevelSink<B, Q, A> implements Sink<B, Q, A> {
  readonly #store: LevelStore<B, Q, A>;
  readonly #inFlight: Promise<void>[] = [];
  #draft: Draft<B, Q, A> = { commitQCs: [], blocks: [] };
  #bytes = 0;
  #entries = 0;
  #placed = false;

  constructor(store: LevelStore<B, Q, A>) {
    this.#store = store;
  }

  async put(item: Item<B, Q, A>): Promise<void> {
    if (item.kind === 'log') return;
    if (item.kind === 'anchor') this.#draft.anchor = item.entry;
    else if (item.kind === 'inner') this.#draft.inner = item.wire;
    else if (item.kind === 'commitQC') await this.#commitQC(item.entry);
    else this.#draft.blocks.push(item.entry);
    this.#bytes += item.wire.length;
    this.#entries++;
    if (this.#bytes >= ROUND_BYTES || this.#entries >= ROUND_ENTRIES) await this.#submit();
  }

  async finish(): Promise<void> {
    if (this.#bytes > 0) await this.#submit();
    await Promise.all(this.#inFlight.splice(0));
    await this.#store.close();
  }

  async abandon(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    await this.#store.close().catch(() => undefined);
  }

  /**
   * The oldest one goes first and places the log. The anchor would bring its own copy along, which may have another set of signatures
   * than the one in the log; with the log in its place, it does not.
   */
  async #commitQC(qc: Q): Promise<void> {
    if (this.#placed) this.#draft.commitQCs.push(qc);
    else await this.#wait(this.#store.commitQCs.maybePruneAndPersist(qc, []));
    this.#placed = true;
  }

  #submit(): Promise<void> {
    const round: Round<B, Q, A> = this.#draft;
    this.#draft = { commitQCs: [], blocks: [] };
    this.#bytes = 0;
    this.#entries = 0;
    return this.#wait(this.#store.persist(round));
  }

  async #wait(done: Promise<void>): Promise<void> {
    // Whoever awaits it sees the rejection; until then it must not count as unhandled.
    done.catch(() => undefined);
    this.#inFlight.push(done);
    if (this.#inFlight.length >= ROUNDS_IN_FLIGHT) await this.#inFlight.shift();
  }
}
