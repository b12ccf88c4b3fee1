/** Selects the committee that decides a road, while one committee takes over from another. */
import { type Check, fields, mismatch, required, uint64 } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import { type LaneId, laneId, laneIdOf, u64 } from '../keys/index.js';
import { checkCommittee } from '../model/autobahn/11419398f/committee.js';
import type { Committee } from '../model/autobahn/index.js';

/** A committee and the roads that it decides: from `firstRoad` to before the next epoch's. */
export interface Epoch {
  readonly committee: Committee;
  /** The first road index that it decides. */
  readonly firstRoad: bigint;
  /**
   * First block numbers of the lanes that are new in this epoch, by lane id; 0 for lanes not
   * listed.
   */
  readonly baselines?: ReadonlyMap<LaneId, bigint>;
}

const checkBaselines: Check<ReadonlyMap<LaneId, bigint>> = (value, name) => {
  if (!(value instanceof Map)) throw mismatch(name, 'a Map', value);
  return value;
};

/** Checks the fields of an epoch. */
export const checkEpoch = fields<Epoch>({
  committee: required(checkCommittee),
  firstRoad: required(uint64),
  baselines: checkBaselines,
});

/** The current epochs, oldest first. There is always at least one. */
export class Epochs {
  #epochs: Epoch[];

  /** @throws LANESTORE_INVALID if there is none, or if their roads do not ascend. */
  constructor(epochs: readonly Epoch[]) {
    if (epochs.length === 0) throw new LanestoreError('LANESTORE_INVALID', 'there must be a committee');
    this.#epochs = [];
    for (const epoch of epochs) this.add(epoch);
  }

  /** The newest epoch. */
  get newest(): Epoch {
    return this.#epochs.at(-1) as Epoch;
  }

  /** Adds the next epoch. @throws LANESTORE_INVALID if it does not begin after the newest one. */
  add(epoch: Epoch): void {
    const newest = this.#epochs.at(-1);
    u64(epoch.firstRoad, 'first road index of the committee');
    if (newest !== undefined && epoch.firstRoad <= newest.firstRoad) {
      throw new LanestoreError(
        'LANESTORE_INVALID',
        `a committee from road ${epoch.firstRoad} on cannot follow one from road ${newest.firstRoad} on`,
      );
    }
    for (const [lane, start] of epoch.baselines ?? []) u64(start, `baseline of lane ${laneId(lane)}`);
    this.#epochs.push(epoch);
  }

  /** The committee that decides road `index`. */
  at(index: bigint): Committee {
    return (this.#epochs.findLast(({ firstRoad }) => firstRoad <= index) ?? (this.#epochs[0] as Epoch)).committee;
  }

  /** The newest committee that has the lane `lane`, or undefined if none has it. */
  of(lane: Uint8Array): Committee | undefined {
    return this.#epochs.findLast(({ committee }) => committee.has(lane))?.committee;
  }

  /**
   * True if this is the vote that completes a LaneQC in one of the committees: `votes` equals its
   * quorum.
   */
  isLaneQuorum(votes: number): boolean {
    return this.#epochs.some(({ committee }) => committee.laneQuorum === votes);
  }

  /** The first block number of a lane that never held a block. */
  baseline(lane: LaneId): bigint {
    return this.#epochs.findLast(({ baselines }) => baselines?.has(lane))?.baselines?.get(lane) ?? 0n;
  }

  /** The lanes of all current committees. */
  lanes(): Set<LaneId> {
    return new Set(this.#epochs.flatMap(({ committee }) => committee.keys.map(laneIdOf)));
  }

  /**
   * Removes the epochs that end at or before road `index`, and returns the lanes that no remaining
   * committee has.
   */
  retire(index: bigint): LaneId[] {
    const kept = this.#epochs.findLastIndex(({ firstRoad }) => firstRoad <= index);
    if (kept <= 0) return [];
    const before = this.lanes();
    this.#epochs = this.#epochs.slice(kept);
    const after = this.lanes();
    return [...before].filter((lane) => !after.has(lane));
  }
}
