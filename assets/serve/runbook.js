/**
 * A procedure of the runbook in the package. It needs no network.
 *
 * @module
 */
import { search, useData } from './api.js';
import { FailureBox, html, Loading } from './parts.js';

/** @param {{ code: string }} props */
export function RunbookPage({ code }) {
  const { data, failure } = useData(`api/runbook?${search({ code })}`);
  if (data === undefined)
    return failure
      ? html`<${FailureBox} failure=${{ ...failure, code: failure.code.replace('LANESTORE_', '') }} />`
      : html`<${Loading} what="the runbook" />`;
  const [title, ...lines] = data.text.split('\n');
  return html`<section class="box"><h2>${title.replace(/^#+ /, '')}</h2><pre class="prose" tabindex="0" aria-label=${`Runbook: ${code}`}>${lines.join('\n').trim()}</pre></section>`;
}
