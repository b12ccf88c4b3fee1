/** The workloads that the contenders are compared on (design.md section 7). */

/** What every round of a workload brings. */
export interface Workload {
  readonly id: string;
  readonly lanes: number;
  /** Blocks that each lane gets in a round. */
  readonly blocksPerLane: number;
  /** Bytes of a block's LevelDB record. */
  readonly blockBytes: number;
}

/** Blocks that stay in a lane after a round. */
export const BLOCKS_KEPT = 30;

const KIB = 1024;

/** i to vii. */
export const WORKLOADS: readonly Workload[] = [
  { id: 'i', lanes: 4, blocksPerLane: 1, blockBytes: KIB },
  { id: 'ii', lanes: 20, blocksPerLane: 1, blockBytes: KIB },
  { id: 'iii', lanes: 40, blocksPerLane: 3, blockBytes: KIB },
  { id: 'iv', lanes: 4, blocksPerLane: 1, blockBytes: 256 * KIB },
  { id: 'v', lanes: 20, blocksPerLane: 1, blockBytes: 64 * KIB },
  { id: 'vi', lanes: 100, blocksPerLane: 1, blockBytes: KIB },
  { id: 'vii', lanes: 20, blocksPerLane: 1, blockBytes: 1024 * KIB },
];

/** Bytes of the blocks of one round. */
export function roundBlockBytes({ lanes, blocksPerLane, blockBytes }: Workload): number {
  return lanes * blocksPerLane * blockBytes;
}

/** The workload named `id`. @throws RangeError if there is none. */
export function workloadOf(id: string): Workload {
  const found = WORKLOADS.find((workload) => workload.id === id);
  if (found === undefined) {
    throw new RangeError(`no workload "${id}"; there are ${WORKLOADS.map((workload) => workload.id).join(', ')}`);
  }
  return found;
}

/** One line for people: `ii: 20 lanes x 1 block x 1 KiB`. */
export function describe({ id, lanes, blocksPerLane, blockBytes }: Workload): string {
  const size = blockBytes >= KIB * KIB ? `${blockBytes / KIB / KIB} MiB` : `${blockBytes / KIB} KiB`;
  return `${id}: ${lanes} lanes x ${blocksPerLane} block${blocksPerLane === 1 ? '' : 's'} x ${size}`;
}
