/**
 * File names in a log's directory, and the steps that finish an interrupted truncation.
 *
 *   00000000000000000031              a segment; the number is the index of its first entry
 *                                     (20 digits, 1 or more)
 *   00000000000000000031.START        the log from that index on: to finish, remove every earlier
 *                                     segment, then strip the suffix
 *   00000000000000000031.END          the segment without its last entries: to finish, remove every
 *                                     later segment, then strip the suffix
 *   00000000000000000031.START.TEMP   incomplete: removed, nothing is lost with it
 *
 * This backend truncates only at the front. It finishes `.END` for logs that the original truncated
 * at the back.
 */
import { padU64, parsePaddedU64 } from '../../keys/index.js';

/** Digits of a segment's name. */
const DIGITS = 20;

/** Suffix of a segment that replaces every earlier one. */
export const START = '.START';
const END = '.END';
/** Suffix of a file that is being written. */
export const TEMP = '.TEMP';

/** A segment, as parsed from its file name. */
export interface SegmentName {
  readonly name: string;
  /** The index of its first entry. */
  readonly index: bigint;
}

/**
 * A segment on disk. `name` is its name once an interrupted truncation is finished, `file` its name
 * now.
 */
export interface ListedSegment extends SegmentName {
  readonly file: string;
}

/** One step that finishes a truncation. */
export type CleanupStep =
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string };

/** The parsed content of a log's directory. */
export interface Listing {
  /** Ascending. */
  readonly segments: readonly ListedSegment[];
  /** Steps that finish an interrupted truncation, in order. */
  readonly cleanup: readonly CleanupStep[];
  /** Incomplete files, left by a crash. */
  readonly temps: readonly string[];
  /** Names that are not part of a log. */
  readonly strays: readonly string[];
  /** Why the names contradict each other; absent if they do not. */
  readonly problem?: string;
}

/** The name of the segment whose first entry has `index`. */
export function segmentName(index: bigint): string {
  return padU64(index);
}

interface Named {
  readonly name: string;
  readonly index: bigint;
  readonly ending: string;
}

/**
 * Parses the names in a log's directory as the original does: sorted, unknown names skipped. Names
 * that contradict each other, such as a `.START` and an `.END`, give a `problem`.
 */
export function readListing(names: readonly string[]): Listing {
  const temps: string[] = [];
  const strays: string[] = [];
  const found: Named[] = [];
  for (const name of [...names].sort()) {
    const index = parsePaddedU64(name.slice(0, DIGITS));
    const ending = name.slice(DIGITS);
    if (index === undefined || index === 0n) strays.push(name);
    else if (ending === '' || ending === START || ending === END) found.push({ name, index, ending });
    else if (ending.endsWith(TEMP)) temps.push(name);
    else strays.push(name);
  }
  return { ...finish(found), temps, strays };
}

function finish(found: readonly Named[]): Pick<Listing, 'segments' | 'cleanup' | 'problem'> {
  const start = found.findLastIndex(({ ending }) => ending === START);
  const end = found.findIndex(({ ending }) => ending === END);
  if (start !== -1 && end !== -1) {
    return { segments: [], cleanup: [], problem: `both ${found[start]?.name} and ${found[end]?.name} are there` };
  }
  if (start !== -1) return replace(found, start, found.slice(0, start), []);
  if (end !== -1) return replace(found, end, [], found.slice(end + 1));
  return { segments: found.map(keep), cleanup: [] };
}

/**
 * Plan: remove `before` and `after`, then rename the file at `at` to its final name. The rename
 * overwrites a segment that has that name already.
 */
function replace(
  found: readonly Named[],
  at: number,
  before: readonly Named[],
  after: readonly Named[],
): Pick<Listing, 'segments' | 'cleanup'> {
  const { name, index } = found[at]!;
  const gone = new Set([...before, ...after]);
  const kept = found.filter((file, i) => i !== at && !gone.has(file) && file.index !== index).map(keep);
  const cleanup: CleanupStep[] = [
    ...before.map((file) => ({ kind: 'remove', name: file.name }) as const),
    ...[...after].reverse().map((file) => ({ kind: 'remove', name: file.name }) as const),
    { kind: 'rename', from: name, to: segmentName(index) },
  ];
  const final = { name: segmentName(index), index, file: name };
  const place = kept.findIndex((segment) => segment.index > index);
  return { segments: kept.toSpliced(place === -1 ? kept.length : place, 0, final), cleanup };
}

function keep({ name, index }: Named): ListedSegment {
  return { name, index, file: name };
}
