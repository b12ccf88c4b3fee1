/**
 * Parts that several pages share. All text goes through Preact, which escapes it.
 *
 * @module
 */
import htm from './vendor/htm.js';
import { h } from './vendor/preact.js';

/** Templates as elements. */
export const html = htm.bind(h);

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** @param {number | null | undefined} bytes */
export function formatBytes(bytes) {
  if (bytes === null || bytes === undefined) return 'unknown';
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** @param {number} count @param {string} noun */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * A shortened id. The element that shows it has the whole id as its title.
 * @param {string} hex
 */
export function short(hex) {
  return hex.length > 12 ? `${hex.slice(0, 8)}…${hex.length === 80 ? epochOf(hex) : ''}` : hex;
}

/** The epoch at the end of a lane of 73f917bbd, unless it is 0. @param {string} lane */
function epochOf(lane) {
  const epoch = BigInt(`0x${lane.slice(64)}`);
  return epoch === 0n ? '' : String(epoch);
}

/** @param {{ children?: any, hex: string }} props */
export function Hex({ hex }) {
  return html`<code title=${hex}>${short(hex)}</code>`;
}

/** @param {string} key */
export function entryLink(index, key) {
  return `#/${index}/entry/${encodeURIComponent(key)}`;
}

/** @param {{ name: string, children?: any }} props */
export function Fact({ name, children }) {
  return html`<div class="fact"><dt>${name}</dt><dd>${children}</dd></div>`;
}

/**
 * A failure, and what to do. @param {{ failure: import('./api.js').Failure, index?: number }} props
 */
export function FailureBox({ failure, index = 0 }) {
  return html`<section class="box bad" role="alert">
    <h2>${failure.code}</h2>
    <p>${failure.message}</p>
    <p><strong>What to do:</strong> ${failure.remedy}</p>
    ${failure.code.startsWith('LANESTORE_') && html`<p><a href=${`#/runbook/${failure.code}`}>Runbook: ${failure.code}</a></p>`}
    <${Findings} findings=${failure.findings} total=${failure.findings.length} index=${index} />
  </section>`;
}

/** Findings that are shown of a kind; the others are counted. */
const OF_A_KIND = 5;

/** @param {{ findings: any[], total: number, index: number }} props */
export function Findings({ findings, total, index }) {
  if (total === 0) return null;
  const kinds = Map.groupBy(findings, ({ kind }) => kind);
  return html`<ul class="findings">
    ${[...kinds].map(
      ([kind, group]) => html`<li>
        <strong>${kind}</strong> <span class="muted">${group[0].means}</span>${' '}
        <a href=${`#/runbook/${group[0].code}`}>Runbook: ${group[0].code}</a>
        <ul>
          ${group.slice(0, OF_A_KIND).map(
            (finding) => html`<li>
              ${finding.key ? html`<a href=${entryLink(index, finding.key)}>${finding.key}</a>` : html`<code>${placeOf(finding)}</code>`}
              : ${finding.detail}
            </li>`,
          )}
          ${group.length > OF_A_KIND && html`<li class="muted">and ${group.length - OF_A_KIND} more of this kind</li>`}
        </ul>
      </li>`,
    )}
    ${total > findings.length && html`<li class="muted">${total} findings in all; lanestore verify --all lists them</li>`}
  </ul>`;
}

function placeOf({ file, offset, kind }) {
  return file === undefined ? kind : offset === undefined ? file : `${file}, byte ${offset}`;
}

/** @param {{ what: string }} props */
export function Loading({ what }) {
  return html`<p class="muted" role="status">Reading ${what} …</p>`;
}
