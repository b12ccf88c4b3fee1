/**
 * Metrics of the served locations for Prometheus. A metric that the library has, too, has the name
 * in the library's table. The others are specific to locations.
 */
import { METRICS } from '../../metrics/index.js';
import { failureOf } from './failure.js';
import type { ServedLocation } from './location.js';
import type { Overview } from './overview.js';

interface Row {
  readonly kind: 'gauge' | 'counter';
  readonly help: string;
  /** Undefined if there is no sample. */
  readonly value: (overview: Overview) => number | undefined;
}

const numberOf = (value: bigint | undefined) => (value === undefined ? undefined : Number(value));

const ROWS: Readonly<Record<string, Row>> = {
  lanestore_location_batches_total: {
    kind: 'counter',
    help: 'Batches of the store: the number of the newest one.',
    value: ({ seq }) => numberOf(seq),
  },
  lanestore_location_commit_qcs_total: {
    kind: 'counter',
    help: 'The next road index: CommitQCs that the state has held.',
    value: ({ commitQCs }) => Number(commitQCs.next),
  },
  lanestore_location_blocks_total: {
    kind: 'counter',
    help: 'Sum of the next block numbers of all lanes.',
    value: ({ lanes }) => lanes.reduce((sum, { next }) => sum + Number(next), 0),
  },
  lanestore_location_blocks: {
    kind: 'gauge',
    help: 'Blocks that the state holds.',
    value: ({ lanes }) => lanes.reduce((sum, { first, next }) => sum + Number(next - first), 0),
  },
  lanestore_location_lanes: { kind: 'gauge', help: 'Lanes.', value: ({ lanesTotal }) => lanesTotal },
  lanestore_location_anchor_road_index: {
    kind: 'gauge',
    help: 'Road index of the anchor.',
    value: ({ anchor }) => numberOf(anchor ?? undefined),
  },
  lanestore_location_findings: {
    kind: 'gauge',
    help: 'Findings of a short look: files, tip and single records.',
    value: ({ findingsTotal }) => findingsTotal,
  },
  lanestore_location_quarantined: {
    kind: 'gauge',
    help: '1 if a quarantine closes parts of the votes, else 0.',
    value: ({ votes }) => (votes === undefined ? undefined : votes.quarantine === null ? 0 : 1),
  },
  lanestore_location_bytes: { kind: 'gauge', help: 'Bytes of all files.', value: ({ bytes }) => bytes },
  lanestore_value_file_bytes: {
    ...METRICS.lanestore_value_file_bytes,
    value: ({ files, layout }) =>
      layout === 'level'
        ? files.reduce((sum, { name, bytes }) => sum + (name.startsWith('values') ? bytes : 0), 0)
        : undefined,
  },
  lanestore_free_disk_bytes: {
    ...METRICS.lanestore_free_disk_bytes,
    value: ({ freeBytes }) => freeBytes ?? undefined,
  },
};

/** The text for Prometheus. A location that cannot be read has only `lanestore_location_up` 0. */
export async function metricsOf(locations: readonly ServedLocation[]): Promise<string> {
  const overviews = await Promise.all(locations.map((location) => location.overview().catch(() => undefined)));
  const label = ({ path }: ServedLocation) => `{location="${path.replaceAll(/[\\"\n]/g, escaped)}"}`;
  const lines = [
    '# HELP lanestore_location_up 1 if the location can be read, else 0.',
    '# TYPE lanestore_location_up gauge',
  ];
  for (const [i, location] of locations.entries())
    lines.push(`lanestore_location_up${label(location)} ${overviews[i] === undefined ? 0 : 1}`);
  for (const [name, { kind, help, value }] of Object.entries(ROWS)) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
    for (const [i, location] of locations.entries()) {
      const overview = overviews[i];
      const sample = overview === undefined ? undefined : value(overview);
      if (sample !== undefined) lines.push(`${name}${label(location)} ${sample}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function escaped(char: string): string {
  return char === '\n' ? '\\n' : `\\${char}`;
}

/**
 * Ready if every location can be read, and the quick check finds nothing. One line per location.
 */
export async function readinessOf(
  locations: readonly ServedLocation[],
): Promise<{ readonly isReady: boolean; readonly text: string }> {
  const lines = await Promise.all(
    locations.map(async (location) => {
      try {
        const { findingsTotal, refusal } = await location.overview();
        const isSound = findingsTotal === 0 && refusal === null;
        return {
          isSound,
          line: `${location.index} ${isSound ? 'ok' : (refusal?.code ?? `${findingsTotal} findings`)}`,
        };
      } catch (error) {
        return { isSound: false, line: `${location.index} ${failureOf(error).failure.code}` };
      }
    }),
  );
  return { isReady: lines.every(({ isSound }) => isSound), text: `${lines.map(({ line }) => line).join('\n')}\n` };
}
