/**
 * The conformance suite: the cases that every backend of the port must pass, with any model. Run it
 * for your own backend, or for one of lanestore's backends with your own model:
 *
 *     const test = suite('my backend');
 *     conformance({ test, model, make, features, place: () => … });
 *     test.run();
 *
 * {@link Features} declares what the backend and the model support. Cases that need a missing
 * feature are omitted. `test` is the function of any runner: a suite of uvu, `test` of `node:test`,
 * Vitest or Jest; {@link casesFor} needs no runner. A complete example, with a model and a backend
 * of its own, is in `examples/own-types`.
 *
 * The list below says where each case of the original's tests is covered. A number is the position
 * of a case in its test file (sei-chain 11419398f,
 * sei-tendermint/internal/autobahn/consensus/persist). A case of another version is listed by its
 * commit instead. Names in quotes are cases of this suite.
 *
 * wal_test.go, 1 to 12, and the cases of 289bc6101: they test the log below a backend, not the
 * port. See test/adapter/wal/indexed-wal.test.ts. TruncateWhile and TruncateAfter are not
 * covered: no rule of the port needs them.
 *
 * blocks_test.go
 *    1  empty directory creates blocks/: "a fresh place opens empty"; the directory itself:
 *       test/adapter/wal/store.test.ts
 *    2  persist and reload: "blocks survive reopening, byte for byte"
 *    3  two lanes: "lanes are independent of each other"
 *    4  delete before 3 of 0 to 4: "a truncation within a lane keeps the later blocks"
 *    5  mixed lanes, restart, append: "a truncated lane, a lane from 0, a lane never written:
 *       restart, append, restart"
 *    6  no-op persister accepts all: differs: the no-op backend applies the rules of the planner,
 *       so the whole suite runs over it
 *    7  delete, then append: "truncate, then append, in one call"
 *    8  delete before 10 past 0 to 2: "a truncation past the end, and blocks from there, in one
 *       call"
 *    9  the same, stale block rejected: "a truncation past the end empties the lane and sets the
 *       number of its next block"
 *   10  second truncation of an empty lane: "an empty lane can be moved forward, not back"
 *   11  empty lane directory after a crash: about the layout: test/adapter/wal/store.test.ts
 *   12  names that are not hex, stray file: about the layout: test/adapter/wal/store.test.ts
 *   13  hex but short: about the layout: test/adapter/wal/store.test.ts; lane ids here have no
 *       fixed length
 *   14  gap and duplicate: "a gap is refused", "a duplicate is refused"; differs: nothing of the
 *       call is stored
 *   15  gap on disk: "a missing block in the middle of a lane is LANESTORE_CORRUPT at every open"
 *   16  lane directory is created lazily: "a lane has no cursor before its first block"
 *   17  8 lanes, 20 blocks, concurrent: "8 lanes, 20 blocks each, one call per block, all
 *       concurrent"
 *   381e3c3d7: no-op fires afterEach: "afterEach fires for every block, in several calls, also if
 *       the call truncates"
 *   later: SyncLanes: "a dropped lane has no blocks and no cursor; the other lanes do not change",
 *       "unknown lanes, lanes named twice or dropped twice, no lanes, any iterable"
 *   later: gap on disk loads the suffix, pruning by whole files, lazy pruning: not part of
 *       11419398f
 *
 * commitqcs_test.go
 *    1  empty directory, LoadNext 0: "a new log is empty and begins at 0"
 *    2  three QCs reload: "CommitQCs survive reopening, byte for byte"
 *    3  delete before 3: "a truncation within the log keeps the later CommitQCs"
 *    4  delete before 0: "a truncation at 0 drops nothing"
 *    5  duplicate: "a stored or truncated CommitQC is ignored"
 *    6  gap: "a gap is refused, and nothing of the call is stored"
 *    7  gap on disk: "a missing CommitQC in the middle of the log is LANESTORE_CORRUPT at every
 *       open"
 *    8  no-op persister advances LoadNext: "CommitQCs survive reopening, byte for byte", over the
 *       no-op backend
 *    9  delete before 10 past 0 to 2: "a truncation past the end leaves only its own CommitQC, and
 *       the log continues after it"
 *   10  crash after truncating all: "the same on an empty log, as after a crash before the CommitQC
 *       was stored"
 *   11  the same with an anchor, persisted again: "an anchor past all CommitQCs leaves only its own
 *       CommitQC, and the log continues after it", "a crash right after the anchor: entries below
 *       it are gone, its CommitQC is there"
 *   12  delete, then append: "truncate, then append, in one call"
 *   13  delete at or below first: "a truncation at the oldest CommitQC, or below it, drops nothing"
 *   14  deletes before 2, then before 5: "several truncations in sequence"
 *   381e3c3d7: no-op, future anchor, append: "a truncation past the end leaves only its own
 *       CommitQC, and the log continues after it", over the no-op backend; index 0: "a truncation
 *       to CommitQC 0 appends it too"
 *
 * persist_test.go: about the A/B files below a backend, see test/adapter/wal/ab-file.test.ts.
 * Through the port: "a newer anchor replaces an older one", "the last inner state wins; a
 * round without one keeps it; an empty one counts", "a failed write fails all waiting and
 * later calls with LANESTORE_FAILED; close() works" (differs: the original lets the node try
 * again).
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
import { voteCases } from './votes.js';

export type { Case } from './case.js';
export type { Features, LostEntry, Makers, OpenOptions, Place, Subject, VoteMakers } from './subject.js';

/** All cases, including those that need features. */
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
  voteCases,
].flatMap(({ all }) => all);

/** Registers a case: any function of a name and a body. */
export type Register = (name: string, body: () => Promise<void>) => void;

/** A case bound to a subject. */
export interface BoundCase {
  readonly name: string;
  /** Runs the case in a fresh place. Rejects if it fails. May be called repeatedly. */
  run(): Promise<void>;
}

/**
 * The cases that apply to a subject, to run without a test runner.
 * @throws TypeError for an invalid subject.
 * @example
 * ```ts
 * import { casesFor, type Subject } from 'lanestore/conformance';
 *
 * export async function failures<B, Q, A>(subject: Subject<B, Q, A>): Promise<string[]> {
 *   const failed: string[] = [];
 *   for (const { name, run } of casesFor(subject))
 *     await run().catch((error) => failed.push(`${name}: ${error.message}`));
 *   return failed;
 * }
 * ```
 */
export function casesFor<B, Q, A>(subject: Subject<B, Q, A>): BoundCase[] {
  checkSubject(subject);
  // The suite never reads a field of an entry, so one opaque type is enough for all models.
  const any = subject as unknown as AnySubject;
  const applies = ({ needs }: Case) => needs.every((feature) => any.features[feature] === true);
  return CASES.filter(applies).map((found) => ({ name: found.name, run: () => runCase(found, any) }));
}

/**
 * Registers all cases that apply to a subject with `test`.
 * @returns the number of registered cases. Assert it in a test, so that no case is lost unnoticed.
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
