/** The committees of a network, one after another: verifies entries of all their terms. */
import { fields, required, uint64, withMethods } from '../../../base/options.js';
import type { RoadRange } from '../../checks.js';
import { checkTerms, committeeOfLane, termAt } from '../validators.js';
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
    for (const [i, term] of this.terms.entries()) checkTerm(term, `Committees: terms[${i}]`);
    checkTerms(this.terms);
  }

  /** The committee of a road index. @throws LANESTORE_VERIFY if the first term begins later. */
  at(roadIndex: bigint): Committee {
    return termAt(this.terms, roadIndex).committee;
  }

  /**
   * A committee with this lane whose term overlaps [roads.first, roads.next]. `next` is included:
   * it is the road index being decided, and no earlier one orders the newest blocks.
   * @throws LANESTORE_VERIFY if there is none.
   */
  ofLane(lane: PublicKey, roads: RoadRange): Committee {
    return committeeOfLane(this.terms, lane, roads, (committee) => committee.has(lane));
  }
}

/** Checks for Committees; accepts an object of another copy of this package. */
export const checkCommittees = withMethods<Committees>('a Committee or Committees', 'at', 'ofLane');
