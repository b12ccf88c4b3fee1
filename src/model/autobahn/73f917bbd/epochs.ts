/** The epochs of a network, one after another: verifies entries of all of them. */
import { fields, required, uint64, withMethods } from '../../../base/options.js';
import { LanestoreError } from '../../../errors.js';
import type { RoadRange } from '../../checks.js';
import { checkTerms, committeeOfLane, termAt } from '../validators.js';
import { type Committee, checkCommittee } from './committee.js';
import { laneParts } from './lane.js';
import type { Lane } from './types.js';

/** An epoch: a committee, and the road indexes for which it is valid. */
export interface Epoch {
  /** Its number; u64. */
  readonly index: bigint;
  /** Its first road index; it ends before that of the next epoch, and the last one has no end. */
  readonly from: bigint;
  readonly committee: Committee;
}

const checkEpoch = fields<Epoch>({
  index: required(uint64),
  from: required(uint64),
  committee: required(checkCommittee),
});

/** The epochs of a network, ascending by index and by first road index. */
export class Epochs {
  /** Ascending; never empty. */
  readonly epochs: readonly Epoch[];

  /** @throws LANESTORE_INVALID if there is none, or if they do not ascend. */
  constructor(epochs: Iterable<Epoch>) {
    this.epochs = [...epochs];
    for (const [i, epoch] of this.epochs.entries()) checkEpoch(epoch, `Epochs: epochs[${i}]`);
    checkTerms(this.epochs);
    for (const [i, { index }] of this.epochs.entries()) {
      const before = this.epochs[i - 1]?.index;
      if (before === undefined || before < index) continue;
      throw new LanestoreError(
        'LANESTORE_INVALID',
        `epoch ${index} is listed after epoch ${before}: list them ascending`,
      );
    }
  }

  /** The epoch of a road index. @throws LANESTORE_VERIFY if the first epoch begins later. */
  at(roadIndex: bigint): Epoch {
    return termAt(this.epochs, roadIndex);
  }

  /**
   * A committee with this lane whose epoch overlaps [roads.first, roads.next].
   * @throws LANESTORE_VERIFY if there is none.
   */
  ofLane(lane: Lane, roads: RoadRange): Committee {
    return committeeOfLane(this.epochs, lane, roads, (committee) => committee.hasLane(lane));
  }
}

/** True if the epoch has closed the lane: its validator joined earlier, and has left. */
export function closesLane({ index, committee }: Epoch, lane: Lane): boolean {
  return laneParts(lane).joined < index && !committee.hasLane(lane);
}

/** Checks for Epochs; accepts an object of another copy of this package. */
export const checkEpochs = withMethods<Epochs>('Epochs', 'at', 'ofLane');
