/** The signing history of a store that is looked at. */

import { string } from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import type { Model } from '../../model/model.js';
import { digestOf } from '../round-votes.js';
import type { SigningHistory } from '../signing-history.js';
import type { WitnessSet } from '../witness-set.js';
import { coded } from './database.js';
import { otherFormat } from './format/schema.js';
import type { Tip } from './format/tip.js';
import type { StoredVotes } from './format/votes.js';
import { closedUnlessProven } from './open/amend.js';
import { openView } from './view/open-view.js';
import type { StoreView } from './view/store-view.js';

/** Names the network: the same in all files of one. */
interface Network {
  readonly network: string;
}

/** A store that would open, with its votes as they would be then. */
export interface Seen<B> extends AsyncDisposable {
  readonly location: string;
  readonly view: StoreView<B, unknown, unknown>;
  readonly model: Model<B, unknown, unknown>;
  readonly tip: Tip;
  readonly votes: StoredVotes;
}

/** @throws what opening the store would. */
export async function see<B, Q, A>(location: string, model: Model<B, Q, A>): Promise<Seen<B>> {
  string(location, 'location');
  const view = await openView(location, { model });
  try {
    if (view.refusal !== undefined) throw view.refusal;
    const { tip, schema, witness } = view;
    if (view.votes === undefined || tip === undefined) throw otherFormat(schema?.format ?? 1);
    const [newest] = witness.slots;
    const votes = closedUnlessProven(view.votes, tip, newest === undefined ? {} : { provenSeq: newest.seq });
    const close = () => view.close();
    return { location: view.location, view, model, tip, votes, [Symbol.asyncDispose]: close } as unknown as Seen<B>;
  } catch (error) {
    await view.close();
    throw coded(error);
  }
}

/** The history of a store, `live`. @throws LANESTORE_INVALID for a store without a key. */
export async function historyOf<B>(
  { view, model, tip, votes }: Seen<B>,
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
function hashOf<B>(model: Model<B, unknown, unknown>, block: B): Uint8Array {
  const votes = model.votes as NonNullable<typeof model.votes>;
  return digestOf(votes, votes.laneVote(block));
}

/** True if the store holds another block of the own lane than a history names. */
export async function holdsOtherBlock<B>({ view, model }: Seen<B>, { own }: SigningHistory): Promise<boolean> {
  if (own === undefined || model.votes === undefined) return false;
  const block = await view.block(own.lane, own.last);
  return block !== undefined && Buffer.compare(hashOf(model, block), own.hash) !== 0;
}
