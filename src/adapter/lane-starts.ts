/** The first blocks of lanes, as a CommitQC lists them. */
import type { LaneId } from '../keys/index.js';

/**
 * A read-only map from a list. The real map is made when it is first needed: most rounds read the
 * list once, from its beginning to its end, and for a hundred lanes the map takes longer than the
 * planner.
 */
export class LaneStarts implements ReadonlyMap<LaneId, bigint> {
  readonly #lanes: LaneId[] = [];
  readonly #starts: bigint[] = [];
  #map: Map<LaneId, bigint> | undefined;

  /** Adds a lane. If a lane is added twice, its last start counts. */
  add(lane: LaneId, start: bigint): void {
    const { length } = this.#lanes;
    // In ascending order no lane comes twice.
    const isAscending = length === 0 || lane > (this.#lanes[length - 1] as LaneId);
    if (this.#map !== undefined || !isAscending) this.#made().set(lane, start);
    this.#lanes.push(lane);
    this.#starts.push(start);
  }

  forEach(callback: (start: bigint, lane: LaneId, map: ReadonlyMap<LaneId, bigint>) => void): void {
    if (this.#map === undefined) {
      const { length } = this.#lanes;
      for (let i = 0; i < length; i++) callback(this.#starts[i] as bigint, this.#lanes[i] as LaneId, this);
    } else for (const [lane, start] of this.#map) callback(start, lane, this);
  }

  get size(): number {
    return this.#made().size;
  }

  get(lane: LaneId): bigint | undefined {
    return this.#made().get(lane);
  }

  has(lane: LaneId): boolean {
    return this.#made().has(lane);
  }

  keys(): ReturnType<Map<LaneId, bigint>['keys']> {
    return this.#made().keys();
  }

  values(): ReturnType<Map<LaneId, bigint>['values']> {
    return this.#made().values();
  }

  entries(): ReturnType<Map<LaneId, bigint>['entries']> {
    return this.#made().entries();
  }

  [Symbol.iterator](): ReturnType<Map<LaneId, bigint>['entries']> {
    return this.#made().entries();
  }

  #made(): Map<LaneId, bigint> {
    if (this.#map === undefined) {
      this.#map = new Map();
      for (let i = 0; i < this.#lanes.length; i++) this.#map.set(this.#lanes[i] as LaneId, this.#starts[i] as bigint);
    }
    return this.#map;
  }
}
