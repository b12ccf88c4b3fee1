/** What tuning measured, as tables. */
import { wrapProse } from '../../test/support/wrap.js';
import type { Machine } from '../machine.js';
import type { ContenderResult, WorkloadResult } from '../results.js';
import { digits } from '../stats.js';
import { describe } from '../workload.js';
import { readableName, SLICES } from './tune-grids.js';

const MIB = 1024 * 1024;

/** One slice, measured. */
export interface Tuned {
  readonly title: string;
  readonly inFlight: number;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly loadAfter: number;
  readonly result: WorkloadResult;
}

/** `tune.json`. */
export interface Tuning {
  readonly format: 2;
  readonly slices: Readonly<Record<string, Tuned>>;
}

/** A slice's columns: what is compared. */
const COLUMNS: readonly (readonly [string, (one: ContenderResult) => number | undefined])[] = [
  ['p50 ms', ({ roundMs }) => roundMs.p50.median],
  ['p99 ms', ({ roundMs }) => roundMs.p99.median],
  ['max ms', ({ roundMs }) => roundMs.max.max],
  ['restart ms', ({ restartMs }) => restartMs?.median],
  ['disk MiB', ({ diskBytes }) => diskBytes / MIB],
  ['amplification', ({ writeAmplification }) => writeAmplification],
  ['CPU ms', ({ cpuMsPerRound }) => cpuMsPerRound],
  ['RSS MiB', ({ rssBytes }) => rssBytes / MIB],
];

/** A table a slice, in the order of the slices. The lowest figure of a column is bold where it stands out. */
export function tuningTables(tuning: Tuning): string {
  return SLICES.flatMap(({ name }) => {
    const tuned = tuning.slices[name];
    return tuned === undefined ? [] : [table(tuned)];
  }).join('\n');
}

/** The tables, and which slices are not among them. */
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
    ...contenders.map((one) => {
      const cells = COLUMNS.map(([, value]) => cell(value(one), contenders.map(value)));
      return `| ${readableName(one.name)} | ${cells.join(' | ')} |`;
    }),
    '',
  ];
  return lines.join('\n');
}

function cell(value: number | undefined, all: readonly (number | undefined)[]): string {
  if (value === undefined) return '-';
  const others = all.filter((other) => other !== undefined);
  return value === Math.min(...others) ? `**${digits(value)}**` : digits(value);
}
