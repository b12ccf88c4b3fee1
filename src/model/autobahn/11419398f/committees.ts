/** The committees of a network, one after another: verifies entries of all their terms. */
import { fields, required, uint64, withMethods } from '../../../base/options.js';
import { LanestoreError } from '../../../errors.js';
import { entryNumber, laneIdOf } from '../../../keys/index.js';
import type { RoadRange } from '../../checks.js';
import { type Committee, checkCommittee } from './committee.js';
import type { PublicKey } from './types.js';

/** A committee and its term. */
export interface CommitteeTerm {
  /**
   * First road index of the term, which ends before that of the next term; the last term has no
   * end.
   */
  readonly from: bigint;
  readonly committee: Committee;
}

const checkTerm = fields<CommitteeTerm>({ from: required(uint64), committee: required(checkCommittee) });

/**
 * The committees of a network, in ascending order. From the first term's start on, every road index
 * has a committee.
 */
export class Committees {
  /** Ascending; never empty. */
  readonly terms: readonly CommitteeTerm[];

  /**
   * @throws LANESTORE_INVALID if there is none, if two have the same first road index, or if they
   * do not ascend.
   */
  constructor(terms: Iterable<CommitteeTerm>) {
    this.terms = [...terms];
    if (this.terms.length === 0) throw new LanestoreError('LANESTORE_INVALID', 'there is no committee');
    let last: bigint | undefined;
    for (const [i, term] of this.terms.entries()) {
      const { from } = checkTerm(term, `Committees: terms[${i}]`);
      entryNumber(from, 'road index of a committee');
      if (last === from) {
        throw new LanestoreError('LANESTORE_INVALID', `two committees hold from road index ${from}: they overlap`);
      }
      if (last !== undefined && last > from) {
        throw new LanestoreError(
          'LANESTORE_INVALID',
          `the committee from road index ${from} is listed after that from ${last}: list them in ascending order`,
        );
      }
      last = from;
    }
  }

  /** The committee of a road index. @throws LANESTORE_VERIFY if the first term begins later. */
  at(roadIndex: bigint): Committee {
    const term = this.terms.findLast(({ from }) => from <= roadIndex);
    if (term === undefined) {
      throw new LanestoreError(
        'LANESTORE_VERIFY',
        `no committee is given for road index ${roadIndex}: the first one holds from ${this.terms[0]?.from}`,
      );
    }
    return term.committee;
  }

  /**
   * A committee with this lane whose term overlaps [roads.first, roads.next]. `next` is included:
   * it is the road index being decided, and no earlier one orders the newest blocks.
   * @throws LANESTORE_VERIFY if there is none.
   */
  ofLane(lane: PublicKey, { first, next }: RoadRange): Committee {
    for (const [i, { from, committee }] of this.terms.entries()) {
      const end = this.terms[i + 1]?.from;
      if (from <= next && (end === undefined || end > first) && committee.has(lane)) return committee;
    }
    throw new LanestoreError(
      'LANESTORE_VERIFY',
      `lane ${laneIdOf(lane)} is not one of the committees that hold at road indexes ${first} to ${next}`,
    );
  }
}

/** Checks for Committees; accepts an object of another copy of this package. */
export const checkCommittees = withMethods<Committees>('a Committee or Committees', 'at', 'ofLane');
