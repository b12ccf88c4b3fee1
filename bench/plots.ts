/**
 * SVG plots, drawn by echarts without a browser. Without this optional development dependency no
 * plots are drawn.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tuned, Tuning } from './experiments/tune-page.js';
import { type ContenderResult, QUANTILES, type Results } from './results.js';
import { describe } from './workload.js';

/** The part of echarts that is used. */
interface Echarts {
  init(dom: null, theme: null, options: object): Chart;
}

interface Chart {
  setOption(option: object): void;
  renderToSVGString(): string;
  dispose(): void;
}

const WIDTH = 960;
const HEIGHT = 460;
/** Wide gaps: some viewers use wider letters than echarts measures with. */
const LEGEND = { bottom: 0, itemGap: 26, textStyle: { fontFamily: 'sans-serif' } };
const MIB = 1024 * 1024;
/** One colour per contender. The nine colours of echarts would repeat. */
const COLORS = [
  ...['#5470c6', '#91cc75', '#6e7074', '#c4a000', '#ee6666', '#fc8452', '#fac858', '#73c0de', '#9a60b4', '#ea7ccc'],
  ...['#3ba272', '#1f3b73', '#b55d4c'],
];

/** The file names of the plots. */
export function plotNames(
  results: Results | undefined,
  tuning: Tuning | undefined,
): { main: string[]; tune: string[] } {
  return {
    main: results === undefined ? [] : [...plotsOf(results).keys()],
    tune: tuning === undefined ? [] : [...tradesOf(tuning).keys()],
  };
}

/**
 * Draws all plots into `dir` and resolves with their names; with none if echarts is not installed.
 */
export function drawPlots(results: Results, dir: string): Promise<string[]> {
  return draw(plotsOf(results), dir);
}

/**
 * Draws the effect of the write buffer size, per measured workload: p99, restart time, disk size,
 * bytes written.
 */
export function drawTuning(tuning: Tuning, dir: string): Promise<string[]> {
  return draw(tradesOf(tuning), dir);
}

/** Draws plots into `dir`, by file name; resolves with their names. */
export async function draw(plots: ReadonlyMap<string, object>, dir: string): Promise<string[]> {
  const echarts = await loadEcharts();
  if (echarts === undefined) return [];
  for (const [name, option] of plots) writeFileSync(join(dir, name), render(echarts, option));
  return [...plots.keys()];
}

function plotsOf(results: Results): Map<string, object> {
  const plots = new Map<string, object>([
    ['latency-p50.svg', bars(results, 'p50 of a round', 'ms', ({ roundMs }) => roundMs.p50.median)],
    ['latency-p99.svg', bars(results, 'p99 of a round', 'ms', ({ roundMs }) => roundMs.p99.median)],
    ['restart.svg', bars(results, 'restart: open and load', 'ms', ({ restartMs }) => restartMs?.median)],
    [
      'written.svg',
      bars(results, 'bytes written over bytes of the entries', 'times', (result) => result.writeAmplification),
    ],
    ['disk.svg', bars(results, 'disk size', 'MiB', ({ diskBytes }) => diskBytes / MIB)],
  ]);
  for (const { workload, contenders } of results.workloads) {
    plots.set(`latency-${workload.id}.svg`, curves(`round latency, ${describe(workload)}`, contenders));
  }
  return plots;
}

/**
 * Draws lines over a common axis, on linear scales. Resolves with false if echarts is not
 * installed.
 */
export async function drawLines(
  title: string,
  unit: string,
  at: readonly number[],
  lines: Readonly<Record<string, readonly number[]>>,
  path: string,
): Promise<boolean> {
  const echarts = await loadEcharts();
  if (echarts === undefined) return false;
  const option = {
    title: { text: title, left: 'center' },
    legend: LEGEND,
    grid: { left: 70, right: 20, top: 50, bottom: 90 },
    xAxis: { type: 'value', name: 'round', max: at.at(-1) },
    yAxis: { type: 'value', name: unit },
    series: Object.entries(lines).map(([name, values]) => ({
      name,
      type: 'line',
      showSymbol: false,
      data: values.map((value, i) => [at[i], Number(value.toPrecision(4))]),
    })),
  };
  writeFileSync(path, render(echarts, option));
  return true;
}

async function loadEcharts(): Promise<Echarts | undefined> {
  // Not a literal, so that this compiles without echarts.
  const name = 'echarts';
  try {
    return (await import(name)) as Echarts;
  } catch {
    return undefined;
  }
}

function render(echarts: Echarts, option: object): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption({ animation: false, backgroundColor: '#fff', color: COLORS, ...option });
    return withoutHover(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }
}

/** Removes what only a page with a mouse uses: the plots are pictures, and ship with the docs. */
function withoutHover(svg: string): string {
  return svg.replace(/ class="zr\d+-cls-\d+"| pointer-events="visible"|<style >.*?<\/style>\s*/gs, '');
}

/** One group of bars per workload, one bar per contender, on a logarithmic axis. */
function bars(
  results: Results,
  title: string,
  unit: string,
  value: (result: ContenderResult) => number | undefined,
): object {
  const all = results.workloads.flatMap(({ contenders }) => contenders);
  const names = [...new Set(all.filter((result) => value(result) !== undefined).map(({ name }) => name))];
  const figures = all.map(value);
  const lowest = Math.min(
    ...(figures.filter((figure) => figure !== undefined && figure > 0 && Number.isFinite(figure)) as number[]),
  );
  const from = 10 ** Math.floor(Math.log10(lowest));
  return {
    title: { text: title, left: 'center' },
    legend: LEGEND,
    grid: { left: 70, right: 20, top: 50, bottom: 90 },
    xAxis: { type: 'category', data: results.workloads.map(({ workload }) => workload.id) },
    // Without startValue, bars would begin at 1.
    yAxis: { type: 'log', name: unit, min: from, startValue: from },
    series: names.map((name) => ({
      name,
      type: 'bar',
      data: results.workloads.map(({ contenders }) => {
        const result = contenders.find((contender) => contender.name === name);
        const figure = result === undefined ? undefined : value(result);
        return figure === undefined || !(figure > 0) ? '-' : Number(figure.toPrecision(4));
      }),
    })),
  };
}

/** One line per contender: the quantiles of its round latency. */
function curves(title: string, contenders: readonly ContenderResult[]): object {
  return {
    title: { text: title, left: 'center' },
    legend: LEGEND,
    grid: { left: 70, right: 30, top: 50, bottom: 110 },
    xAxis: {
      type: 'category',
      name: 'share of rounds',
      nameLocation: 'middle',
      nameGap: 28,
      data: QUANTILES.map((share) => `${share * 100} %`),
    },
    yAxis: { type: 'log', name: 'ms' },
    series: contenders.map(({ name, quantilesMs }) => ({
      name,
      type: 'line',
      data: quantilesMs.map((ms) => Number(ms.toPrecision(4))),
    })),
  };
}

function tradesOf(tuning: Tuning): Map<string, object> {
  const buffers = Object.entries(tuning.slices).filter(([slice]) => slice.startsWith('buffer-'));
  return new Map(buffers.map(([, tuned]) => [`tune-${tuned.result.workload.id}.svg`, trade(tuned)]));
}

const PANELS: readonly { title: string; value: (result: ContenderResult) => number | undefined }[] = [
  { title: 'p99 of a round, ms', value: ({ roundMs }) => roundMs.p99.median },
  { title: 'restart, ms', value: ({ restartMs }) => restartMs?.median },
  { title: 'disk, MiB', value: ({ diskBytes }) => diskBytes / MIB },
  { title: 'bytes written over bytes of the entries', value: ({ writeAmplification }) => writeAmplification },
];

/** Four panels over the same axis of write buffer sizes. */
function trade({ result }: Tuned): object {
  const settings = result.contenders.map((contender) => ({
    contender,
    mib: Number(/writeBufferBytes=(\d+)/.exec(contender.name)?.[1] ?? Number.NaN) / MIB,
    compressed: contender.name.includes('compression=true'),
  }));
  const buffers = [...new Set(settings.map(({ mib }) => mib))].sort((a, b) => a - b);
  const place = (panel: number) => ({ left: `${7 + (panel % 2) * 49}%`, top: panel < 2 ? 80 : 260 });
  return {
    title: [
      { text: `write buffer: ${describe(result.workload)}`, left: 'center' },
      ...PANELS.map(({ title }, panel) => ({
        text: title,
        textStyle: { fontSize: 13, fontWeight: 'normal' },
        left: place(panel).left,
        top: place(panel).top - 34,
      })),
    ],
    legend: { ...LEGEND, data: ['not compressed', 'compressed'] },
    grid: PANELS.map((_, panel) => ({ ...place(panel), width: '42%', height: 110 })),
    xAxis: PANELS.map((_, panel) => ({
      gridIndex: panel,
      type: 'category',
      data: buffers.map((mib) => `${mib} MiB`),
    })),
    yAxis: PANELS.map((_, panel) => ({ gridIndex: panel, type: 'value', min: 0 })),
    series: PANELS.flatMap(({ value }, panel) =>
      [false, true].map((compressed) => ({
        name: compressed ? 'compressed' : 'not compressed',
        type: 'line',
        connectNulls: true,
        xAxisIndex: panel,
        yAxisIndex: panel,
        itemStyle: { color: compressed ? '#ee6666' : '#5470c6' },
        lineStyle: { type: compressed ? 'dashed' : 'solid' },
        data: buffers.map((mib) => {
          const found = settings.find((setting) => setting.mib === mib && setting.compressed === compressed);
          const figure = found === undefined ? undefined : value(found.contender);
          return figure === undefined ? '-' : Number(figure.toPrecision(4));
        }),
      })),
    ),
  };
}
