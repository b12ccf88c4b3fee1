/** The results of tuning as tables. */
import { wrapProse } from '../../test/support/wrap.js';
import type { Machine } from '../machine.js';
import type { ContenderResult, WorkloadResult } from '../results.js';
import { digits } from '../stats.js';
import { describe } from '../workload.js';
import { readableName, SLICES } from './tune-grids.js';

const MIB = 1024 * 1024;

/** The results of one slice. */
export interface Tuned {
  readonly title: string;
  readonly inFlight: number;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly loadAfter: number;
  readonly result: WorkloadResult;
}

/** The content of `tune.json`. */
export interface Tuning {
  readonly format: 2;
  readonly slices: Readonly<Record<string, Tuned>>;
}

/** The columns of a slice's table. */
const COLUMNS: readonly (readonly [string, (result: ContenderResult) => number | undefined])[] = [
  ['p50 ms', ({ roundMs }) => roundMs.p50.median],
  ['p99 ms', ({ roundMs }) => roundMs.p99.median],
  ['max ms', ({ roundMs }) => roundMs.max.max],
  ['restart ms', ({ restartMs }) => restartMs?.median],
  ['disk MiB', ({ diskBytes }) => diskBytes / MIB],
  ['amplification', ({ writeAmplification }) => writeAmplification],
  ['CPU ms', ({ cpuMsPerRound }) => cpuMsPerRound],
  ['RSS MiB', ({ rssBytes }) => rssBytes / MIB],
];

/** One table per slice, in the order of the slices. The lowest number of a column is bold. */
export function tuningTables(tuning: Tuning): string {
  return SLICES.flatMap(({ name }) => {
    const tuned = tuning.slices[name];
    return tuned === undefined ? [] : [table(tuned)];
  }).join('\n');
}

/** The tables, and the names of slices that were not measured. */
export function tuningReport(tuning: Tuning): string {
  const missing = SLICES.filter(({ name }) => tuning.slices[name] === undefined).map(({ name }) => name);
  if (missing.length === 0) return tuningTables(tuning);
  const command = '`node .build/bench/experiments/tune.js missing`';
  return `${tuningTables(tuning)}\nNot measured yet (${command}): ${missing.join(', ')}.\n`;
}

function table({ title, result }: Tuned): string {
  const { contenders } = result;
  const lines = [
    wrapProse(`**${describe(result.workload)}: ${title}** (${contenders[0]?.rounds ?? 0} rounds each)`),
    '',
    `| | ${COLUMNS.map(([name]) => name).join(' | ')} |`,
    `|---|${COLUMNS.map(() => '---|').join('')}`,
    ...contenders.map((contender) => {
      const cells = COLUMNS.map(([, value]) => cell(value(contender), contenders.map(value)));
      return `| ${readableName(contender.name)} | ${cells.join(' | ')} |`;
    }),
    '',
  ];
  return lines.join('\n');
}

function cell(value: number | undefined, all: readonly (number | undefined)[]): string {
  if (value === undefined) return '-';
  const values = all.filter((figure) => figure !== undefined);
  return value === Math.min(...values) ? `**${digits(value)}**` : digits(value);
}
