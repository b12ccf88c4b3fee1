/** The signing history of a store that is looked at. */
import { LanestoreError } from '../../errors.js';
import type { Model } from '../../model/model.js';
import { digestOf } from '../round-votes.js';
import type { SigningHistory } from '../signing-history.js';
import type { WitnessSet } from '../witness-set.js';
import type { Seen } from './store-location.js';

/** Names the network: the same in all files of one. */
interface Network {
  readonly network: string;
}

/** The history of a store, `live`. @throws LANESTORE_INVALID for a store without a key. */
export async function historyOf<B, Q, A>(
  { view, model, tip, votes }: Seen<B, Q, A>,
  { network }: Network,
): Promise<SigningHistory> {
  const { signer, logs, laneFloors, quarantine } = votes;
  if (signer === undefined) {
    throw new LanestoreError(
      'LANESTORE_INVALID',
      'signing history: no key is bound to the store, so it signed nothing',
      {
        remedy: 'nothing was changed; see docs/signing-safety.md',
      },
    );
  }
  const lanes = new Map<string, { last: bigint | undefined; floor: bigint | undefined }>();
  for (const [lane, floor] of laneFloors) lanes.set(lane, { last: undefined, floor });
  for (const [lane, { next }] of view.cursors.lanes) {
    if (next > 0n) lanes.set(lane, { last: next - 1n, floor: laneFloors.get(lane) });
  }
  const lane = [...view.cursors.lanes.keys()].find((id) => model.votes?.isOwnLane(id, signer));
  const last = lane === undefined ? 0n : (view.cursors.lanes.get(lane)?.next ?? 0n) - 1n;
  const block = lane === undefined || last < 0n ? undefined : await view.block(lane, last);
  return {
    ...{ model: model.name, network, signer, store: tip.store, seq: tip.seq, time: new Date().toISOString() },
    ...{ kind: 'live', to: undefined, logs, lanes },
    own: lane === undefined || block === undefined ? undefined : { lane, last, hash: hashOf(model, block) },
    quarantine: quarantine === undefined ? undefined : shown(quarantine),
    inner: view.inner,
    sinks: votes.sinks === undefined ? undefined : shownSinks(votes.sinks),
    heirOf: votes.heirOf ?? [],
  };
}

function shownSinks({ names, quorum }: WitnessSet): SigningHistory['sinks'] {
  return { names, quorum, mode: undefined };
}

/** What a history shows of a quarantine. */
export function shown({ parts, why, when, lost }: NonNullable<SigningHistory['quarantine']>) {
  return { parts, why, when, lost: lost === true };
}

/** The digest of a vote for a block: it tells any two blocks of one place apart. */
function hashOf<B, Q, A>(model: Model<B, Q, A>, block: B): Uint8Array {
  const votes = model.votes as NonNullable<typeof model.votes>;
  return digestOf(votes, votes.laneVote(block));
}

/** True if the store holds another block of the own lane than a history names. */
export async function holdsOtherBlock<B, Q, A>(
  { view, model }: Seen<B, Q, A>,
  { own }: SigningHistory,
): Promise<boolean> {
  if (own === undefined || model.votes === undefined) return false;
  const block = await view.block(own.lane, own.last);
  return block !== undefined && Buffer.compare(hashOf(model, block), own.hash) !== 0;
}
