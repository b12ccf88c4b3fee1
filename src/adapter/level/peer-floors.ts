/** From the answers that a closed store has kept to the floors that they prove. */
import { LanestoreError } from '../../errors.js';
import { type LaneId, maxU64 } from '../../keys/index.js';
import type { Model, Position, VotePart } from '../../model/model.js';
import { reachedBy } from '../peer-rules.js';
import { comparePositions } from '../vote-rules.js';
import { type StoreLocation, see } from './store-location.js';

/** What answers are enough for. */
export interface PeerFloors {
  /** The batch of the store that this was worked out on. */
  readonly seq: bigint;
  readonly floors: ReadonlyMap<string, Position | bigint>;
  /** Parts that may be opened with these floors. */
  readonly open: readonly VotePart[];
  /** Why others may not. */
  readonly pending: ReadonlyMap<VotePart, string>;
}

/**
 * Works out the floors of the store in `location`, on which a node may run.
 * @param validators the public keys of all validators, the own one included
 * @throws LANESTORE_INVALID if the answers are too few, or the store lacks what the peers have;
 * what opening a view throws.
 */
export async function peerFloors<B, Q, A>(
  location: string | StoreLocation,
  model: Model<B, Q, A>,
  { validators, signer }: { readonly validators: readonly Uint8Array[]; readonly signer: Uint8Array | undefined },
): Promise<PeerFloors> {
  await using seen = await see(location, model);
  const { view, tip, votes } = seen;
  const { cursors } = view;
  const own = votes.signer ?? signer;
  if (own === undefined) throw invalid('no key is bound to the store: name the key whose state it is');
  if (model.votes?.bounds === undefined) throw invalid('the model of this store has no bounds that peers could prove');
  const reached = reachedBy(own, validators, votes.quarantine?.answers ?? new Map());
  const { first, next: end } = cursors.commitQCs;
  if (end < reached.next) {
    throw invalid(`a peer has CommitQC ${reached.next - 1n}, and the store ends before ${end}`);
  }
  const { next } = reached;
  // Below the anchor CommitQCs are gone. A later one bounds as well, only higher.
  const qc = (index: bigint) => (index < end ? view.commitQC(maxU64(index, first)) : undefined);
  const lanes = [...cursors.lanes.keys(), ...votes.laneFloors.keys()];
  const before = next === 0n ? undefined : await qc(next - 1n);
  const following = await qc(next);
  const bounds = model.votes.bounds({ signer: own, validators, lanes, next, reached: before, following });

  const floors = new Map<string, Position | bigint>();
  for (const [log, bound] of bounds.logs) {
    const { watermark, floor } = votes.logs.get(log) ?? {};
    floors.set(log, highest([bound, watermark?.at, floor]));
  }
  const raise = (lane: LaneId, number: bigint) => floors.set(lane, maxU64(number, votes.laneFloors.get(lane) ?? 0n));
  for (const [lane, number] of bounds.lanes) raise(lane, number);
  const pending = new Map<VotePart, string>();
  for (const [log, { part }] of Object.entries(model.votes.logs)) {
    if (!floors.has(log)) pending.set(part, `CommitQC ${next} is not stored yet`);
  }
  const held = cursors.lanes.get(bounds.own)?.next ?? 0n;
  if (reached.own === undefined) {
    pending.set('own', 'not every other validator has told what it received of the own lane');
  } else if (held < reached.own) {
    pending.set('own', `a peer has received block ${reached.own - 1n} of the own lane, the store ends before ${held}`);
  } else if (reached.own > 0n) raise(bounds.own, reached.own - 1n);
  const open = (['rounds', 'app', 'lanes', 'own'] as const).filter((part) => !pending.has(part));
  return { seq: tip.seq, floors, open, pending };
}

function highest(positions: readonly (Position | undefined)[]): Position {
  const known = positions.filter((position) => position !== undefined);
  return known.reduce((a, b) => (comparePositions(b, a) > 0 ? b : a));
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `releaseStore: ${what}`, {
    remedy: 'nothing was changed; leave the node running until it has caught up, see docs/signing-safety.md',
  });
}
