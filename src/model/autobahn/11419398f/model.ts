/** Autobahn at 11419398f as a model. */
import type { Model, VoteModel } from '../../model.js';
import { modelOf } from '../model.js';
import { codecs } from './codecs.js';
import type { CommitQC, Msg, PruneAnchor, SignedBlock, SignedMsg } from './types.js';
import { votes } from './votes.js';

/**
 * The model of the protocol at 11419398f: blocks are signed lane proposals, lanes are validators'
 * public keys.
 */
export const autobahn: Model<SignedBlock, CommitQC, PruneAnchor> & {
  readonly votes: VoteModel<Msg, SignedBlock, SignedMsg>;
} = modelOf({ name: 'autobahn/11419398f', codecs, laneStart: ({ first }) => first, votes });
