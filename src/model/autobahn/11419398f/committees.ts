/** Committees that follow one another, for whoever checks entries of more than one. */
import { fields, required, uint64, withMethods } from '../../../base/options.js';
import { LanestoreError } from '../../../errors.js';
import { entryNumber, laneIdOf } from '../../../keys/index.js';
import type { RoadRange } from '../../checks.js';
import { type Committee, checkCommittee } from './committee.js';
import type { PublicKey } from './types.js';

/** A committee, and when it holds. */
export interface CommitteeTerm {
  /** The first road index at which it holds: until that of the next term, the last one without an end. */
  readonly from: bigint;
  readonly committee: Committee;
}

const checkTerm = fields<CommitteeTerm>({ from: required(uint64), committee: required(checkCommittee) });

/** The committees of a network, in the order in which they held. There is no gap behind the first one's beginning. */
export class Committees {
  /** Ascending; never empty. */
  readonly terms: readonly CommitteeTerm[];

  /** @throws LANESTORE_INVALID if there is none, two hold from the same road index, or one is listed behind a later one. */
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
          `the committee from road index ${from} is listed behind that from ${last}: list them in ascending order`,
        );
      }
      last = from;
    }
  }

  /** The committee that holds at a road index. @throws LANESTORE_VERIFY if the first one begins later. */
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
   * A committee that has the lane, of those that hold somewhere in [roads.first, roads.next], `next` included: it is the road index
   * being decided, and the newest blocks are not ordered before. @throws LANESTORE_VERIFY if none of them has it.
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

/** Committees, also of another copy of this package. */
export const checkCommittees = withMethods<Committees>('a Committee or Committees', 'at', 'ofLane');
