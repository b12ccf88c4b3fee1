/**
 * Checks of what the calls of the port are given. Every round passes them: they read a few
 * properties and look at no entry.
 */
import { byteArray, callback, fields, iterable, settled } from '../base/options.js';
import type { DurableHooks, Round } from './persistence.js';

/** A round: its parts and no others. @throws TypeError. */
export const checkRound = fields<Round<unknown, unknown, unknown>>({
  anchor: settled,
  inner: byteArray,
  commitQCs: iterable,
  blocks: iterable,
  votes: iterable,
});

/** A durable hook. @throws TypeError. */
export const checkHook = callback<(entry: unknown) => void>();

/** Durable hooks. @throws TypeError. */
export const checkHooks = fields<DurableHooks<unknown, unknown, unknown>>({
  anchor: checkHook,
  commitQC: checkHook,
  block: checkHook,
  vote: callback<(vote: unknown, digest: Uint8Array) => void>(),
});
