/**
 * The Autobahn protocol at 73f917bbd: its types, encodings, hashes and signatures, and the model to
 * open a store with.
 */

export { publicKeyOf } from '../ed25519.js';
export { laneRangeOf } from '../lane-ranges.js';
export { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from '../sizes.js';
export { entryChecks } from './checks.js';
export { codecs } from './codecs.js';
export { Committee, faultyWeight, type Member, VALIDATORS_MAX } from './committee.js';
export { closesLane, type Epoch, Epochs } from './epochs.js';
export { headerHash, messageHash, payloadHash } from './hash.js';
export { LANE_BYTES, type LaneParts, laneOf, laneParts } from './lane.js';
export { autobahn } from './model.js';
export { globalRange } from './proposal.js';
export { type DataRow, isFullRow, verifyRow } from './rows.js';
export { sign, signBlock, verifySignature } from './sign.js';
export type * from './types.js';
export {
  verifyAnchor,
  verifyAppProposal,
  verifyAppQC,
  verifyChain,
  verifyCommitQC,
  verifyFullCommitQC,
  verifyHeaders,
  verifyLaneQC,
  verifyPayload,
  verifyPrepareQC,
  verifySigned,
  verifySignedBlock,
} from './verify.js';
