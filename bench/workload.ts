/** The workloads of the benchmark (docs/design.md, Workloads). */

/** A workload: all its rounds have this shape. */
export interface Workload {
  readonly id: string;
  readonly lanes: number;
  /** Blocks per lane in a round. */
  readonly blocksPerLane: number;
  /** Size of the LevelDB record of a block. */
  readonly blockBytes: number;
  /** Blocks that stay in a lane after a round. */
  readonly blocksKept: number;
}

/** Number of blocks in a lane by the protocol (docs/original.md, Sizes). */
export const BLOCKS_KEPT = 30;
/**
 * The same in a quick run with large blocks, which would otherwise take too long to fill the lanes.
 */
const QUICK_BLOCKS_KEPT = 6;
const QUICK_ROUND_BYTES_MAX = 4 * 1024 * 1024;

const KIB = 1024;

/** All workloads, i to vii. */
export const WORKLOADS: readonly Workload[] = [
  { id: 'i', lanes: 4, blocksPerLane: 1, blockBytes: KIB, blocksKept: BLOCKS_KEPT },
  { id: 'ii', lanes: 20, blocksPerLane: 1, blockBytes: KIB, blocksKept: BLOCKS_KEPT },
  { id: 'iii', lanes: 40, blocksPerLane: 3, blockBytes: KIB, blocksKept: BLOCKS_KEPT },
  { id: 'iv', lanes: 4, blocksPerLane: 1, blockBytes: 256 * KIB, blocksKept: BLOCKS_KEPT },
  { id: 'v', lanes: 20, blocksPerLane: 1, blockBytes: 64 * KIB, blocksKept: BLOCKS_KEPT },
  { id: 'vi', lanes: 100, blocksPerLane: 1, blockBytes: KIB, blocksKept: BLOCKS_KEPT },
  { id: 'vii', lanes: 20, blocksPerLane: 1, blockBytes: 1024 * KIB, blocksKept: BLOCKS_KEPT },
];

/** Bytes of the blocks of one round. */
export function roundBlockBytes({ lanes, blocksPerLane, blockBytes }: Workload): number {
  return lanes * blocksPerLane * blockBytes;
}

/** The workload named `id`. @throws RangeError if there is none. */
export function workloadOf(id: string): Workload {
  const found = WORKLOADS.find((workload) => workload.id === id);
  if (found === undefined) {
    throw new RangeError(`unknown workload "${id}"; known are ${WORKLOADS.map((workload) => workload.id).join(', ')}`);
  }
  return found;
}

/** The workload for a quick run. With fewer kept blocks the WALs have less to rewrite. */
export function quickly(workload: Workload): Workload {
  return roundBlockBytes(workload) > QUICK_ROUND_BYTES_MAX ? { ...workload, blocksKept: QUICK_BLOCKS_KEPT } : workload;
}

/** One readable line: `ii: 20 lanes x 1 block x 1 KiB`. */
export function describe({ id, lanes, blocksPerLane, blockBytes, blocksKept }: Workload): string {
  const size = blockBytes >= KIB * KIB ? `${blockBytes / KIB / KIB} MiB` : `${blockBytes / KIB} KiB`;
  const kept = blocksKept === BLOCKS_KEPT ? '' : `, ${blocksKept} blocks a lane kept instead of ${BLOCKS_KEPT}`;
  return `${id}: ${lanes} lanes x ${blocksPerLane} block${blocksPerLane === 1 ? '' : 's'} x ${size}${kept}`;
}
