/**
 * LevelDB itself: its live files as the MANIFEST names them, and every version of a key.
 *
 * @module
 */
import { search, useData } from './api.js';
import { counted, FailureBox, formatBytes, html, Loading } from './parts.js';
import { VirtualTable } from './virtual.js';

/** Upper bound of tables that are drawn. */
const DRAWN_MAX = 2000;
const LEVEL_HEIGHT = 26;

/** @param {{ index: number, versionsOf?: string }} props */
export function LevelPage({ index, versionsOf }) {
  const { data, failure } = useData(`api/${index}/level`, 5000);
  if (data === undefined)
    return failure
      ? html`<${FailureBox} failure=${failure} index=${index} />`
      : html`<${Loading} what="the MANIFEST" />`;
  return html`
    ${data.findings.map((finding) => html`<section class="box bad" role="alert"><h2>${finding.kind}</h2><p>${finding.detail}</p></section>`)}
    <section class="box">
      <h2>Live files</h2>
      <p>${titleOf(data)}</p>
      <ul>${data.logs.map(({ file, bytes }) => html`<li><code>${file}</code> ${formatBytes(bytes)}</li>`)}</ul>
      <${Picture} tables=${data.tables.slice(0, DRAWN_MAX)} />
    </section>
    <${Tables} tables=${data.tables} />
    <${Versions} index=${index} versionsOf=${versionsOf} />
  `;
}

/** @param {any} data */
function titleOf({ manifest = 'no MANIFEST', lastSequence, tablesTotal, logs }) {
  const sequence = lastSequence === undefined ? '' : `, last sequence ${lastSequence}`;
  return `${manifest}${sequence}; ${counted(tablesTotal, 'table')}, ${counted(logs.length, 'live log')}`;
}

/**
 * Key ranges by level. The scale is the order of all bounds, because keys have no distance. The
 * tables of level 0 may overlap, so each has its own line. The tables of another level do not
 * overlap.
 */
function Picture({ tables }) {
  if (tables.length === 0) return html`<p class="muted">No table: all data is in the logs.</p>`;
  const borders = [...new Set(tables.flatMap(({ smallest, largest }) => [smallest, largest]))].sort();
  const at = new Map(borders.map((key, i) => [key, ((i + 0.5) / borders.length) * 1000]));
  const half = 500 / borders.length;
  const bytesMax = Math.max(...tables.map(({ bytes }) => bytes), 1);
  const groups = Map.groupBy(tables, ({ level }) => level);
  const lines = [...groups].flatMap(([level, group]) => (level === 0 ? group.map((table) => [table]) : [group]));
  const summary = [...groups].map(([level, group]) => `level ${level}: ${group.length} tables`).join(', ');
  const bar = ({ smallest, largest, file, bytes, isThere }, line) => {
    const width = Math.max(2, at.get(largest) - at.get(smallest) + 2 * half - 1);
    return html`<rect
      class=${isThere ? 'table' : 'table gone'}
      x=${90 + at.get(smallest) - half}
      y=${line * LEVEL_HEIGHT + 4}
      width=${width}
      height=${LEVEL_HEIGHT - 8}
      opacity=${0.35 + 0.65 * (bytes / bytesMax)}
    >
      <title>${`${file}: ${smallest} to ${largest}, ${formatBytes(bytes)}`}</title>
    </rect>`;
  };
  const box = `0 0 1100 ${lines.length * LEVEL_HEIGHT}`;
  return html`<svg class="levels" role="img" aria-label=${`Key ranges of the tables. ${summary}`} viewBox=${box}>
    ${lines.map(
      (line, i) => html`<g>
        <text x="0" y=${i * LEVEL_HEIGHT + 17}>level ${line[0].level}</text>
        ${line.map((table) => bar(table, i))}
      </g>`,
    )}
  </svg>`;
}

function Tables({ tables }) {
  if (tables.length === 0) return null;
  const columns = [
    { title: 'Level', className: 'w-num' },
    { title: 'Table', className: 'w-range' },
    { title: 'Bytes', className: 'w-num' },
    { title: 'First key', className: 'w-key' },
    { title: 'Last key', className: 'w-key' },
  ];
  const row = (i) => {
    const { level, file, bytes, smallest, largest, isThere } = tables[i];
    return [
      String(level),
      html`<code>${file}</code>${!isThere && html` <strong class="bad">missing</strong>`}`,
      formatBytes(bytes),
      html`<code title=${smallest}>${smallest}</code>`,
      html`<code title=${largest}>${largest}</code>`,
    ];
  };
  return html`<section class="box"><h2>Tables</h2><${VirtualTable} label="Tables" columns=${columns} count=${tables.length} row=${row} height=${300} /></section>`;
}

function Versions({ index, versionsOf }) {
  const { data, failure } = useData(
    versionsOf === undefined ? undefined : `api/${index}/versions?${search({ key: versionsOf })}`,
  );
  const columns = [
    { title: 'Sequence', className: 'w-num' },
    { title: 'File', className: 'w-range' },
    { title: 'Level', className: 'w-num' },
    { title: 'Bytes', className: 'w-num' },
    { title: 'First bytes', className: 'w-key' },
  ];
  const row = (i) => {
    const { sequence, file, level, bytes, head } = data.versions[i];
    return [
      String(sequence),
      html`<code>${file}</code>`,
      level === undefined ? 'log' : String(level),
      bytes === null ? 'deleted' : String(bytes),
      html`<code>${head ?? ''}</code>`,
    ];
  };
  return html`<section class="box">
    <h2>Versions of a key</h2>
    <form class="go" onSubmit=${(event) => {
      event.preventDefault();
      const key = String(new FormData(event.currentTarget).get('key'));
      if (key !== '') location.hash = `#/${index}/level/${encodeURIComponent(key)}`;
    }}>
      <label>Key <input name="key" size="48" value=${versionsOf ?? 'meta/tip'} key=${versionsOf} /></label>
      <button type="submit">Find</button>
    </form>
    ${failure && html`<${FailureBox} failure=${failure} index=${index} />`}
    ${versionsOf !== undefined && data === undefined && failure === undefined && html`<${Loading} what="tables and logs" />`}
    ${data && html`<p role="status">${counted(data.versionsTotal, 'version')} of <code>${data.key}</code>${data.versionsTotal > data.versions.length ? `; the newest ${data.versions.length} are shown` : ''}</p>`}
    ${data?.notes.map((note) => html`<p class="bad">${note}</p>`)}
    ${data && data.versions.length > 0 && html`<${VirtualTable} label="Versions" columns=${columns} count=${data.versions.length} row=${row} height=${300} />`}
  </section>`;
}
