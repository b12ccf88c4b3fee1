/** Opens a guard: at most one per store, with the key that the store is bound to. */
import type { VoteStore } from '../adapter/persistence.js';
import { hex } from '../base/bytes.js';
import { isLanestoreError, LanestoreError } from '../errors.js';
import type { VoteModel } from '../model/model.js';
import { Guard } from './guard.js';
import { type ClaimedWitnesses, claimWitnesses } from './open-witnesses.js';
import { checkGuardOptions, type GuardOptions, signerOf } from './options.js';
import { OwnLane } from './own-lane.js';
import type { Given } from './parts.js';

/**
 * Opens the guard of a store. If no key is bound to the store and `firstUse` is not set, the guard
 * opens, but signs nothing.
 * @throws LANESTORE_LOCKED if the store has a guard; LANESTORE_INVALID for a store that keeps no
 * votes, is bound to another key, or records other sinks; LANESTORE_ROLLED_BACK if a sink is ahead
 * of it; LANESTORE_IO without a quorum of sinks.
 */
export async function openGuard<Vote, Block, Signed>(
  options: GuardOptions<Vote, Block, Signed>,
): Promise<Guard<Vote, Block, Signed>> {
  checkGuardOptions(options, 'openGuard: options');
  const signer = signerOf(options);
  const { votes } = options.store;
  if (votes === undefined) {
    throw new LanestoreError('LANESTORE_INVALID', 'openGuard: this store keeps no votes', {
      remedy: 'open the store with openLevel, on a location or on a database with durable: true',
    });
  }
  if (votes.model !== (options.model.votes as unknown)) {
    throw new LanestoreError(
      'LANESTORE_INVALID',
      'openGuard: options.model is not the model that the store was opened with',
    );
  }
  let guard: Guard<Vote, Block, Signed> | undefined;
  const detach = votes.attach(async () => guard?.observed());
  try {
    await bind(votes, options, signer.key, 'check');
    const claimed = await claimWitnesses(options, votes, signer.key);
    const sinks = await begun(claimed, () => bind(votes, options, signer.key, 'bind'));
    guard = new Guard(options, { votes, signer, detach, given: givenOf(votes), sinks });
    return guard;
  } catch (error) {
    detach();
    throw error;
  }
}

/** Binds the key, then puts that batch to the sinks. */
async function begun(claimed: ClaimedWitnesses | undefined, bound: () => Promise<void>) {
  try {
    await bound();
    return await claimed?.begin();
  } catch (error) {
    claimed?.close();
    throw error;
  }
}

/**
 * By store: what its guards have begun to sign. It counts as given while the store is open, so
 * later guards of the store share it.
 */
const GIVEN = new WeakMap<object, unknown>();

function givenOf<Block>(votes: VoteStore<Block>): Given<Block> {
  const given = (GIVEN.get(votes) as Given<Block> | undefined) ?? { reserved: new Map(), own: new OwnLane(votes) };
  GIVEN.set(votes, given);
  return given;
}

/**
 * Checks that the store is bound to this key, or may be. In step `bind`, binds the key if none is
 * bound.
 * @throws LANESTORE_INVALID.
 */
async function bind<Vote, Block, Signed>(
  votes: VoteStore<Block>,
  { store, firstUse, model }: GuardOptions<Vote, Block, Signed>,
  key: Uint8Array,
  step: 'check' | 'bind',
): Promise<void> {
  const { signer } = votes.planned;
  if (signer !== undefined && Buffer.compare(signer, key) !== 0) {
    throw new LanestoreError(
      'LANESTORE_INVALID',
      `openGuard: the store is of the key ${hex(signer)}, not ${hex(key)}`,
      {
        remedy: 'a store keeps the votes of one key: give that key, or open another store',
      },
    );
  }
  if (signer !== undefined || firstUse !== true) return;
  if (step === 'bind') return votes.bind(key);
  const lanes = [...store.cursors.lanes.keys(), ...votes.planned.laneFloors.keys()];
  const own = lanes.find((lane) => model.votes.isOwnLane(lane, key));
  if (own !== undefined) throw signedBefore(`the store has held the key's own lane ${own}`);
  const signed = signerOfInner(model.votes, await votes.inner());
  if (signed !== undefined) throw signedBefore(`the store's inner state holds votes of the key ${hex(signed)}`);
}

/** The key whose votes an inner state holds; undefined if the model cannot tell. */
function signerOfInner<Vote, Block, Signed>(
  { history }: VoteModel<Vote, Block, Signed>,
  inner: Uint8Array | undefined,
): Uint8Array | undefined {
  if (inner === undefined || history === undefined) return undefined;
  try {
    return history(inner, undefined).signer;
  } catch (error) {
    // The state is of another protocol, or opaque.
    if (isLanestoreError(error, 'LANESTORE_INVALID')) return undefined;
    throw error;
  }
}

function signedBefore(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `openGuard: firstUse, but ${what}`, {
    remedy: 'a key that has signed before: bring its signing state, see docs/signing-safety.md',
  });
}
