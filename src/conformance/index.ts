/**
 * The conformance suite: what every backend of the port must do, whatever its types are. Run it over a backend of your own, or over
 * one of ours under your own model:
 *
 *     const test = suite('my backend');
 *     conformance({ test, model, make, features, place: () => … });
 *     test.run();
 *
 * `test` is any runner's: uvu's suite, `node:test`'s `test`, Vitest's or Jest's. {@link casesFor} needs no runner. A complete
 * example, with a model and a backend of its own, is in `examples/own-types`.
 *
 * What a backend or a model cannot do is false in {@link Features}; the cases that need it are then left out.
 *
 * Where each case of the original's tests went (sei-chain 11419398f, sei-tendermint/internal/autobahn/consensus/persist; 381e3c3d7 where it
 * is named). Names in quotes are cases of this suite.
 *
 * wal_test.go, 1 to 12, and what 289bc6101 adds: about the log below a backend, not about the port: test/adapter/wal/indexed-wal.test.ts.
 *   TruncateWhile and TruncateAfter are not there: no rule of the port needs them.
 *
 * blocks_test.go
 *    1  empty directory creates blocks/    "a fresh place opens empty"; the directory itself: test/adapter/wal/store.test.ts
 *    2  persist and reload                 "blocks are there after reopening, byte for byte"
 *    3  two lanes                          "lanes are independent of each other"
 *    4  delete before 3 of 0 to 4          "a truncation inside of a lane keeps what stands behind it"
 *    5  mixed lanes, restart, append       "a lane truncated, one begun at 0, one never written; restart, append, restart"
 *    6  no-op persister accepts all        overridden: the no-op backend runs the planner (rule 7), so the suite runs over it
 *    7  delete, then append                "truncate, then append, in one call"
 *    8  delete before 10 past 0 to 2       "a truncation past the end, and blocks from there, in one call"
 *    9  same, stale block rejected         "a truncation past the end empties the lane, and its next block is where that was"
 *   10  second truncation of an empty lane "an empty lane can be moved on, and not back"
 *   11  empty lane directory after a crash about the layout: test/adapter/wal/store.test.ts
 *   12  names that are not hex, stray file about the layout: test/adapter/wal/store.test.ts
 *   13  hex but short                      about the layout: test/adapter/wal/store.test.ts; lane ids here have no fixed length
 *   14  gap and duplicate                  "a gap is refused", "a duplicate is refused"; overridden: nothing of the call is stored
 *   15  gap on disk                        "a block in the middle of its lane that is gone is LANESTORE_CORRUPT, at every try"
 *   16  lane directory is made lazily      "a lane has no cursor before its first block"
 *   17  8 lanes, 20 blocks, at once        "8 lanes, 20 blocks each, a call a block, all at once"
 *   381e3c3d7: no-op fires afterEach       "afterEach fires for every block, over several calls, also when the call truncates"
 *   later: SyncLanes                       "a dropped lane is gone, blocks and cursor; the others are as they were",
 *                                          "lanes that are unknown, named twice, dropped twice; none at all; any iterable"
 *   later: gap on disk loads the suffix; pruning by whole files; lazy pruning: not so at 11419398f
 *
 * commitqcs_test.go
 *    1  empty directory, LoadNext 0        "a new log is empty and begins at 0"
 *    2  three QCs reload                   "CommitQCs are there after reopening, byte for byte"
 *    3  delete before 3                    "a truncation inside of the log keeps what stands behind it"
 *    4  delete before 0                    "a truncation at 0 drops nothing"
 *    5  duplicate                          "one that is stored, or was truncated, is ignored"
 *    6  gap                                "a gap is refused, and nothing of the call is stored"
 *    7  gap on disk                        "a CommitQC in the middle of the log that is gone is LANESTORE_CORRUPT, at every try"
 *    8  no-op persister advances LoadNext  "CommitQCs are there after reopening, byte for byte", over the no-op backend
 *    9  delete before 10 past 0 to 2       "a truncation past the end leaves the CommitQC that it brings, and the log goes on behind it"
 *   10  crash after truncating all         "so it does on a log that holds nothing: what the node does after a crash before the CommitQC was there"
 *   11  same with anchor, re-persisted     "an anchor past all CommitQCs leaves its own one, and the log goes on behind it",
 *                                          "a crash behind the anchor: what is below it is gone, its CommitQC is there"
 *   12  delete, then append                "truncate, then append, in one call"
 *   13  delete at or below first           "a truncation at the oldest one, or below it, drops nothing"
 *   14  deletes before 2, then before 5    "truncations one after the other"
 *   381e3c3d7: no-op, future anchor, append "a truncation past the end leaves the CommitQC that it brings, and the log goes on behind it",
 *                                          over the no-op backend; index 0: "CommitQC 0 is appended by the truncation that brings it as well"
 *
 * persist_test.go: about the A/B files below a backend: test/adapter/wal/ab-file.test.ts. What the port shows of them: "a newer anchor replaces an
 *   older one", "of inner the last write wins; a round without one leaves it; an empty one is one", "a rejected write fails what waits and
 *   everything later with LANESTORE_FAILED; close() works" (overridden: the original lets the node try again).
 */
import { anchorCases } from './anchors.js';
import { argumentCases } from './arguments.js';
import { baselineCases } from './baselines.js';
import { blockCases } from './blocks.js';
import { type Case, runCase } from './case.js';
import { commitQCCases } from './commit-qcs.js';
import { dropCases } from './drops.js';
import { hookCases } from './hooks.js';
import { lifecycleCases } from './lifecycle.js';
import { limitCases } from './limits.js';
import { orderingCases } from './ordering.js';
import { recoveryCases } from './recovery.js';
import { roundCases } from './rounds.js';
import { type AnySubject, checkSubject, type Subject } from './subject.js';

export type { Case } from './case.js';
export type { Features, LostEntry, Makers, OpenOptions, Place, Subject } from './subject.js';

/** Every case there is, of every backend. */
export const CASES: readonly Case[] = [
  blockCases,
  baselineCases,
  commitQCCases,
  anchorCases,
  roundCases,
  hookCases,
  orderingCases,
  recoveryCases,
  dropCases,
  lifecycleCases,
  argumentCases,
  limitCases,
].flatMap(({ all }) => all);

/** Where cases are registered: anything that takes a name and a function. */
export type Register = (name: string, body: () => Promise<void>) => void;

/** A case that applies to a subject, ready to run. */
export interface BoundCase {
  readonly name: string;
  /** Runs it in a fresh place, once more at every call. Rejects when it fails. */
  run(): Promise<void>;
}

/**
 * The cases that apply to a subject, to run without a test runner. @throws TypeError for what is no subject.
 * @example
 * ```ts
 * import { casesFor, type Subject } from 'lanestore/conformance';
 *
 * export async function failures<B, Q, A>(subject: Subject<B, Q, A>): Promise<string[]> {
 *   const failed: string[] = [];
 *   for (const { name, run } of casesFor(subject)) await run().catch((error) => failed.push(`${name}: ${error.message}`));
 *   return failed;
 * }
 * ```
 */
export function casesFor<B, Q, A>(subject: Subject<B, Q, A>): BoundCase[] {
  checkSubject(subject);
  // The suite never looks into an entry, so it can treat those of all models alike.
  const any = subject as unknown as AnySubject;
  const applies = ({ needs }: Case) => needs.every((feature) => any.features[feature] === true);
  return CASES.filter(applies).map((found) => ({ name: found.name, run: () => runCase(found, any) }));
}

/**
 * Registers all cases that apply to a subject with `test`.
 * @returns how many; a test that nothing went missing can compare it.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { conformance, type Subject } from 'lanestore/conformance';
 *
 * export function testMyBackend<B, Q, A>(subject: Subject<B, Q, A>): void {
 *   conformance({ test, ...subject });
 * }
 * ```
 */
export function conformance<B, Q, A>({ test, ...subject }: Subject<B, Q, A> & { readonly test: Register }): number {
  if (typeof test !== 'function') throw new TypeError('conformance: test must be a function');
  const cases = casesFor(subject);
  for (const { name, run } of cases) test(name, run);
  return cases.length;
}
