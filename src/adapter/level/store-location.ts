/**
 * The location of a store, for functions that read or change its votes while no node runs on it: a
 * directory, or a database on a server.
 */
import { mismatch } from '../../base/options.js';
import type { Model } from '../../model/model.js';
import { coded } from './database.js';
import { otherFormat } from './format/schema.js';
import type { Tip } from './format/tip.js';
import type { StoredVotes } from './format/votes.js';
import { type Amendment, closedUnlessProven } from './open/amend.js';
import { type AmendedStore, type AmendOptions, amendStore } from './open/amend-store.js';
import { openView } from './view/open-view.js';
import type { StoreView } from './view/store-view.js';

/** The location of a store that is not a directory: what `postgresLocation` returns. */
export interface StoreLocation {
  /** A readable name, without password. */
  readonly name: string;
}

/** The functions that read and change such a store. */
export interface StoreAccess {
  /**
   * As `openView`. There is no witness: the database server guarantees that the data is current.
   */
  view<B, Q, A>(model: Model<B, Q, A>): Promise<StoreView<B, Q, A>>;
  /** As {@link amendStore}. After `decide` is called, no other process can write to the store. */
  amend<B, Q, A>(options: AmendOptions<B, Q, A>, decide: Decide<A>): Promise<void>;
}

/** Returns the change to make, or throws to refuse it. */
export type Decide<A> = (store: AmendedStore<A>) => Amendment | Promise<Amendment>;

const accesses = new WeakMap<object, StoreAccess>();

/** Makes a location with this name and these functions. */
export function storeLocation(name: string, access: StoreAccess): StoreLocation {
  const location = Object.freeze({ name });
  accesses.set(location, access);
  return location;
}

/** @throws TypeError unless `value` is a path, or was made by {@link storeLocation}. */
export function checkLocation(value: unknown, name: string): void {
  const isLocation = typeof value === 'string' || (typeof value === 'object' && value !== null && accesses.has(value));
  if (!isLocation) throw mismatch(name, 'a path, or what postgresLocation returns', value);
}

/** A view of a store that would open, and the votes that the open would find. */
export interface Seen<B, Q = unknown, A = unknown> extends AsyncDisposable {
  /** The real path, or the name of the location. */
  readonly location: string;
  readonly view: StoreView<B, Q, A>;
  readonly model: Model<B, Q, A>;
  readonly tip: Tip;
  readonly votes: StoredVotes;
}

/** Opens a view of a store; a node may run on it. @throws the error of an open of the store. */
export async function see<B, Q, A>(location: string | StoreLocation, model: Model<B, Q, A>): Promise<Seen<B, Q, A>> {
  const view = await (typeof location === 'string' ? openView(location, { model }) : accessOf(location).view(model));
  try {
    if (view.refusal !== undefined) throw view.refusal;
    const { tip, schema, witness } = view;
    if (view.votes === undefined || tip === undefined) throw otherFormat(schema?.format ?? 1);
    const [newest] = witness.slots;
    const verdict = newest === undefined ? {} : { provenSeq: newest.seq };
    const votes = typeof location === 'string' ? closedUnlessProven(view.votes, tip, verdict) : view.votes;
    return { location: view.location, view, model, tip, votes, [Symbol.asyncDispose]: () => view.close() };
  } catch (error) {
    await view.close();
    throw coded(error);
  }
}

/** Changes the store in a location. @throws as {@link amendStore}. */
export function amendAt<B, Q, A>(
  location: string | StoreLocation,
  options: AmendOptions<B, Q, A>,
  decide: Decide<A>,
): Promise<void> {
  return typeof location === 'string'
    ? amendStore(location, options, decide)
    : accessOf(location).amend(options, decide);
}

function accessOf(location: StoreLocation): StoreAccess {
  checkLocation(location, 'location');
  return accesses.get(location) as StoreAccess;
}
