/**
 * The blocks of a lane, in a table that reads only the rows in view.
 *
 * @module
 */

import { read, search, useData } from './api.js';
import { entryLink, FailureBox, formatBytes, Hex, html, Loading } from './parts.js';
import { useEffect, useRef, useState } from './vendor/hooks.js';
import { VirtualTable } from './virtual.js';

/** Blocks per request, and the number of requests whose blocks are kept. */
const PAGE = 32;
const PAGES_MAX = 40;

const COLUMNS = [
  { title: 'Number', className: 'w-num' },
  { title: 'Header hash', className: 'w-hash' },
  { title: 'Parent', className: 'w-hash' },
  { title: 'Transactions', className: 'w-num' },
  { title: 'Payload', className: 'w-num' },
  { title: 'Record', className: 'w-num' },
  { title: 'Checks', className: 'w-check' },
];

/** @param {{ index: number, lane: string }} props */
export function LanePage({ index, lane }) {
  const { data, failure } = useData(`api/${index}/overview`, 4000);
  if (data === undefined)
    return failure ? html`<${FailureBox} failure=${failure} index=${index} />` : html`<${Loading} what="the lane" />`;
  const range = data.lanes.find((candidate) => candidate.lane === lane);
  return html`<section class="box">
    <p><code class="path">${lane}</code></p>
    ${
      range === undefined
        ? html`<p>The state has no such lane.</p>`
        : html`<p>Blocks [${range.first}, ${range.next})</p>
          <${Blocks} key=${lane} index=${index} lane=${lane} first=${BigInt(range.first)} next=${BigInt(range.next)} />`
    }
  </section>`;
}

function Blocks({ index, lane, first, next }) {
  const count = Number(next - first);
  const pages = useRef(new Map());
  const [, redraw] = useState(0);
  const [failure, setFailure] = useState(undefined);
  const wanted = useRef(0);
  // Pages have absolute numbers, so that they stay valid when the lane is pruned or grows.
  const pageOf = (number) => number / BigInt(PAGE);
  const load = async (from, to) => {
    const turn = ++wanted.current;
    for (let page = pageOf(from); page <= pageOf(to); page++) {
      const known = pages.current.get(page);
      if (known !== undefined && (known.isWhole || known.until > performance.now())) continue;
      const parameters = search({ lane, from: page * BigInt(PAGE), limit: PAGE });
      const answer = await read(`api/${index}/lane?${parameters}`);
      if (answer.failure) setFailure(answer.failure);
      else {
        setFailure(undefined);
        const rows = new Map(answer.data.map((row) => [row.number, row]));
        pages.current.delete(page);
        pages.current.set(page, { rows, isWhole: rows.size === PAGE, until: performance.now() + 2000 });
        while (pages.current.size > PAGES_MAX) pages.current.delete(pages.current.keys().next().value);
      }
      redraw((count) => count + 1);
      // The view has moved during the request.
      if (turn !== wanted.current) return;
    }
  };
  const range = useRef([0, 0]);
  const onRange = (from, to) => {
    range.current = [from, to];
    if (to > from) load(first + BigInt(from), first + BigInt(to) - 1n);
  };
  useEffect(() => onRange(...range.current), [String(next), String(first)]);
  const row = (i) => {
    const number = first + BigInt(i);
    const page = pages.current.get(pageOf(number));
    if (page === undefined) return undefined;
    const found = page.rows.get(String(number));
    if (found === undefined) return [String(number), '', '', '', '', '', html`<strong class="bad">missing</strong>`];
    const { block, key, bytes, payloadBytes, finding } = found;
    return [
      html`<a href=${entryLink(index, key)}>${String(number)}</a>`,
      block ? html`<${Hex} hex=${block.headerHash} />` : '',
      block ? html`<${Hex} hex=${block.parentHash} />` : '',
      block ? String(block.txs) : '',
      block ? formatBytes(payloadBytes) : '',
      formatBytes(bytes),
      finding
        ? html`<strong class="bad" title=${finding.detail}>${finding.kind}: ${finding.detail}</strong>`
        : html`<span class="good">sound</span>`,
    ];
  };
  return html`
    ${failure && html`<${FailureBox} failure=${failure} index=${index} />`}
    ${count === 0 ? html`<p>It holds no block.</p>` : html`<${VirtualTable} label="Blocks" columns=${COLUMNS} count=${count} row=${row} onRange=${onRange} height=${560} />`}
    <p class="muted">Checks: record, payload hash, parent hash. Signatures: lanestore verify --signatures.</p>
  `;
}
