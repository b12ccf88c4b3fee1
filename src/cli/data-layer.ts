/** The data layer of a state of the original at 73f917bbd, as `inspect` shows it. */
import type { DataRows } from '../migrations/index.js';
import { formatBytes } from './output.js';

/** The global numbers [first, next) of one kind of rows, and the bytes of their values. */
export interface RowsSummary {
  readonly first: bigint;
  readonly next: bigint;
  readonly held: number;
  readonly bytes: number;
}

/** The kinds of rows, by the component of their keys (state-entries.ts). */
export const ROW_KINDS = { qc: 'fullCommitQC', block: 'block', app: 'appProposal', appqc: 'appQC' } as const;

/** All kinds. */
export type DataLayer = Readonly<Record<keyof typeof ROW_KINDS, RowsSummary>>;

/** Summarizes the rows. */
export function dataLayerOf({ stored }: DataRows): DataLayer {
  const summary = (name: keyof DataLayer): RowsSummary => {
    const rows = stored[ROW_KINDS[name]];
    const first = rows[0]?.first ?? 0n;
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
    return { first, next: rows.at(-1)?.next ?? first, held: rows.length, bytes };
  };
  return { qc: summary('qc'), block: summary('block'), app: summary('app'), appqc: summary('appqc') };
}

/** One line for each kind, through `line`. */
export function showDataLayer(layer: DataLayer, line: (name: string, text: string) => void): void {
  line('data layer', 'global block numbers; an import leaves them out');
  for (const [kind, { first, next, held, bytes }] of Object.entries(layer)) {
    line(`  ${kind}`, `[${first}, ${next})  ${held} held, ${formatBytes(bytes)}`);
  }
}
