/** The version 11419398f of the protocol, for commands. */
import { MANIFEST_SHAPE } from '../inspector/manifest.js';
import { readCommittees } from '../migrations/index.js';
import {
  autobahn,
  type CommitQC,
  entryChecks,
  headerHash,
  messageHash,
  type PruneAnchor,
  payloadHash,
  type SignedBlock,
} from '../model/autobahn/index.js';
import type { Protocol } from './protocol.js';

/** The version 11419398f. */
export const OLDER: Protocol<SignedBlock, CommitQC, PruneAnchor> = {
  model: autobahn,
  manifest: MANIFEST_SHAPE,
  checks: async (file) => (file === undefined ? entryChecks() : entryChecks(await readCommittees(file))),
  hashes: {
    block: ({ block }) => ({
      header: headerHash(block.header),
      payload: payloadHash(block.payload),
      message: messageHash({ kind: 'laneProposal', value: block }),
    }),
    commitQC: ({ vote }) => ({ vote: messageHash({ kind: 'commitVote', value: vote }) }),
    anchor: ({ appQC, commitQC }) => ({
      appVote: messageHash({ kind: 'appVote', value: appQC.vote }),
      commitVote: messageHash({ kind: 'commitVote', value: commitQC.vote }),
    }),
  },
};
