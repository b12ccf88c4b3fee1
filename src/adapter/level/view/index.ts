/** Looking at a store, and copying it, also while a node runs. */
export { openView, type ViewOptions } from './open-view.js';
export { removePrivateCopies } from './place.js';
export { type SnapshotOptions, type SnapshotReport, snapshot } from './snapshot.js';
export type * from './store-view.js';
export { type VerifyOptions, type VerifyReport, verify } from './verify.js';
