/** The performance targets of the store, computed from the results of one run. */
import { TURN_MS_GOAL } from './longest-turn.js';
import type { ContenderResult, WorkloadResult } from './results.js';
import { digits } from './stats.js';

/** One number with bounds for some workloads. */
export interface Target {
  readonly what: string;
  /** `most`: the bound is a maximum; `least`: a minimum. */
  readonly bound: 'most' | 'least';
  readonly bounds: Readonly<Record<string, number>>;
  /** Undefined if a contender that it needs did not run. */
  figure(find: (name: string) => Figures | undefined): number | undefined;
}

/** The figures of a contender that targets read. */
export type Figures = Pick<ContenderResult, 'name' | 'roundMs'> & Partial<ContenderResult>;

/** A workload, and the figures of its contenders. */
export interface Row {
  readonly workload: Pick<WorkloadResult['workload'], 'id'>;
  readonly contenders: readonly Figures[];
}

type Figure = (result: Figures) => number | undefined;

const p50: Figure = ({ roundMs }) => roundMs.p50.median;

function over(above: string, below: string, pick: Figure = p50): Target['figure'] {
  return (find) => {
    const a = find(above);
    const b = find(below);
    const top = a && pick(a);
    const bottom = b && pick(b);
    return top === undefined || bottom === undefined ? undefined : top / bottom;
  };
}

function of(name: string, pick: Figure): Target['figure'] {
  return (find) => {
    const result = find(name);
    return result && pick(result);
  };
}

const all = (bound: number, ids = ['i', 'ii', 'iii', 'iv', 'v', 'vi', 'vii']) =>
  Object.fromEntries(ids.map((id) => [id, bound]));
const SMALL = ['i', 'ii', 'iii', 'vi'];
const LARGE = ['iv', 'v', 'vii'];

/** All targets. Workloads with separated values have tighter bounds. */
export const TARGETS: readonly Target[] = [
  {
    what: 'level / limit',
    bound: 'most',
    bounds: { i: 1.1, ii: 1.3, iii: 2, iv: 1.4, v: 1.7, vi: 2, vii: 0.5 },
    figure: over('level', 'limit'),
  },
  { what: 'level-inline / limit', bound: 'most', bounds: { iv: 4, v: 4 }, figure: over('level-inline', 'limit') },
  { what: 'level / raw', bound: 'most', bounds: all(1.2), figure: over('level', 'raw') },
  {
    what: 'go-wal / level',
    bound: 'least',
    bounds: { i: 7, ii: 18, iii: 15, iv: 6, v: 7, vi: 40 },
    figure: over('go-wal', 'level'),
  },
  {
    what: 'level-inline / level',
    bound: 'least',
    bounds: { iv: 4, v: 4, vii: 5 },
    figure: over('level-inline', 'level'),
  },
  {
    what: 'level: p99 / p50',
    bound: 'most',
    bounds: all(4, LARGE),
    figure: of('level', ({ roundMs }) => roundMs.p99.median / roundMs.p50.median),
  },
  {
    what: 'level: syncs per round',
    bound: 'most',
    bounds: all(1.1, SMALL),
    figure: of('level', ({ syncs }) => syncs?.perRound),
  },
  {
    what: 'level: restart, ms',
    bound: 'most',
    bounds: { iii: 60, v: 60 },
    figure: of('level', ({ restartMs }) => restartMs?.median),
  },
  {
    what: 'level-inline: restart, ms',
    bound: 'most',
    bounds: { v: 120 },
    figure: of('level-inline', ({ restartMs }) => restartMs?.median),
  },
  {
    what: 'level: bytes written / payload',
    bound: 'most',
    bounds: all(1.2, LARGE),
    figure: of('level', ({ writeAmplification }) => writeAmplification),
  },
  {
    what: 'level / level-inline, CPU per round',
    bound: 'most',
    bounds: all(0.5, LARGE),
    figure: over('level', 'level-inline', ({ cpuMsPerRound }) => cpuMsPerRound),
  },
  {
    what: 'level: longest turn, ms',
    bound: 'most',
    bounds: all(TURN_MS_GOAL),
    figure: of('level', ({ turnMsMax }) => turnMsMax?.rounds?.max),
  },
  { what: 'wal-nodirsync / go-wal', bound: 'most', bounds: all(1.3), figure: over('wal-nodirsync', 'go-wal') },
  { what: 'wal-16-threads / go-wal', bound: 'most', bounds: all(1.3), figure: over('wal-16-threads', 'go-wal') },
];

/** Targets of rounds that take turns in one process with those of other stores (peers.ts). */
export const PEER_TARGETS: readonly Target[] = [
  {
    what: 'level / raw',
    bound: 'most',
    bounds: { i: 1.2, ii: 1.3, iii: 1.25, vi: 1.35, ...all(0.35, LARGE) },
    figure: over('level', 'raw'),
  },
  {
    what: 'level / better-sqlite3',
    bound: 'most',
    bounds: { i: 1, ii: 0.65, iii: 0.45, vi: 0.4, ...all(0.4, LARGE) },
    figure: over('level', 'better-sqlite3'),
  },
  {
    what: 'level / lmdb',
    bound: 'most',
    bounds: { i: 0.6, ii: 0.45, iii: 0.4, vi: 0.25, ...all(0.9, LARGE) },
    figure: over('level', 'lmdb'),
  },
  {
    what: 'level / lmdb at p99',
    bound: 'most',
    bounds: all(1),
    figure: over('level', 'lmdb', ({ roundMs }) => roundMs.p99.median),
  },
  {
    what: 'lanes on their own / one `persist`',
    bound: 'most',
    bounds: { i: 1.2, ii: 1.2, iii: 1.3, vi: 1.4, ...all(1.2, LARGE) },
    figure: over('level-lanes', 'level'),
  },
];

/** True if `figure` is within the bound. */
export function isMet({ bound }: Target, figure: number, limit: number): boolean {
  return bound === 'most' ? figure <= limit : figure >= limit;
}

/** The targets as a table: one row per target, one column per workload. */
export function targetsTable(workloads: readonly Row[], targets = TARGETS): string {
  const ids = workloads.map(({ workload }) => workload.id);
  let met = 0;
  let counted = 0;
  const rows = targets.map((target) => {
    const cells = workloads.map(({ workload, contenders }) => {
      const limit = target.bounds[workload.id];
      if (limit === undefined) return '';
      const sign = target.bound === 'most' ? '≤' : '≥';
      const figure = target.figure((name) => contenders.find((contender) => contender.name === name));
      if (figure === undefined || !Number.isFinite(figure)) return `(${sign} ${limit}) not measured`;
      const is = isMet(target, figure, limit);
      counted++;
      if (is) met++;
      return is ? `${digits(figure)} ${sign} ${limit}` : `**${digits(figure)}**, not ${sign} ${limit}`;
    });
    return `| ${[target.what, ...cells].join(' | ')} |`;
  });
  return [
    `| | ${ids.join(' | ')} |`,
    `|---|${ids.map(() => '---|').join('')}`,
    ...rows,
    '',
    `${met} of ${counted} measured targets are met; the others are in bold. Unless stated otherwise, ratios are`,
    'of the p50 of a round.',
    '',
  ].join('\n');
}
