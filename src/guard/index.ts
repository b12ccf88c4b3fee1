/**
 * The guard holds the key of a validator, and releases no signature before the store has durably
 * recorded it. docs/signing-safety.md says what the guard prevents, and what it does not.
 *
 * @module
 */
export { Guard } from './guard.js';
export { importFromSinks, type SinkImportOptions, type SinkImportReport } from './import-sinks.js';
export { openGuard } from './open.js';
export type { GuardOptions, GuardRound, GuardStore } from './options.js';
export type { SinkOptions } from './sink-options.js';
export * from './sinks/index.js';
export type { WitnessClaim, WitnessKey, WitnessRecord, WitnessSink } from './witness.js';
export { checkPut } from './witness.js';
export type { SinkStatus } from './witness-quorum.js';
