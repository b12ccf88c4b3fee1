/** The tables and plots of docs/benchmarks-growth.md. */
import { wrapProse } from '../test/support/wrap.js';
import type { Curve, Growth, Point } from './growth.js';
import { BUSY, isBusy } from './markdown.js';
import { digits } from './stats.js';

const KIB = 1024;
const MIB = KIB * KIB;

const AXES: Readonly<Record<Curve, { readonly what: string; readonly of: (point: Point) => number }>> = {
  lanes: { what: 'lanes', of: ({ lanes }) => lanes },
  kept: { what: 'blocks kept a lane', of: ({ blocksKept }) => blocksKept },
  age: { what: 'age, rounds', of: ({ age }) => age },
  size: { what: 'block, KiB', of: ({ blockBytes }) => blockBytes / KIB },
};

const PANELS: readonly { readonly what: string; readonly of: (point: Point) => number }[] = [
  { what: 'p50 of a round, ms', of: ({ p50Ms }) => p50Ms },
  { what: 'tip, bytes', of: ({ tipBytes }) => tipBytes },
  { what: 'open, ms', of: ({ openMs }) => openMs },
  { what: 'disk, MiB', of: ({ diskBytes }) => diskBytes / MIB },
];

/** The plots by file name: one a curve. */
export function growthPlots({ curves }: Growth): Map<string, object> {
  return new Map(
    (Object.entries(curves) as [Curve, readonly Point[]][]).map(([curve, points]) => [
      `growth-${curve}.svg`,
      plot(curve, points),
    ]),
  );
}

/** Four panels over one axis; all axes are logarithmic, so that proportions are straight lines. */
function plot(curve: Curve, points: readonly Point[]): object {
  const axis = AXES[curve];
  const place = (panel: number) => ({ left: `${8 + (panel % 2) * 48}%`, top: panel < 2 ? 80 : 290 });
  return {
    title: [
      { text: `growth with ${axis.what}`, left: 'center' },
      ...PANELS.map(({ what }, panel) => ({
        text: what,
        textStyle: { fontSize: 13, fontWeight: 'normal' },
        left: place(panel).left,
        top: place(panel).top - 34,
      })),
    ],
    grid: PANELS.map((_, panel) => ({ ...place(panel), width: '40%', height: 130 })),
    xAxis: PANELS.map((_, panel) => ({ gridIndex: panel, type: 'log' })),
    yAxis: PANELS.map((_, panel) => ({ gridIndex: panel, type: 'log' })),
    series: PANELS.map(({ of }, panel) => ({
      type: 'line',
      xAxisIndex: panel,
      yAxisIndex: panel,
      data: points.map((point) => [axis.of(point), Number(of(point).toPrecision(4))]),
    })),
  };
}

const COLUMNS = ['p50 ms', 'p99 ms', 'CPU ms', 'KiB written', 'amplif.', 'tip bytes', 'open ms', 'disk MiB', 'RSS MiB'];

/** Conditions, and a table a curve. */
export function growthTables(growth: Growth): string {
  const { machine, startedAt, seconds, othersCores } = growth;
  const busy = othersCores === null ? 'an unknown number of' : digits(othersCores, 2);
  return [
    wrapProse(
      `\`npm run bench:growth\`, ${startedAt.slice(0, 16)}Z, ${digits(seconds)} s: ${machine.cpu}, ${machine.cores} ` +
        `cores, ${machine.fileSystem}, ${machine.disk}, Node ${machine.node}; other processes kept ${busy} cores busy.`,
    ),
    '',
    ...(isBusy(growth) ? [wrapProse(BUSY), ''] : []),
    ...(Object.entries(growth.curves) as [Curve, readonly Point[]][]).flatMap(([curve, points]) => [
      ...table(AXES[curve], points),
      `![growth-${curve}.svg](../bench/results/growth-${curve}.svg)`,
      '',
    ]),
  ].join('\n');
}

function table(axis: (typeof AXES)[Curve], points: readonly Point[]): string[] {
  return [
    `| ${[axis.what, ...COLUMNS].join(' | ')} |`,
    `|---|${COLUMNS.map(() => '---|').join('')}`,
    ...points.map((point) => {
      const cells = [
        point.p50Ms,
        point.p99Ms,
        point.cpuMs,
        point.writtenBytes / KIB,
        point.writtenBytes / point.userBytes,
        point.tipBytes,
        point.openMs,
        point.diskBytes / MIB,
        point.rssBytes / MIB,
      ];
      return `| ${[axis.of(point), ...cells].map((cell) => digits(cell)).join(' | ')} |`;
    }),
    '',
  ];
}
