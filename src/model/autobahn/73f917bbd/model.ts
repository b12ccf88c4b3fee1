/** Autobahn as a model: what a store must know about the protocol. */
import type { Model, VoteModel } from '../../model.js';
import { modelOf } from '../model.js';
import { codecs } from './codecs.js';
import { MODEL_NAME } from './name.js';
import type { CommitQC, Msg, PruneAnchor, SignedBlock, SignedMsg } from './types.js';
import { votes } from './votes.js';

/**
 * The model of the protocol at 73f917bbd: blocks are signed lane proposals, a lane is a validator's
 * key and the epoch in which it joined. An anchor proves that the blocks of its CommitQC are
 * executed, so it starts each lane after them.
 */
export const autobahn: Model<SignedBlock, CommitQC, PruneAnchor> & {
  readonly votes: VoteModel<Msg, SignedBlock, SignedMsg>;
} = modelOf({ name: MODEL_NAME, codecs, laneStart: ({ next }) => next, votes });
