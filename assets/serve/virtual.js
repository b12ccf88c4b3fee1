/**
 * A table of any length. Only the rows in view are in the document, so their number depends on the
 * height of the table only.
 *
 * @module
 */

import { html } from './parts.js';
import { useEffect, useRef, useState } from './vendor/hooks.js';

/** Height of a row in pixels; style.css sets the same. */
const ROW = 30;
/** Rows before and after those in view. */
const AROUND = 6;
/**
 * Browsers limit the height of an element. A longer table is scaled: one pixel of scrolling then
 * moves it by more than one pixel.
 */
const HEIGHT_MAX = 8_000_000;

/**
 * @param {{
 *   label: string,
 *   columns: { title: string, className?: string }[],
 *   count: number,
 *   row: (i: number) => any[] | undefined,
 *   rowKey?: (i: number) => string | number,
 *   onRange?: (first: number, last: number) => void,
 *   height?: number,
 * }} props `row` returns the cells of row i, or undefined while they are not read yet.
 */
export function VirtualTable({ label, columns, count, row, rowKey = (i) => i, onRange, height = 420 }) {
  const scroller = useRef(/** @type {HTMLElement | null} */ (null));
  const [top, setTop] = useState(0);
  const whole = count * ROW;
  const space = Math.min(whole, HEIGHT_MAX);
  const shown = Math.min(height, Math.max(whole, ROW));
  const scale = space > shown ? (whole - shown) / (space - shown) : 1;
  const position = Math.max(0, Math.min(top * scale, whole - shown));
  const first = Math.max(0, Math.floor(position / ROW) - AROUND);
  const last = Math.min(count, Math.ceil((position + shown) / ROW) + AROUND);
  useEffect(() => onRange?.(first, last), [first, last, count]);
  const rows = [];
  for (let i = first; i < last; i++) {
    const cells = row(i) ?? columns.map((_, at) => (at === 0 ? '…' : ''));
    rows.push(html`<div role="row" class="vrow" key=${rowKey(i)} aria-rowindex=${i + 2}>
      ${columns.map(({ className = '' }, at) => html`<div role="cell" class=${className}>${cells[at]}</div>`)}
    </div>`);
  }
  const offset = top - (position - first * ROW);
  return html`<div role="table" aria-label=${label} aria-rowcount=${count + 1} class="vtable">
    <div role="rowgroup">
      <div role="row" class="vrow vhead" aria-rowindex="1">
        ${columns.map(({ title, className = '' }) => html`<div role="columnheader" class=${className}>${title}</div>`)}
      </div>
    </div>
    <div
      class="vscroll"
      ref=${scroller}
      role="rowgroup"
      tabindex="0"
      aria-label=${`${label}: ${count} rows`}
      style=${{ height: `${shown}px` }}
      onScroll=${(event) => setTop(event.currentTarget.scrollTop)}
    >
      <div class="vspace" role="presentation" style=${{ height: `${space}px` }}>
        <div class="vrows" role="presentation" style=${{ transform: `translateY(${Math.max(0, offset)}px)` }}>${rows}</div>
      </div>
    </div>
  </div>`;
}
