/**
 * The parts of this backend that other backends, migrations and format steps use beyond its public
 * entry.
 */
export { coded, openDatabase } from './database.js';
export { Engine, type Entry } from './engine.js';
export type { Operation } from './format/operation.js';
export { LEVEL_DIR, type StorePaths, storePaths, VALUES_DIR } from './format/paths.js';
export { type EncodedRecord, encodeRecord } from './format/record.js';
export { encodeSchema, FORMAT, otherFormat } from './format/schema.js';
export { encodeTip, firstTip, STORE_ID_BYTES } from './format/tip.js';
export { encodeLaneFloors, encodeVotes, NO_STORED_VOTES, type StoredVotes } from './format/votes.js';
export { WITNESS_FILE } from './format/witness.js';
export { amended, closedFor } from './open/amend.js';
export { type AmendOptions, amendStore } from './open/amend-store.js';
export { prepareWitness } from './open/create.js';
export { examineCopy, examineEngine } from './open/examine.js';
export { readFormat, STEP_KEY } from './open/identity.js';
export { openOwnedDatabase } from './open/open.js';
export { STORE_CHECKS } from './options.js';
export type { StoreParts } from './store.js';
export { type Decide, storeLocation } from './store-location.js';
export { examineView } from './view/open-view.js';
export { verifyView } from './view/verify.js';
