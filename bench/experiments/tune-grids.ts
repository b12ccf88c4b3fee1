/**
 * The slices of tuning: in each, variants of the store take turns on one workload in a run of a few
 * minutes.
 */
import { type VariantSettings, variantName } from '../contenders/variant.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Variants that are compared with each other. */
export interface Grid {
  readonly title: string;
  /** Number of rounds that are submitted together. */
  readonly inFlight: number;
  /** Names of contenders. */
  readonly contenders: readonly string[];
}

/** One run of `tune.ts`. */
export interface Slice {
  readonly name: string;
  readonly workload: string;
  readonly grid: Grid;
  /**
   * Measured rounds per variant: enough for several flushes of all but the largest write buffers,
   * in at most 100 seconds.
   */
  readonly rounds: number;
}

const variants = (settings: readonly VariantSettings[]) => settings.map(variantName);

const WRITE_BUFFERS_MIB = [1, 2, 4, 8, 16, 32, 64];
const COMPRESSED_MIB = [1, 4, 16, 64];

/** All combinations of write buffer and compression; other settings change one at a time. */
const GRIDS: Readonly<Record<string, Grid>> = {
  buffer: {
    title: 'write buffer and compression',
    inFlight: 1,
    contenders: variants([
      ...WRITE_BUFFERS_MIB.map((mib) => ({ writeBufferBytes: mib * MIB, compression: false })),
      ...COMPRESSED_MIB.map((mib) => ({ writeBufferBytes: mib * MIB, compression: true })),
    ]),
  },
  inline: {
    title: 'write buffer, values inline',
    inFlight: 1,
    contenders: variants([1, 4, 16, 64].map((mib) => ({ writeBufferBytes: mib * MIB, values: false }))),
  },
  tables: {
    title: 'block and table file size',
    inFlight: 1,
    contenders: variants([
      {},
      ...[1, 16, 64].map((kib) => ({ blockBytes: kib * KIB })),
      ...[2, 4, 16, 64].map((mib) => ({ tableFileBytes: mib * MIB })),
    ]),
  },
  batch: {
    title: 'the batch: chained or an array, deletes inside or separate',
    inFlight: 1,
    contenders: ['raw', 'raw-array', 'raw-deletes-apart'],
  },
  merging: {
    title: 'merging cap, 16 rounds in flight',
    inFlight: 16,
    contenders: variants([0.25, 1, 4, 16].map((mib) => ({ maxMergeBytes: mib * MIB }))),
  },
};

const ROUNDS: Readonly<Record<string, number>> = { ii: 600, iii: 330, v: 90 };

/** Workloads on which a grid makes no measurable difference are omitted. */
const WORKLOADS_OF: Readonly<Record<string, readonly string[]>> = {
  buffer: ['ii', 'iii', 'v'],
  inline: ['v'],
  tables: ['iii', 'v'],
  batch: ['ii', 'iii', 'v'],
  merging: ['iii', 'v'],
};

/** All slices, in the order of the page. */
export const SLICES: readonly Slice[] = Object.entries(GRIDS).flatMap(([name, grid]) =>
  (WORKLOADS_OF[name] ?? []).map((workload) => ({
    name: `${name}-${workload}`,
    workload,
    grid,
    rounds: ROUNDS[workload] ?? 0,
  })),
);

/** The settings of a variant for a table: `writeBufferBytes 4 MiB, compression`. */
export function readableName(contender: string): string {
  if (contender === 'level') return 'defaults';
  return contender
    .replace(/^level /, '')
    .split(' ')
    .map((word) => {
      const [name = '', value] = word.split('=');
      if (value === undefined) return name;
      if (name === 'values') return value === 'true' ? 'values separated' : 'values inline';
      if (name === 'compression') return value === 'true' ? 'compressed' : 'not compressed';
      const bytes = Number(value);
      return `${name} ${bytes >= MIB ? `${bytes / MIB} MiB` : `${bytes / KIB} KiB`}`;
    })
    .join(', ');
}
