/** The version 73f917bbd of the protocol, for commands. */
import { MANIFEST_SHAPE_73F917BBD } from '../inspector/manifest-73f917bbd.js';
import { readEpochs } from '../migrations/index.js';
import {
  autobahn,
  type CommitQC,
  entryChecks,
  headerHash,
  messageHash,
  type PruneAnchor,
  payloadHash,
  type SignedBlock,
} from '../model/autobahn/73f917bbd/index.js';
import type { Protocol } from './protocol.js';

/** The version 73f917bbd. */
export const NEWER: Protocol<SignedBlock, CommitQC, PruneAnchor> = {
  model: autobahn,
  manifest: MANIFEST_SHAPE_73F917BBD,
  checks: async (file) => (file === undefined ? entryChecks() : entryChecks(await readEpochs(file))),
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
