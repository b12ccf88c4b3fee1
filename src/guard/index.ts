/**
 * The guard: holds the key of a validator, and signs nothing that the store has not kept. What it
 * prevents, and what not, is in docs/signing-safety.md.
 *
 * @module
 */
export { Guard, type GuardRound } from './guard.js';
export { openGuard } from './open.js';
export type { GuardOptions, GuardStore } from './options.js';
