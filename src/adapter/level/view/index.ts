/** Reads, verifies and copies a store, also while a node runs on it. */

export { removePrivateCopies } from '../../../base/copy-place.js';
export { openView, type ViewOptions } from './open-view.js';
export { type SnapshotOptions, type SnapshotReport, snapshot } from './snapshot.js';
export type * from './store-view.js';
export { type VerifyOptions, type VerifyProgress, type VerifyReport, verify } from './verify.js';
