/**
 * Rates over time. The text next to the chart has the numbers, so the chart is hidden from screen
 * readers.
 *
 * @module
 */

import { html } from './parts.js';
import { useEffect, useRef } from './vendor/hooks.js';
import uPlot from './vendor/uplot.js';

/** Labels of the time axis. */
function times(_plot, seconds) {
  return seconds.map((second) => new Date(second * 1000).toLocaleTimeString([], { hour12: false }));
}

/** @param {{ samples: { at: number, batches: number, blocks: number, qcs: number }[] }} props */
export function RateChart({ samples }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const data = [
    samples.map(({ at }) => at / 1000),
    samples.map(({ batches }) => batches),
    samples.map(({ blocks }) => blocks),
    samples.map(({ qcs }) => qcs),
  ];
  useEffect(() => {
    if (place.current === null) return undefined;
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 } };
    const line = (label, name) => ({ label, stroke: colour(name), width: 2, points: { show: false } });
    plot.current = new uPlot(
      {
        width: Math.max(280, place.current.clientWidth),
        height: 160,
        legend: { show: false },
        cursor: { show: false },
        axes: [{ ...axis, space: 90, values: times }, axis],
        scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] } },
        series: [{}, line('batches/s', '--accent'), line('blocks/s', '--good'), line('CommitQCs/s', '--warn')],
      },
      data,
      place.current,
    );
    return () => plot.current.destroy();
  }, []);
  useEffect(() => plot.current?.setData(data), [samples]);
  return html`<div class="chart" ref=${place} aria-hidden="true"></div>`;
}
