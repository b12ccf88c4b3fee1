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
  figure(find: (name: string) => ContenderResult | undefined): number | undefined;
}

type Pick = (result: ContenderResult) => number | undefined;

const p50: Pick = ({ roundMs }) => roundMs.p50.median;

function over(above: string, below: string, pick: Pick = p50): Target['figure'] {
  return (find) => {
    const a = find(above);
    const b = find(below);
    const top = a && pick(a);
    const bottom = b && pick(b);
    return top === undefined || bottom === undefined ? undefined : top / bottom;
  };
}

function of(name: string, pick: Pick): Target['figure'] {
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

/** True if `figure` is within the bound. */
export function isMet({ bound }: Target, figure: number, limit: number): boolean {
  return bound === 'most' ? figure <= limit : figure >= limit;
}

/** The targets as a table: one row per target, one column per workload. */
export function targetsTable(workloads: readonly WorkloadResult[]): string {
  const ids = workloads.map(({ workload }) => workload.id);
  let met = 0;
  let counted = 0;
  const rows = TARGETS.map((target) => {
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
