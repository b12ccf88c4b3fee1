/**
 * The arguments of the port's calls: checked, and copied into separate memory. Entries are not
 * inspected.
 */
import { byteArray, callback, fieldNames, fields, iterable, settled } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import { type LaneId, laneId } from '../keys/index.js';
import type { DurableHooks, Round } from './persistence.js';

/** A round whose lists are arrays that the caller cannot change: as {@link ownRound} returns it. */
export interface OwnRound<B, Q, A> extends Round<B, Q, A> {
  readonly commitQCs?: readonly Q[] | undefined;
  readonly blocks?: readonly B[] | undefined;
  readonly votes?: readonly unknown[] | undefined;
}

/** Maximum number of votes in one call. */
export const ROUND_VOTES_MAX = 1024;

const ROUND_PARTS = ['anchor', 'inner', 'commitQCs', 'blocks', 'votes'] as const;
const PART_NAMES: ReadonlySet<string> = new Set(ROUND_PARTS);

/**
 * Checks that a round has no unknown part.
 * @throws TypeError.
 */
const checkParts = fieldNames<Round<unknown, unknown, unknown>>(ROUND_PARTS);

/** A durable hook. @throws TypeError. */
export const checkHook = callback<(entry: unknown) => void>();

const checkAnyHooks = fields<DurableHooks<unknown, unknown, unknown>>({
  anchor: checkHook,
  commitQC: checkHook,
  block: checkHook,
  vote: callback<(vote: unknown, digest: Uint8Array) => void>(),
});

const HOOK_NAMES: ReadonlySet<string> = new Set(['anchor', 'commitQC', 'block', 'vote']);

/** Durable hooks. @throws TypeError. */
export function checkHooks(hooks: DurableHooks<never, never, never>, name: string): void {
  // The general check takes three times as long, and every round with hooks waits for it.
  if (!isLiteralOf(hooks, HOOK_NAMES, 'function')) checkAnyHooks(hooks, name);
}

/**
 * True for an object literal that has no other properties than these; with `type`, all of that
 * type.
 */
function isLiteralOf(value: unknown, names: ReadonlySet<string>, type?: 'function'): boolean {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const name in value) {
    if (!names.has(name)) return false;
    if (type !== undefined && typeof (value as Record<string, unknown>)[name] !== type) return false;
  }
  return true;
}

/**
 * The round that a caller passed; each property and each iterable is read once. Stops at the bound:
 * an iterable may be endless.
 * @param entriesMax maximum number of blocks and CommitQCs
 * @throws TypeError for a value that is not a round, or has parts that no round has;
 * LANESTORE_INVALID for more entries or votes than a call may have.
 */
export function ownRound<B, Q, A>(round: Round<B, Q, A>, entriesMax = Number.POSITIVE_INFINITY): OwnRound<B, Q, A> {
  if (!isLiteralOf(round, PART_NAMES)) checkParts(round, 'round');
  const { anchor, inner, commitQCs, blocks, votes } = round;
  if (anchor !== undefined) settled(anchor, 'round.anchor');
  if (inner !== undefined) byteArray(inner, 'round.inner');
  if (commitQCs !== undefined && !Array.isArray(commitQCs)) iterable(commitQCs, 'round.commitQCs');
  if (blocks !== undefined && !Array.isArray(blocks)) iterable(blocks, 'round.blocks');
  if (votes !== undefined && !Array.isArray(votes)) iterable(votes, 'round.votes');
  const blockList = blocks === undefined ? undefined : listOf(blocks, entriesMax);
  return {
    anchor,
    inner,
    commitQCs: commitQCs === undefined ? undefined : listOf(commitQCs, entriesMax, blockList?.length),
    blocks: blockList,
    votes: votes === undefined ? undefined : votesOf(votes),
  };
}

/** As {@link ownRound}, for one list of entries. `name` is its name in messages. */
export function ownList<T>(entries: Iterable<T>, name: string, entriesMax = Number.POSITIVE_INFINITY): T[] {
  iterable(entries, name);
  return listOf(entries, entriesMax);
}

/**
 * The votes of a call. Votes beyond the bound are not read.
 * @throws LANESTORE_INVALID for more than {@link ROUND_VOTES_MAX}.
 */
export function votesOf(votes: Iterable<unknown>): unknown[] {
  return listOf(votes, ROUND_VOTES_MAX, 0, tooManyVotes);
}

function listOf<T>(entries: Iterable<T>, max: number, before = 0, refusal = tooManyEntries): T[] {
  if (Array.isArray(entries)) {
    // Read by index, and the length once: an array may have its own, endless iterator.
    const { length } = entries;
    if (before + length > max) throw refusal(max);
    const list: T[] = [];
    for (let i = 0; i < length; i++) list.push(entries[i] as T);
    return list;
  }
  const list: T[] = [];
  for (const entry of entries) {
    if (before + list.length >= max) throw refusal(max);
    list.push(entry);
  }
  return list;
}

function tooManyEntries(max: number): LanestoreError {
  const what = 'the call has more blocks and CommitQCs than';
  return new LanestoreError('LANESTORE_INVALID', `${what} maxRoundEntries = ${max}; split it`);
}

function tooManyVotes(max: number): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `the call has more than ${max} votes; split it`);
}

/**
 * The lanes of a list, each once.
 * @throws LANESTORE_INVALID for more than `max`; TypeError for a value that is not a lane id.
 */
export function ownLanes(lanes: Iterable<LaneId>, max: number): LaneId[] {
  const named = new Set<LaneId>();
  let count = 0;
  for (const lane of lanes) {
    if (++count > max)
      throw new LanestoreError('LANESTORE_INVALID', `dropLanes: lanes has more than ${max} lanes; split it`);
    named.add(laneId(lane));
  }
  return [...named];
}
