/**
 * Compares states of any layout, entry by entry, before any rules are applied; and the votes of
 * those that keep some.
 */
import { encodeLaneFloors, encodeVotes, type StoredVotes } from '../adapter/level/conversion.js';
import { closeAll } from '../base/close-stack.js';
import type { LaneId } from '../keys/index.js';
import type { Model } from '../model/model.js';
import type { Source, SourceEntry } from './source.js';

/** One difference. */
export interface Difference {
  /** `anchor`, `inner`, `votes`, `qc`, or a lane's id. */
  readonly log: string;
  /**
   * Block number or road index; for an anchor, its road index in the first state that has one;
   * absent for `inner` and `votes`.
   */
  readonly number?: bigint;
  /** `first`, `second`: only in that state. `differs`: in both, with different bytes. */
  readonly kind: 'first' | 'second' | 'differs';
}

/** One place of some states: the anchor, inner, the votes, or an entry of a log. */
export interface Comparison<B, Q> {
  /** As in {@link Difference}. */
  readonly log: string;
  /** As in {@link Difference}. */
  readonly number?: bigint;
  /**
   * What each state holds there. States with the same bytes have the same version; versions count
   * from 0, in the order of the states. Undefined: it holds nothing, or keeps no votes.
   */
  readonly versions: readonly (number | undefined)[];
  /** The entry of each state; empty for anchor, inner and votes. */
  readonly entries: readonly (B | Q | undefined)[];
}

/**
 * Compares two open states, in the order anchor, inner, votes, QC log, lanes. Bounded memory. Votes
 * differ if the keys may sign different messages next: a snapshot, in which all parts are closed,
 * differs from a store that signs. Where only one state keeps votes they are not compared.
 * @throws (while iterating) as the streams of the sources do.
 * @example
 * ```ts
 * import { autobahn } from 'lanestore';
 * import { diffStates, openState } from 'lanestore/migrations';
 *
 * const [first, second] = [await openState('data', autobahn), await openState('state', autobahn)];
 * for await (const { log, number, kind } of diffStates(first, second, autobahn)) {
 *   console.log(log, number, kind);
 * }
 * await first.close();
 * await second.close();
 * ```
 */
export async function* diffStates<B, Q, A>(
  first: Source<B, Q, A>,
  second: Source<B, Q, A>,
  model: Model<B, Q, A>,
): AsyncGenerator<Difference, void, void> {
  for await (const { log, number, versions } of compareStates([first, second], model)) {
    const kind = kindOf(versions, log);
    if (kind !== undefined) yield { log, ...(number === undefined ? {} : { number }), kind };
  }
}

/**
 * Compares any number of open states, in the order of {@link diffStates}: every place that one of
 * them holds, equal places too. Bounded memory. The states must not be read meanwhile.
 * @throws (while iterating) as the streams of the sources do.
 */
export async function* compareStates<B, Q, A>(
  sources: readonly Source<B, Q, A>[],
  model: Model<B, Q, A>,
): AsyncGenerator<Comparison<B, Q>, void, void> {
  const index = sources.map(({ anchor }) => anchor?.point.index).find((found) => found !== undefined);
  const anchors = sources.map(({ anchor }) => anchor && model.anchor.toWire(anchor.entry));
  const single = (log: string, bytes: readonly (Uint8Array | undefined)[]) => ({
    ...{ log, versions: versionsOf(bytes), entries: [] },
  });
  yield { ...single('anchor', anchors), ...(index === undefined ? {} : { number: index }) };
  yield single(
    'inner',
    sources.map(({ inner }) => inner),
  );
  yield single(
    'votes',
    sources.map(({ votes }) => votes && signingState(votes)),
  );
  yield* compareLogs(
    'qc',
    sources.map((source) => source.commitQCs()),
  );
  const lanes = new Set<LaneId>(sources.flatMap((source) => [...source.lanes.keys()]));
  for (const lane of [...lanes].sort())
    yield* compareLogs(
      lane,
      sources.map((source) => source.blocks(lane)),
    );
}

/** Merges ascending logs: those with the lowest number advance. */
async function* compareLogs<T>(
  log: string,
  logs: readonly AsyncIterable<SourceEntry<T>>[],
): AsyncGenerator<{ log: string; number: bigint; versions: (number | undefined)[]; entries: (T | undefined)[] }> {
  const iterators = logs.map((entries) => entries[Symbol.asyncIterator]());
  const next = async (iterator: AsyncIterator<SourceEntry<T>>) => {
    const { value, done } = await iterator.next();
    return done === true ? undefined : (value as SourceEntry<T>);
  };
  try {
    const heads: (SourceEntry<T> | undefined)[] = [];
    for (const iterator of iterators) heads.push(await next(iterator));
    for (;;) {
      const lowest = heads.reduce<bigint | undefined>(
        (least, head) => (head === undefined || (least !== undefined && least <= head.number) ? least : head.number),
        undefined,
      );
      if (lowest === undefined) return;
      const here = heads.map((head) => (head?.number === lowest ? head : undefined));
      yield {
        log,
        number: lowest,
        versions: versionsOf(here.map((head) => head?.wire)),
        entries: here.map((head) => head?.entry),
      };
      for (const [place, iterator] of iterators.entries())
        if (here[place] !== undefined) heads[place] = await next(iterator);
    }
  } finally {
    await closeAll(iterators.map((iterator) => () => iterator.return?.()));
  }
}

/** See {@link Comparison.versions}. */
function versionsOf(bytes: readonly (Uint8Array | undefined)[]): (number | undefined)[] {
  const known: Uint8Array[] = [];
  return bytes.map((wire) => {
    if (wire === undefined) return undefined;
    const version = known.findIndex((before) => Buffer.compare(before, wire) === 0);
    return version >= 0 ? version : known.push(wire) - 1;
  });
}

function kindOf(
  [first, second]: Comparison<unknown, unknown>['versions'],
  log: string,
): Difference['kind'] | undefined {
  if (first === second) return undefined;
  if (first !== undefined && second !== undefined) return 'differs';
  return log === 'votes' ? undefined : first === undefined ? 'second' : 'first';
}

/** The part of the votes that determines what may be signed, without reasons, times and home. */
function signingState({ quarantine, ...votes }: StoredVotes): Buffer {
  const closed =
    quarantine === undefined
      ? undefined
      : { ...quarantine, parts: [...quarantine.parts].sort(), why: '', when: '', seq: 0n };
  const { bytes } = encodeVotes(
    { ...votes, home: undefined, sinks: undefined, heirOf: undefined, quarantine: closed },
    0n,
  );
  return Buffer.concat([bytes, encodeLaneFloors(votes.laneFloors).bytes]);
}
