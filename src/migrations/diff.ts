/**
 * Compares two states of any layout, entry by entry, before any rules are applied; and their votes,
 * if both keep some.
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
  const wire = (source: Source<B, Q, A>) => source.anchor && model.anchor.toWire(source.anchor.entry);
  const anchor = kindOf(wire(first), wire(second));
  const index = first.anchor?.point.index ?? second.anchor?.point.index;
  if (anchor !== undefined) yield { log: 'anchor', ...(index === undefined ? {} : { number: index }), kind: anchor };
  const inner = kindOf(first.inner, second.inner);
  if (inner !== undefined) yield { log: 'inner', kind: inner };
  if (votesDiffer(first.votes, second.votes)) yield { log: 'votes', kind: 'differs' };
  yield* diffLogs('qc', first.commitQCs(), second.commitQCs());
  const lanes = new Set<LaneId>([...first.lanes.keys(), ...second.lanes.keys()]);
  for (const lane of [...lanes].sort()) yield* diffLogs(lane, first.blocks(lane), second.blocks(lane));
}

/** Merges two ascending logs: the one with the lower number advances. */
async function* diffLogs<T>(
  log: string,
  first: AsyncIterable<SourceEntry<T>>,
  second: AsyncIterable<SourceEntry<T>>,
): AsyncGenerator<Difference, void, void> {
  const [a, b] = [first[Symbol.asyncIterator](), second[Symbol.asyncIterator]()];
  const next = async (iterator: AsyncIterator<SourceEntry<T>>) => {
    const { value, done } = await iterator.next();
    return done === true ? undefined : (value as SourceEntry<T>);
  };
  try {
    let [x, y] = [await next(a), await next(b)];
    while (x !== undefined || y !== undefined) {
      if (y === undefined || (x !== undefined && x.number < y.number)) {
        yield { log, number: x!.number, kind: 'first' };
        x = await next(a);
      } else if (x === undefined || y.number < x.number) {
        yield { log, number: y.number, kind: 'second' };
        y = await next(b);
      } else {
        if (Buffer.compare(x.wire, y.wire) !== 0) yield { log, number: x.number, kind: 'differs' };
        [x, y] = [await next(a), await next(b)];
      }
    }
  } finally {
    await closeAll([() => a.return?.(), () => b.return?.()]);
  }
}

function kindOf(first: Uint8Array | undefined, second: Uint8Array | undefined): Difference['kind'] | undefined {
  if (first === undefined) return second === undefined ? undefined : 'second';
  if (second === undefined) return 'first';
  return Buffer.compare(first, second) === 0 ? undefined : 'differs';
}

/** True if both are present and permit different signatures. */
function votesDiffer(first: StoredVotes | undefined, second: StoredVotes | undefined): boolean {
  if (first === undefined || second === undefined) return false;
  return Buffer.compare(signingState(first), signingState(second)) !== 0;
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
