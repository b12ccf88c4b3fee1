/** Changing the votes of a store that no node runs on. */
import { CloseStack, releasing } from '../../../base/close-stack.js';
import { diskFiles } from '../../../base/files.js';
import { LanestoreError } from '../../../errors.js';
import type { Model } from '../../../model/model.js';
import { LocationGuard } from '../../location-guard.js';
import { lockDirectory } from '../../lock.js';
import { coded } from '../database.js';
import type { Tip } from '../format/tip.js';
import type { StoredVotes } from '../format/votes.js';
import { type Amendment, amended, closedUnlessProven } from './amend.js';
import { prepareWitness } from './create.js';
import { type Depth, type Examined, examine, examineCopy, sound } from './examine.js';
import { openInPlace } from './in-place.js';
import { isLinkedCopy } from './linked-copy.js';
import { existingLocation } from './location.js';
import { refuseIfOpenElsewhere } from './probe-lock.js';

/** What an amendment is decided on: a store that would open. */
export interface AmendedStore<A> {
  readonly location: string;
  readonly tip: Tip;
  readonly votes: StoredVotes;
  readonly singles: { readonly anchor?: A | undefined; readonly inner?: Uint8Array | undefined };
}

/** The model of a store, and how much of it is checked before an amendment: it must be sound. */
export interface AmendOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** Default `records`. */
  readonly depth?: Exclude<Depth, 'format' | 'identity'>;
}

/**
 * Amends the store in `location`, on which no node runs. `decide` is asked on a private copy, and
 * again on the store itself, for LevelDB rewrites its files as soon as it opens them. With depth
 * `singles`, for a store that was just made, it is asked on the store only.
 * @throws what opening it ends with, and what `decide` throws: on the copy, then no byte of the
 * store was changed.
 */
export async function amendStore<B, Q, A>(
  location: string,
  { model, depth = 'records' }: AmendOptions<B, Q, A>,
  decide: (store: AmendedStore<A>) => Amendment | Promise<Amendment>,
): Promise<void> {
  const held = new CloseStack();
  try {
    await releasing(
      () => held.close(),
      async () => {
        const paths = existingLocation(location);
        held.add(await lockDirectory(paths.location));
        const guard = new LocationGuard();
        held.add(() => guard.close());
        guard.watch(paths.location);
        await refuseIfOpenElsewhere(paths.level);
        if (isLinkedCopy(paths.level)) throw linkedError(paths.level);
        const decided = async (examined: Examined<B, Q, A>) => {
          const { tip, records, verdict } = sound(examined);
          const votes = closedUnlessProven(records.votes, tip, verdict);
          return decide({ location: paths.location, tip, votes, singles: records.singles });
        };
        if (depth !== 'singles') await examineCopy(paths, { model, depth, values: true }, decided);
        const database = () => openInPlace(paths, { model }, guard, held);
        const { engine, tip, ...examined } = sound(await examine(paths, { model, depth, database }));
        const amendment = await decided({ engine, tip, ...examined });
        const { tip: next, operations } = amended(tip, amendment);
        // Before the batch: without a witness no store opens at a later seq than 0. It is written
        // after the batch, so that one which proves nothing goes on to say so until then.
        const witness = await prepareWitness(paths, tip, false, diskFiles);
        held.add(() => witness.close());
        await engine.write(operations);
        witness.write(next.seq);
      },
    );
  } catch (error) {
    throw coded(error);
  }
}

/** The error for a store that may not be changed, because it is a copy by hard links. */
export function linkedError(level: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `${level} is a copy by hard links, and the original is still there`, {
    remedy:
      'nothing was changed; remove the directory whose files these are, or move its bytes: see docs/signing-safety.md',
  });
}
