/**
 * LevelDB itself: its live files as the MANIFEST names them, and every version of a key.
 *
 * @module
 */
import { search, useData } from './api.js';
import { FailureBox, formatBytes, html, Loading } from './parts.js';
import { VirtualTable } from './virtual.js';

/** Tables that are drawn. */
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
      <h2>LevelDB</h2>
      <p>${data.manifest ?? 'no MANIFEST'}${data.lastSequence === undefined ? '' : `, last sequence ${data.lastSequence}`};
        ${data.tablesTotal} tables, ${data.logs.length} live logs</p>
      <ul>${data.logs.map(({ file, bytes }) => html`<li><code>${file}</code> ${formatBytes(bytes)}</li>`)}</ul>
      <${Picture} tables=${data.tables.slice(0, DRAWN_MAX)} />
    </section>
    <${Tables} tables=${data.tables} />
    <${Versions} index=${index} versionsOf=${versionsOf} />
  `;
}

/** Key ranges by level. The scale is the order of all borders: keys have no distance. */
function Picture({ tables }) {
  if (tables.length === 0) return html`<p class="muted">No table: all data is in the logs.</p>`;
  const borders = [...new Set(tables.flatMap(({ smallest, largest }) => [smallest, largest]))].sort();
  const at = new Map(borders.map((key, i) => [key, ((i + 0.5) / borders.length) * 1000]));
  const levels = [...new Set(tables.map(({ level }) => level))];
  const bytesMax = Math.max(...tables.map(({ bytes }) => bytes), 1);
  const half = 500 / borders.length;
  const summary = levels
    .map((level) => `level ${level}: ${tables.filter((table) => table.level === level).length} tables`)
    .join(', ');
  return html`<svg class="levels" role="img" aria-label=${`Key ranges of the tables. ${summary}`} viewBox=${`0 0 1100 ${levels.length * LEVEL_HEIGHT}`}>
    ${levels.map(
      (level, line) => html`<g>
      <text x="0" y=${line * LEVEL_HEIGHT + 17}>level ${level}</text>
      ${tables
        .filter((table) => table.level === level)
        .map(({ smallest, largest, file, bytes, isThere }) => {
          const from = 90 + at.get(smallest) - half;
          return html`<rect class=${isThere ? 'table' : 'table gone'} x=${from} y=${line * LEVEL_HEIGHT + 4} width=${Math.max(2, at.get(largest) - at.get(smallest) + 2 * half - 1)} height=${LEVEL_HEIGHT - 8} opacity=${0.35 + 0.65 * (bytes / bytesMax)}>
            <title>${`${file}: ${smallest} to ${largest}, ${formatBytes(bytes)}`}</title>
          </rect>`;
        })}
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
    ${data && html`<p role="status">${data.versionsTotal} versions of <code>${data.key}</code>${data.versionsTotal > data.versions.length ? `; the newest ${data.versions.length} are shown` : ''}</p>`}
    ${data?.notes.map((note) => html`<p class="bad">${note}</p>`)}
    ${data && data.versions.length > 0 && html`<${VirtualTable} label="Versions" columns=${columns} count=${data.versions.length} row=${row} height=${300} />`}
  </section>`;
}
