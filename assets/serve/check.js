/**
 * A complete check, with progress. It ends when the user leaves the page or presses Cancel.
 *
 * @module
 */

import { counted, FailureBox, Findings, formatBytes, html } from './parts.js';
import { useEffect, useRef, useState } from './vendor/hooks.js';

const PHASES = { files: "LevelDB's files", records: 'records', checks: 'hashes and parents' };

/** @param {{ index: number }} props */
export function CheckPage({ index }) {
  const [event, setEvent] = useState(/** @type {any} */ (undefined));
  const abort = useRef(/** @type {AbortController | undefined} */ (undefined));
  const isRunning = event?.kind === 'progress';
  useEffect(() => () => abort.current?.abort(), []);
  const start = async () => {
    setEvent({ kind: 'progress', phase: 'files', done: 0, total: 0 });
    const own = new AbortController();
    abort.current = own;
    try {
      const response = await fetch(`api/${index}/check`, { signal: own.signal });
      if (!response.ok) setEvent({ kind: 'failed', failure: await response.json() });
      else for await (const next of linesOf(response)) setEvent(next);
    } catch (error) {
      setEvent(
        own.signal.aborted
          ? { kind: 'cancelled' }
          : {
              kind: 'failed',
              failure: {
                code: 'NO ANSWER',
                message: String(error),
                remedy: 'is lanestore serve still running?',
                findings: [],
              },
            },
      );
    }
  };
  return html`<section class="box">
    <p>Reads a private copy completely: checksums of LevelDB's files, every record and value, the witness, payload and parent hashes. Signatures need a committee: <code>lanestore verify --signatures</code>.</p>
    <p>
      ${
        isRunning
          ? html`<button type="button" onClick=${() => abort.current?.abort()}>Cancel</button>`
          : html`<button type="button" onClick=${start}>${event === undefined ? 'Verify' : 'Verify again'}</button>`
      }
    </p>
    <div aria-live="polite">
      ${isRunning && html`<${Progress} event=${event} />`}
      ${event?.kind === 'cancelled' && html`<p>Cancelled. Nothing was found out.</p>`}
      ${event?.kind === 'report' && html`<${Report} report=${event.report} index=${index} />`}
    </div>
    ${event?.kind === 'failed' && html`<${FailureBox} failure=${event.failure} index=${index} />`}
  </section>`;
}

function Progress({ event: { phase, done, total } }) {
  const name = PHASES[phase];
  const amount =
    phase === 'files'
      ? `${formatBytes(done)} of ${formatBytes(total)}`
      : total === 0
        ? String(done)
        : `${done} of ${total}`;
  return html`<p><label>Checking ${name}: ${amount}<br />
    ${total === 0 ? html`<progress></progress>` : html`<progress max=${total} value=${Math.min(done, total)}></progress>`}</label></p>`;
}

function Report({ report, index }) {
  const isSound = report.findingsTotal === 0 && report.refusal === null;
  return html`<div class=${`box ${isSound ? 'good' : 'bad'}`}>
    <h2>${isSound ? 'OK' : counted(report.findingsTotal, 'finding')}</h2>
    <p>${report.records} records, ${formatBytes(report.bytes)}, ${report.checked} entries checked</p>
    ${report.refusal && html`<p><strong>${report.refusal.code}</strong>: a node would refuse this store. <strong>What to do:</strong> ${report.refusal.remedy} <a href=${`#/runbook/${report.refusal.code}`}>Runbook: ${report.refusal.code}</a></p>`}
    <${Findings} findings=${report.findings} total=${report.findingsTotal} index=${index} />
    ${report.notes.map((note) => html`<p class="muted">${note}</p>`)}
  </div>`;
}

/** The lines of an answer, one JSON value each, as they arrive. @param {Response} response */
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line);
  }
}
