/**
 * The formulas of docs/capacity.md: least squares over the points of bench/results/growth.json, and
 * their errors at two points that were not used.
 */
import type { Growth, Point } from './growth.js';
import { digits, median } from './stats.js';

const KIB = 1024;
const MIB = KIB * KIB;
/** Above these sizes, values go to files of their own (the defaults of the store). */
const VALUE_BYTES_MIN = 8 * KIB;
const BATCH_BYTES_MIN = 128 * KIB;
const SECONDS_PER_YEAR = 365.25 * 24 * 3600;

/** What a node does. */
export interface Load {
  readonly lanes: number;
  readonly blockBytes: number;
  readonly blocksKept: number;
  readonly roundsPerSecond: number;
}

/** What the formulas say about a load. */
export interface Demand {
  readonly roundMs: number;
  readonly cpuMs: number;
  readonly writtenBytes: number;
  readonly openMs: number;
  readonly diskBytes: number;
  readonly rssBytes: number;
}

type Shape = Pick<Load, 'lanes' | 'blockBytes' | 'blocksKept'>;

/** True if the blocks of a round go to value files. */
export function hasValueFiles({ lanes, blockBytes }: Shape): boolean {
  return blockBytes >= VALUE_BYTES_MIN && lanes * blockBytes >= BATCH_BYTES_MIN;
}

/** Wire bytes of a round: blocks, a CommitQC (at least 2 KiB) and an anchor (at least 4 KiB). */
function roundBytes({ lanes, blockBytes }: Shape): number {
  const commitQC = Math.max(2 * KIB, 169 + 80 * lanes);
  return lanes * (blockBytes - 157) + commitQC + Math.max(4 * KIB, commitQC + 169);
}

function recordsOf({ lanes, blocksKept }: Shape): number {
  return (lanes + 1) * blocksKept + 1;
}

/** Least squares of relative errors: the factors of `terms` that come closest to `values`. */
export function fit(terms: readonly (readonly number[])[], values: readonly number[]): number[] {
  const count = terms[0]?.length ?? 0;
  const rows = terms.map((row, i) => row.map((term) => term / (values[i] ?? 1)));
  const matrix = Array.from({ length: count }, (_, r) => [
    ...Array.from({ length: count }, (_, c) => rows.reduce((sum, row) => sum + (row[r] ?? 0) * (row[c] ?? 0), 0)),
    rows.reduce((sum, row) => sum + (row[r] ?? 0), 0),
  ]);
  for (let pivot = 0; pivot < count; pivot++) {
    const own = matrix[pivot] as number[];
    for (const row of matrix) {
      if (row === own) continue;
      const factor = (row[pivot] as number) / (own[pivot] as number);
      for (let c = pivot; c <= count; c++) row[c] = (row[c] as number) - factor * (own[c] as number);
    }
  }
  return matrix.map((row, i) => (row[count] as number) / (row[i] as number));
}

/** The fitted factors: a constant, a factor a lane, and one a MiB, where they apply. */
export interface Model {
  /** Rounds without and with value files. */
  readonly inline: RoundModel;
  readonly values: RoundModel;
  /** Constant, a record, a MiB of live entries. */
  readonly openMs: readonly number[];
  /** Constant and a MiB of live entries. */
  readonly diskMiB: readonly number[];
  readonly rssMiB: readonly number[];
}

interface RoundModel {
  readonly roundMs: readonly number[];
  readonly cpuMs: readonly number[];
  /** Written bytes over wire bytes. */
  readonly amplification: number;
}

const liveMiB = (shape: Shape) => (shape.lanes * shape.blocksKept * shape.blockBytes) / MIB;
const roundTerms = (shape: Shape) => [1, shape.lanes, roundBytes(shape) / MIB];
const openTerms = (shape: Shape) => [1, recordsOf(shape), liveMiB(shape)];
const liveTerms = (shape: Shape) => [1, liveMiB(shape)];

/** Fits all formulas to the curves; the points of `checks` are not used. */
export function fitModel({ curves, values }: Growth): Model {
  const points = [...curves.lanes, ...curves.kept, ...curves.size, ...values];
  const ofRounds = (some: readonly Point[]): RoundModel => {
    const terms = some.map(roundTerms);
    return {
      roundMs: fit(
        terms,
        some.map(({ p50Ms }) => p50Ms),
      ),
      cpuMs: fit(
        terms,
        some.map(({ cpuMs }) => cpuMs),
      ),
      amplification: median(some.map(({ writtenBytes, userBytes }) => writtenBytes / userBytes)),
    };
  };
  return {
    inline: ofRounds(points.filter((point) => !hasValueFiles(point))),
    values: ofRounds(points.filter(hasValueFiles)),
    openMs: fit(
      points.map(openTerms),
      points.map(({ openMs }) => openMs),
    ),
    diskMiB: fit(
      points.map(liveTerms),
      points.map(({ diskBytes }) => diskBytes / MIB),
    ),
    rssMiB: fit(
      points.map(roundTerms),
      points.map(({ rssBytes }) => rssBytes / MIB),
    ),
  };
}

const dot = (factors: readonly number[], terms: readonly number[]) =>
  factors.reduce((sum, factor, i) => sum + factor * (terms[i] ?? 0), 0);

/** What a store of this shape needs. */
export function demandOf(model: Model, shape: Shape): Demand {
  const round = hasValueFiles(shape) ? model.values : model.inline;
  return {
    roundMs: dot(round.roundMs, roundTerms(shape)),
    cpuMs: dot(round.cpuMs, roundTerms(shape)),
    writtenBytes: round.amplification * roundBytes(shape),
    openMs: dot(model.openMs, openTerms(shape)),
    diskBytes: dot(model.diskMiB, liveTerms(shape)) * MIB,
    rssBytes: dot(model.rssMiB, roundTerms(shape)) * MIB,
  };
}

const EXAMPLES: readonly Load[] = [
  { lanes: 4, blockBytes: 64 * KIB, blocksKept: 30, roundsPerSecond: 2 },
  { lanes: 20, blockBytes: 64 * KIB, blocksKept: 30, roundsPerSecond: 5 },
  { lanes: 40, blockBytes: 256 * KIB, blocksKept: 30, roundsPerSecond: 5 },
  { lanes: 100, blockBytes: 16 * KIB, blocksKept: 30, roundsPerSecond: 10 },
  { lanes: 20, blockBytes: KIB, blocksKept: 30, roundsPerSecond: 50 },
  { lanes: 100, blockBytes: KIB, blocksKept: 30, roundsPerSecond: 50 },
  { lanes: 1000, blockBytes: KIB, blocksKept: 30, roundsPerSecond: 5 },
  { lanes: 20, blockBytes: 2048 * KIB, blocksKept: 30, roundsPerSecond: 5 },
];

/** The factors, the check, and what some loads need. */
export function capacityReport(growth: Growth): string {
  const model = fitModel(growth);
  const row = (what: string, unit: string, factors: readonly number[], terms: readonly string[]) =>
    `| ${what} | ${factors.map((factor, i) => `${digits(factor)}${terms[i] === '' ? '' : ` x ${terms[i]}`}`).join(' + ')} ${unit} |`;
  const ROUND = ['', 'lanes', 'MiB'];
  const per = ['', 'records', 'live MiB'];
  return [
    '| | formula |',
    '|---|---|',
    row('p50 of a round, blocks in LevelDB', 'ms', model.inline.roundMs, ROUND),
    row('p50 of a round, value files', 'ms', model.values.roundMs, ROUND),
    row('CPU of a round, blocks in LevelDB', 'ms', model.inline.cpuMs, ROUND),
    row('CPU of a round, value files', 'ms', model.values.cpuMs, ROUND),
    `| bytes written a round, blocks in LevelDB | ${digits(model.inline.amplification)} x bytes of the entries |`,
    `| bytes written a round, value files | ${digits(model.values.amplification)} x bytes of the entries |`,
    row('open and load', 'ms', model.openMs, per),
    row('disk', 'MiB', model.diskMiB, ['', 'live MiB']),
    row('memory (RSS of a process with Node and generator)', 'MiB', model.rssMiB, ROUND),
    '',
    'Predicted / measured at the two points that were not used:',
    '',
    '| | p50 ms | CPU ms | KiB written | open ms | disk MiB | RSS MiB |',
    '|---|---|---|---|---|---|---|',
    ...growth.checks.map((point) => checkRow(model, point)),
    '',
    'What some loads need, by these formulas:',
    '',
    '| lanes x block, rounds a second | busy writing | cores | MiB/s written | TB a year | open ms | disk MiB |',
    '|---|---|---|---|---|---|---|',
    ...EXAMPLES.map((load) => exampleRow(model, load)),
    '',
  ].join('\n');
}

function checkRow(model: Model, point: Point): string {
  const demand = demandOf(model, point);
  const pairs: readonly (readonly [number, number])[] = [
    [demand.roundMs, point.p50Ms],
    [demand.cpuMs, point.cpuMs],
    [demand.writtenBytes / KIB, point.writtenBytes / KIB],
    [demand.openMs, point.openMs],
    [demand.diskBytes / MIB, point.diskBytes / MIB],
    [demand.rssBytes / MIB, point.rssBytes / MIB],
  ];
  const cells = pairs.map(([predicted, measured]) => `${digits(predicted)} / ${digits(measured)}`);
  const title = `${point.lanes} lanes x ${point.blockBytes / KIB} KiB, ${point.blocksKept} blocks kept`;
  return `| ${[title, ...cells].join(' | ')} |`;
}

function exampleRow(model: Model, load: Load): string {
  const { roundMs, cpuMs, writtenBytes, openMs, diskBytes } = demandOf(model, load);
  const { lanes, blockBytes, roundsPerSecond } = load;
  const perSecond = writtenBytes * roundsPerSecond;
  const cells = [
    `${digits((roundMs * roundsPerSecond) / 10)} %`,
    digits((cpuMs * roundsPerSecond) / 1000),
    digits(perSecond / MIB),
    digits((perSecond * SECONDS_PER_YEAR) / 1e12),
    digits(openMs),
    digits(diskBytes / MIB),
  ];
  return `| ${[`${lanes} x ${blockBytes / KIB} KiB, ${roundsPerSecond}/s`, ...cells].join(' | ')} |`;
}
