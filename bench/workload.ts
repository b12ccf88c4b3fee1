/** The workloads that the contenders are compared on (docs/design.md, Workloads). */

/** What every round of a workload brings. */
export interface Workload {
  readonly id: string;
  readonly lanes: number;
  /** Blocks that each lane gets in a round. */
  readonly blocksPerLane: number;
  /** Bytes of a block's LevelDB record. */
  readonly blockBytes: number;
  /** Blocks that stay in a lane after a round. */
  readonly blocksKept: number;
}

/** What a lane holds by the protocol (docs/original.md, Sizes). */
export const BLOCKS_KEPT = 30;
/** Lanes of large blocks take longer to fill than a quick run may: then they hold fewer. */
const QUICK_BLOCKS_KEPT = 6;
const QUICK_ROUND_BYTES_MAX = 4 * 1024 * 1024;

const KIB = 1024;

/** i to vii. */
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
    throw new RangeError(`no workload "${id}"; there are ${WORKLOADS.map((workload) => workload.id).join(', ')}`);
  }
  return found;
}

/** The workload as a quick run has it. The WALs, which write again what stays, have less to do then. */
export function quickly(workload: Workload): Workload {
  return roundBlockBytes(workload) > QUICK_ROUND_BYTES_MAX ? { ...workload, blocksKept: QUICK_BLOCKS_KEPT } : workload;
}

/** One line for people: `ii: 20 lanes x 1 block x 1 KiB`. */
export function describe({ id, lanes, blocksPerLane, blockBytes, blocksKept }: Workload): string {
  const size = blockBytes >= KIB * KIB ? `${blockBytes / KIB / KIB} MiB` : `${blockBytes / KIB} KiB`;
  const kept = blocksKept === BLOCKS_KEPT ? '' : `, ${blocksKept} blocks a lane kept instead of ${BLOCKS_KEPT}`;
  return `${id}: ${lanes} lanes x ${blocksPerLane} block${blocksPerLane === 1 ? '' : 's'} x ${size}${kept}`;
}
