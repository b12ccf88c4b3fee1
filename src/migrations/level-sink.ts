/**
 * A level store as a target, written through the port in rounds of 4 MiB. Its last batch, before
 * the target gets its name, stores the known votes of the state's key and closes all parts: the
 * state may be an old copy of one that went on to sign.
 */

import { ROUND_ENTRIES } from '../adapter/backpressure.js';
import { amendStore, closedFor, type StoredVotes } from '../adapter/level/conversion.js';
import { type LevelStore, openLevel } from '../adapter/level/index.js';
import type { Round } from '../adapter/persistence.js';
import type { Model } from '../model/model.js';
import type { Sink } from './sink.js';
import type { Item } from './start-rules.js';
import { closedVotes } from './vote-history.js';

/**
 * A round is submitted when its entries reach this size or the store's maximum number of entries:
 * this bounds memory, and one fdatasync serves many entries.
 */
const ROUND_BYTES = 4 * 1024 * 1024;
/**
 * Maximum number of submitted rounds that are not durable yet: the next round is encoded while the
 * disk syncs.
 */
const ROUNDS_IN_FLIGHT = 2;

interface Draft<B, Q, A> {
  anchor?: A;
  inner?: Uint8Array;
  commitQCs: Q[];
  blocks: B[];
}

/**
 * Opens a new store in `directory`. `votes` are the votes of the source's key, if the source keeps
 * any.
 */
export async function openLevelSink<B, Q, A>(
  directory: string,
  model: Model<B, Q, A>,
  votes: StoredVotes | undefined,
): Promise<Sink<B, Q, A>> {
  const store = await openLevel(directory, { model, load: false });
  return new LevelSink(store, () => closeVotes(directory, model, votes));
}

function closeVotes<B, Q, A>(directory: string, model: Model<B, Q, A>, known: StoredVotes | undefined): Promise<void> {
  return amendStore(directory, { model, depth: 'singles' }, ({ singles }) => importedVotes(model, singles, known));
}

/** The votes of an imported state: what is known, with every part closed. */
export function importedVotes<B, Q, A>(
  model: Model<B, Q, A>,
  { anchor, inner }: { readonly anchor?: A | undefined; readonly inner?: Uint8Array | undefined },
  known: StoredVotes | undefined,
) {
  // The new store has another location.
  const kept = known === undefined ? undefined : { ...known, home: undefined };
  return {
    // A store without a bound key has fewer votes than the node's own state.
    votes:
      kept?.signer === undefined
        ? closedVotes(model, inner, anchor, kept)
        : closedFor(kept, 'it was imported: the source may have signed since'),
    event: { event: 'import' },
  };
}

/** A store as a target; `closeVotes` is called after the store is closed. */
export class LevelSink<B, Q, A> implements Sink<B, Q, A> {
  readonly #store: LevelStore<B, Q, A>;
  readonly #closeVotes: () => Promise<void>;
  readonly #inFlight: Promise<void>[] = [];
  #draft: Draft<B, Q, A> = { commitQCs: [], blocks: [] };
  #bytes = 0;
  #entries = 0;
  #placed = false;

  constructor(store: LevelStore<B, Q, A>, closeVotes: () => Promise<void>) {
    this.#store = store;
    this.#closeVotes = closeVotes;
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
    await this.#closeVotes();
  }

  async abandon(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    await this.#store.close().catch(() => undefined);
  }

  /**
   * Writes the oldest CommitQC first, which sets the start of the log. Otherwise the anchor would
   * append its own copy, whose set of signatures may differ from the one in the log.
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
    // Prevents an unhandled rejection until the promise is awaited; the rejection is reported
    // there.
    done.catch(() => undefined);
    this.#inFlight.push(done);
    if (this.#inFlight.length >= ROUNDS_IN_FLIGHT) await this.#inFlight.shift();
  }
}
