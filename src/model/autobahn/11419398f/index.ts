/**
 * The Autobahn protocol at 11419398f: its types, encodings, hashes and signatures, and the model to
 * open a store with.
 */

export { publicKeyOf } from '../ed25519.js';
export { laneRangeOf } from '../lane-ranges.js';
export { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from '../sizes.js';
export { entryChecks } from './checks.js';
export { codecs } from './codecs.js';
export { Committee, faulty, laneQuorum, quorum } from './committee.js';
export { Committees, type CommitteeTerm } from './committees.js';
export { headerHash, messageHash, payloadHash } from './hash.js';
export { autobahn } from './model.js';
export { globalRange } from './proposal.js';
export { sign, signBlock, verifySignature } from './sign.js';
export type * from './types.js';
export {
  verifyAnchor,
  verifyAppProposal,
  verifyAppQC,
  verifyChain,
  verifyCommitQC,
  verifyFullCommitQC,
  verifyLaneQC,
  verifyOrdered,
  verifyPrepareQC,
  verifySignedBlock,
  verifySignedMsg,
} from './verify.js';
