/** SVG plots, drawn by echarts without a browser. It is a development dependency: without it there are no plots, and all else is the same. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ContenderResult, QUANTILES, type Results } from './results.js';
import { describe } from './workload.js';

/** The little of echarts that is used. */
interface Echarts {
  init(dom: null, theme: null, options: object): Chart;
}

interface Chart {
  setOption(option: object): void;
  renderToSVGString(): string;
  dispose(): void;
}

const WIDTH = 960;
const HEIGHT = 440;
const MIB = 1024 * 1024;

/** Draws all plots into `dir` and gives their names; none if echarts is not installed. */
export async function drawPlots(results: Results, dir: string): Promise<string[]> {
  const echarts = await loadEcharts();
  if (echarts === undefined) return [];
  const plots = new Map<string, object>([
    ['latency-p50.svg', bars(results, 'p50 of a round', 'ms', ({ roundMs }) => roundMs.p50.median)],
    ['latency-p99.svg', bars(results, 'p99 of a round', 'ms', ({ roundMs }) => roundMs.p99.median)],
    ['restart.svg', bars(results, 'restart: open and load', 'ms', ({ restartMs }) => restartMs?.median)],
    ['written.svg', bars(results, 'written over what was asked', 'times', (result) => result.writeAmplification)],
    ['disk.svg', bars(results, 'disk size', 'MiB', ({ diskBytes }) => diskBytes / MIB)],
  ]);
  for (const { workload, contenders } of results.workloads) {
    plots.set(`latency-${workload.id}.svg`, curves(`round latency, ${describe(workload)}`, contenders));
  }
  for (const [name, option] of plots) writeFileSync(join(dir, name), render(echarts, option));
  return [...plots.keys()];
}

async function loadEcharts(): Promise<Echarts | undefined> {
  // Not a literal: it must compile where it is not installed.
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
    chart.setOption({ animation: false, backgroundColor: '#fff', ...option });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** A group of bars a workload, a bar a contender, on a logarithmic axis. */
function bars(
  results: Results,
  title: string,
  unit: string,
  value: (result: ContenderResult) => number | undefined,
): object {
  const names = [...new Set(results.workloads.flatMap(({ contenders }) => contenders.map(({ name }) => name)))];
  return {
    title: { text: title, left: 'center' },
    legend: { bottom: 0 },
    grid: { left: 70, right: 20, top: 50, bottom: 70 },
    xAxis: { type: 'category', data: results.workloads.map(({ workload }) => workload.id) },
    yAxis: { type: 'log', name: unit },
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

/** A line a contender: which share of its rounds took at most how long. */
function curves(title: string, contenders: readonly ContenderResult[]): object {
  return {
    title: { text: title, left: 'center' },
    legend: { bottom: 0 },
    grid: { left: 70, right: 20, top: 50, bottom: 70 },
    xAxis: { type: 'category', name: 'share', data: QUANTILES.map((share) => `${share * 100} %`) },
    yAxis: { type: 'log', name: 'ms' },
    series: contenders.map(({ name, quantilesMs }) => ({
      name,
      type: 'line',
      data: quantilesMs.map((ms) => Number(ms.toPrecision(4))),
    })),
  };
}
