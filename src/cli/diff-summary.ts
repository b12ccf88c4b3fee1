/** The summary of `lanestore diff`: for each log, the equal prefix and the first divergence. */
import { maxU64 } from '../keys/index.js';
import { type Comparison, compareStates, type Source } from '../migrations/index.js';
import { print, shortLane, styled } from './output.js';
import type { Protocol } from './protocols.js';

/** The entries of a log that one state holds. */
interface HeldRange {
  readonly first: bigint;
  readonly next: bigint;
  /** Fewer than `next - first` if some are missing. */
  readonly entries: number;
}

/** Numbers from `from` up to, not including, `to`. */
interface NumberRange {
  readonly from: bigint;
  readonly to: bigint;
}

/** One log, compared between the states. */
interface LogSummary {
  /** `qc`, or a lane's id. */
  readonly log: string;
  /** By state; null if the state holds no entry. */
  readonly held: readonly (HeldRange | null)[];
  /** The equal prefix, from the first number that all states hold; null if there is none. */
  readonly equal: NumberRange | null;
  /** Count of numbers that some states lack, or hold with different content. */
  readonly differing: number;
  /** Count of numbers at which the content is the same, but signatures differ. */
  readonly otherSignatures: number;
  /** The first number at which two states hold different content; null if there is none. */
  readonly divergence: { readonly number: bigint; readonly versions: readonly (number | null)[] } | null;
  /**
   * Numbers that no state holds, between the lowest entry of all states and the end of the longest
   * log. At most {@link RANGES_MAX} ranges.
   */
  readonly missingOnAll: readonly NumberRange[];
  readonly missingOnAllTotal: bigint;
}

/** The output of `diff --summary --json`. */
export interface DiffSummary {
  /**
   * `equal`: byte by byte. `differs`: some states hold more entries, or different signatures.
   * `diverges`: two states hold different entries of one lane and number, or of one road index.
   */
  readonly verdict: 'equal' | 'differs' | 'diverges';
  readonly locations: readonly { readonly location: string; readonly layout: string; readonly anchor: bigint | null }[];
  /**
   * By state. States with the same number hold the same bytes. Null if the state has no anchor, or
   * keeps no votes.
   */
  readonly anchor: readonly (number | null)[];
  readonly inner: readonly (number | null)[];
  readonly votes: readonly (number | null)[];
  readonly logs: readonly LogSummary[];
}

/** Upper bound of the ranges in `missingOnAll`. */
const RANGES_MAX = 100;

/** Compares at least two open states. @throws as `compareStates`. */
export async function summaryOf<B, Q, A>(
  sources: readonly Source<B, Q, A>[],
  { model, hashes }: Protocol<B, Q, A>,
): Promise<DiffSummary> {
  const singles: Record<string, (number | null)[]> = {};
  const logs: LogTally[] = [];
  for await (const { log, number, versions, entries } of compareStates(sources, model)) {
    if (log === 'anchor' || log === 'inner' || log === 'votes') singles[log] = plainVersions(versions);
    else if (number !== undefined) {
      if (logs.at(-1)?.log !== log) logs.push(new LogTally(log, lengthOf(sources, log)));
      // Signatures are not part of the content: two CommitQCs of one road index may have different
      // signers.
      const content = (entry: B | Q) => hashText(log === 'qc' ? hashes.commitQC(entry as Q) : hashes.block(entry as B));
      logs.at(-1)?.add(number, versions, () => contentsOf(versions, entries, content));
    }
  }
  const { anchor = [], inner = [], votes = [] } = singles;
  const found = logs.map((log) => log.summary());
  const isEqual =
    [anchor, inner, votes.filter((version) => version !== null)].every((versions) => new Set(versions).size <= 1) &&
    found.every(({ differing, otherSignatures }) => differing + otherSignatures === 0);
  const diverges = found.some(({ divergence }) => divergence !== null);
  return {
    verdict: diverges ? 'diverges' : isEqual ? 'equal' : 'differs',
    locations: sources.map(({ location, layout, anchor: point }) => ({
      ...{ location, layout, anchor: point?.point.index ?? null },
    })),
    ...{ anchor, inner, votes, logs: found },
  };
}

/** The end of the log: the highest number after a last entry in any state, pruned or not. */
function lengthOf<B, Q, A>(sources: readonly Source<B, Q, A>[], log: string): bigint {
  const ends = sources.map(({ commitQCLog, lanes }) => (log === 'qc' ? commitQCLog : lanes.get(log))?.leastNext ?? 0n);
  return ends.reduce(maxU64, 0n);
}

function plainVersions(versions: Comparison<unknown, unknown>['versions']): (number | null)[] {
  return versions.map((version) => version ?? null);
}

/** The hashes as text; undefined if the model has none. Then bytes are compared. */
function hashText(hashes: Readonly<Record<string, Uint8Array>>): string | undefined {
  const values = Object.values(hashes);
  return values.length === 0 ? undefined : values.map((hash) => Buffer.from(hash).toString('hex')).join();
}

/** The versions, numbered by content instead of bytes. */
function contentsOf<T>(
  versions: Comparison<unknown, unknown>['versions'],
  entries: readonly (T | undefined)[],
  content: (entry: T) => string | undefined,
): (number | undefined)[] {
  const known: string[] = [];
  return versions.map((version, place) => {
    const entry = entries[place];
    if (version === undefined || entry === undefined) return undefined;
    const text = content(entry) ?? `version ${version}`;
    const at = known.indexOf(text);
    return at >= 0 ? at : known.push(text) - 1;
  });
}

/** Builds the summary of one log. Numbers must be added in ascending order. */
class LogTally {
  readonly log: string;
  readonly #length: bigint;
  readonly #held: ({ first: bigint; next: bigint; entries: number } | null)[] = [];
  #from: bigint | undefined;
  #to = 0n;
  #isEqual = true;
  #differing = 0;
  #otherSignatures = 0;
  #divergence: LogSummary['divergence'] = null;
  readonly #missing: NumberRange[] = [];
  #missingTotal = 0n;
  /** The number after the last one that was added. */
  #next: bigint | undefined;

  constructor(log: string, length: bigint) {
    this.log = log;
    this.#length = length;
  }

  /** `contents` is called only if the bytes differ. */
  add(
    number: bigint,
    versions: Comparison<unknown, unknown>['versions'],
    contents: () => readonly (number | undefined)[],
  ): void {
    this.#missUntil(number);
    this.#next = number + 1n;
    for (const [place, version] of versions.entries()) this.#hold(place, version === undefined ? undefined : number);
    const isHeld = !versions.includes(undefined);
    const isSame = versions.every((version) => version === undefined || version === 0);
    const content = isSame ? versions : contents();
    const diverges = content.some((version) => version !== undefined && version !== 0);
    if (isHeld && !diverges) this.#extend(number);
    else {
      this.#differing++;
      // Below the first number that all states hold, some states have pruned more than others: that
      // is no difference.
      if (this.#from !== undefined || diverges) this.#isEqual = false;
    }
    if (!isSame && !diverges) this.#otherSignatures++;
    if (diverges) this.#divergence ??= { number, versions: plainVersions(content) };
  }

  summary(): LogSummary {
    this.#missUntil(this.#length);
    return {
      log: this.log,
      held: this.#held,
      equal: this.#from === undefined ? null : { from: this.#from, to: this.#to },
      differing: this.#differing,
      otherSignatures: this.#otherSignatures,
      divergence: this.#divergence,
      missingOnAll: this.#missing,
      missingOnAllTotal: this.#missingTotal,
    };
  }

  #hold(place: number, number: bigint | undefined): void {
    const held = this.#held[place] ?? null;
    if (number === undefined) this.#held[place] = held;
    else if (held === null) this.#held[place] = { first: number, next: number + 1n, entries: 1 };
    else {
      held.next = number + 1n;
      held.entries++;
    }
  }

  #extend(number: bigint): void {
    if (!this.#isEqual) return;
    if (this.#from !== undefined && this.#to !== number) {
      this.#isEqual = false;
      return;
    }
    this.#from ??= number;
    this.#to = number + 1n;
  }

  #missUntil(number: bigint): void {
    const from = this.#next;
    if (from === undefined || from >= number) return;
    this.#missingTotal += number - from;
    if (this.#missing.length < RANGES_MAX) this.#missing.push({ from, to: number });
  }
}

/** Prints the summary as text. States are numbered from 1. */
export function showSummary({ verdict, locations, logs, ...singles }: DiffSummary): void {
  for (const [place, { location, layout, anchor }] of locations.entries())
    print(`${place + 1}  ${location}  ${layout}, anchor ${anchor ?? 'none'}`);
  for (const name of ['anchor', 'inner', 'votes'] as const)
    print(`${name.padEnd(NAME_COLUMNS)} ${groupText(singles[name], name === 'votes' ? 'not kept' : 'none')}`);
  for (const log of logs) showLog(log);
  const differing = logs.filter((log) => log.differing + log.otherSignatures > 0).length;
  const [diverging, missing] = [
    logs.filter(({ divergence }) => divergence !== null).length,
    logs.filter(({ missingOnAllTotal }) => missingOnAllTotal > 0n).length,
  ];
  const counts = `${differing} of ${logs.length} logs differ, ${diverging} diverge, ${missing} lack entries on all`;
  print(`${styled(verdict === 'equal' ? 'green' : 'red', verdict)}: ${counts}`);
}

const NAME_COLUMNS = 15;

function showLog({ log, held, equal, differing, otherSignatures, divergence, ...missing }: LogSummary): void {
  const name = log === 'qc' ? 'qc' : `lane ${shortLane(log)}`;
  const prefix = equal === null ? 'no equal prefix' : `equal ${rangeText(equal)}`;
  const signatures = otherSignatures === 0 ? '' : `, ${otherSignatures} with other signatures`;
  print(`${name.padEnd(NAME_COLUMNS)} ${prefix}${signatures}`);
  const line = (text: string) => print(`  ${text}`);
  if (differing > 0) line(held.map((range, place) => `${place + 1}: ${heldText(range)}`).join('  '));
  if (divergence !== null)
    line(styled('red', `diverges at ${divergence.number}: ${groupText(divergence.versions, 'none')}`));
  if (missing.missingOnAllTotal > 0n)
    line(
      `missing on all: ${missing.missingOnAllTotal}, in ${missing.missingOnAll.map(rangeText).join(' ')}` +
        (missing.missingOnAll.length < RANGES_MAX ? '' : ' and maybe more'),
    );
}

function rangeText({ from, to }: NumberRange): string {
  return `[${from}, ${to})`;
}

function heldText(held: HeldRange | null): string {
  if (held === null) return 'none';
  const { first, next, entries } = held;
  const holes = next - first - BigInt(entries);
  return `${rangeText({ from: first, to: next })}${holes === 0n ? '' : ` without ${holes}`}`;
}

/** The states, grouped by version: `equal`, or for example `1, 3 | 2; none: 4`. */
function groupText(versions: readonly (number | null)[], absent: string): string {
  const groups = new Map<number | null, number[]>();
  for (const [place, version] of versions.entries()) groups.set(version, [...(groups.get(version) ?? []), place + 1]);
  const without = groups.get(null);
  groups.delete(null);
  if (groups.size === 0) return absent;
  const present = [...groups.values()].map((places) => places.join(', ')).join(' | ');
  return without === undefined && groups.size === 1
    ? 'equal'
    : `${present}${without === undefined ? '' : `; ${absent}: ${without.join(', ')}`}`;
}
