/** Sets of sinks, the check that their quorums intersect, and the stores that were taken over. */
import { fieldNames, iterable, outOfRange, string, wholeNumber } from '../base/options.js';

/** A set of sinks. Each write and each read includes at least `quorum` of them. */
export interface WitnessSet {
  /** Ascending, each once. */
  readonly names: readonly string[];
  /** More than half of the sinks. */
  readonly quorum: number;
  /**
   * The previous set, until a quorum of it is known to hold a batch of this one. Until then its
   * sinks must be written, too.
   */
  readonly former?: Omit<WitnessSet, 'former'> | undefined;
}

/** A batch of a store. */
export interface StoreBatch {
  /** The id of the store, 16 bytes. */
  readonly store: Uint8Array;
  readonly seq: bigint;
}

/** Upper bound of sinks in one set. */
export const SINKS_MAX = 32;
const NAME = /^[\x21-\x7e]{1,256}$/;

const checkNames = fieldNames<WitnessSet>(['names', 'quorum', 'former']);

/** True if `value` may name a sink: 1 to 256 visible ASCII characters. */
export function isSinkName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

/** The smallest quorum of `count` sinks such that any two quorums have a sink in common. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * Checks a set; returns it as it is recorded, with ascending names.
 * @throws LANESTORE_INVALID for no names, a duplicate name, or a quorum that is not more than half.
 */
export function checkWitnessSet(value: WitnessSet, name: string): WitnessSet {
  const { names, quorum, former } = checkNames(value, name);
  iterable(names, `${name}.names`);
  const list = [...names];
  for (const item of list) {
    string(item, `${name}.names`);
    if (!isSinkName(item)) throw outOfRange(`${name}.names`, '1 to 256 visible ASCII characters each', item);
  }
  if (list.length === 0 || list.length > SINKS_MAX || new Set(list).size !== list.length) {
    throw outOfRange(`${name}.names`, `1 to ${SINKS_MAX} names, each once`, list.join(', '));
  }
  wholeNumber(majorityOf(list.length), list.length, 'of sinks')(quorum, `${name}.quorum`);
  const set = { names: list.sort(), quorum };
  return former === undefined ? set : { ...set, former: checkWitnessSet(former, `${name}.former`) };
}

/** A recorded set; undefined if `value` is not a valid one. */
export function witnessSetOf(value: unknown): WitnessSet | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { names, quorum, former, ...rest } = value as Partial<WitnessSet>;
  if (Object.keys(rest).length > 0 || !Array.isArray(names) || !names.every(isSinkName)) return undefined;
  if (names.length === 0 || names.length > SINKS_MAX || typeof quorum !== 'number') return undefined;
  if (names.some((name, i) => i > 0 && name <= (names[i - 1] as string))) return undefined;
  if (!Number.isInteger(quorum) || quorum < majorityOf(names.length) || quorum > names.length) return undefined;
  if (former === undefined) return { names, quorum };
  const before = witnessSetOf(former);
  return before === undefined || before.former !== undefined ? undefined : { names, quorum, former: before };
}

/** True if both have the same sinks and quorum. */
export function isSameSet(a: WitnessSet | undefined, b: WitnessSet | undefined): boolean {
  return a?.quorum === b?.quorum && `${a?.names}` === `${b?.names}`;
}

/** Stores that were taken over, each with its highest batch, ascending by their ids. */
export function withHeirs(before: readonly StoreBatch[], added: readonly StoreBatch[]): readonly StoreBatch[] {
  const heirs = new Map<string, StoreBatch>();
  for (const heir of [...before, ...added]) {
    const id = Buffer.from(heir.store).toString('hex');
    if ((heirs.get(id)?.seq ?? -1n) < heir.seq) heirs.set(id, heir);
  }
  return [...heirs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, heir]) => heir);
}
