/**
 * The first page of a location. Its data is read again while it is shown.
 *
 * @module
 */
import { useData } from './api.js';
import { RateChart } from './chart.js';
import { counted, entryLink, Fact, FailureBox, Findings, formatBytes, Hex, html, Loading, short } from './parts.js';
import { VirtualTable } from './virtual.js';

const REFRESH_MS = 2000;
const SIZES_MS = 15_000;
/** Samples that a chart keeps: four minutes. */
const SAMPLES_MAX = 120;

/** The rates of each location, kept while other pages are shown. */
const histories = new Map();

/** Adds an answer to the history of its location. Returns the samples: rates per second. */
function ratesOf(index, overview) {
  const history = histories.get(index) ?? { last: undefined, samples: [] };
  histories.set(index, history);
  const sum = overview.lanes.reduce((total, { next }) => total + Number(next), 0);
  const now = {
    at: overview.readAt,
    batches: Number(overview.seq ?? 0),
    blocks: sum,
    qcs: Number(overview.commitQCs.next),
  };
  const { last } = history;
  if (last === undefined || now.at > last.at) {
    if (last !== undefined) {
      const seconds = (now.at - last.at) / 1000;
      const rate = (name) => Math.max(0, (now[name] - last[name]) / seconds);
      const sample = { at: now.at, batches: rate('batches'), blocks: rate('blocks'), qcs: rate('qcs') };
      history.samples = [...history.samples, sample].slice(-SAMPLES_MAX);
    }
    history.last = now;
  }
  return history.samples;
}

/** @param {{ index: number }} props */
export function OverviewPage({ index }) {
  const { data, failure } = useData(`api/${index}/overview`, REFRESH_MS);
  const isStore = data?.layout === 'level';
  const { data: sizes } = useData(isStore ? `api/${index}/sizes` : undefined, SIZES_MS);
  if (data === undefined)
    return failure ? html`<${FailureBox} failure=${failure} index=${index} />` : html`<${Loading} what="the state" />`;
  const samples = ratesOf(index, data);
  return html`
    ${failure && html`<${FailureBox} failure=${failure} index=${index} />`}
    ${failure && html`<p class="muted">Below: what was read before.</p>`}
    <${Health} data=${data} index=${index} />
    <div class="columns">
      <${Identity} data=${data} index=${index} />
      ${isStore && html`<${Signing} votes=${data.votes} />`}
    </div>
    <${Rates} samples=${samples} />
    <${Lanes} data=${data} sizes=${sizes} index=${index} />
    ${data.dataLayer && html`<${DataLayer} layer=${data.dataLayer} />`}
    <${Files} data=${data} sizes=${sizes} />
    ${
      data.notes.length > 0 &&
      html`<section class="box"><h2>Notes</h2><ul>${data.notes.map((note) => html`<li>${note}</li>`)}</ul></section>`
    }
  `;
}

function Health({ data, index }) {
  const isSound = data.findingsTotal === 0 && data.refusal === null;
  return html`<section class=${`box ${isSound ? 'good' : 'bad'}`} aria-live="polite">
    <h2>${isSound ? 'No finding' : counted(data.findingsTotal, 'finding')}</h2>
    ${
      data.refusal !== null &&
      html`<p><strong>${data.refusal.code}</strong>: a node would refuse this store. ${data.refusal.message}</p>
      <p><strong>What to do:</strong> ${data.refusal.remedy} <a href=${`#/runbook/${data.refusal.code}`}>Runbook: ${data.refusal.code}</a></p>`
    }
    <${Findings} findings=${data.findings} total=${data.findingsTotal} index=${index} />
    <p class="muted">
      ${
        data.isComplete
          ? 'Every entry was read.'
          : 'Files, newest batch, witness and single records were checked, not every record.'
      }${' '}
      <a href=${`#/${index}/check`}>Verify everything</a>
    </p>
  </section>`;
}

function Identity({ data, index }) {
  const { commitQCs } = data;
  return html`<section class="box">
    <h2>State</h2>
    <dl>
      <${Fact} name="Location"><code class="path">${data.location}</code><//>
      <${Fact} name="Layout">${data.layout}${data.format === undefined ? '' : `, format ${data.format}`}<//>
      ${data.model && html`<${Fact} name="Model">${data.model}<//>`}
      ${data.store && html`<${Fact} name="Store"><${Hex} hex=${data.store} /><//>`}
      ${data.createdAt && html`<${Fact} name="Created">${data.createdAt}<//>`}
      ${data.seq !== undefined && html`<${Fact} name="Newest batch">${data.seq}; witness: ${data.witness}<//>`}
      <${Fact} name="Anchor">
        ${data.anchor === null ? 'none' : html`<a href=${entryLink(index, 'anchor')}>road index ${data.anchor}</a>`}
      <//>
      <${Fact} name="CommitQCs">
        [${commitQCs.first}, ${commitQCs.next})
        ${
          commitQCs.first !== commitQCs.next &&
          html`${' '}<a href=${`#/${index}/round/${BigInt(commitQCs.next) - 1n}`}>newest round</a>`
        }
      <//>
      <${Fact} name="Inner state">
        ${data.innerBytes === null ? 'none' : html`<a href=${entryLink(index, 'inner')}>${formatBytes(data.innerBytes)}</a>`}
      <//>
      <${Fact} name="Files">${data.filesTotal}, ${formatBytes(data.bytes)}; ${formatBytes(data.freeBytes)} free on the disk<//>
    </dl>
  </section>`;
}

function Signing({ votes }) {
  if (votes === undefined)
    return html`<section class="box"><h2>Signing state</h2><p>This format keeps none.</p></section>`;
  const floors = Object.keys(votes.laneFloors).length;
  return html`<section class=${`box ${votes.quarantine ? 'bad' : ''}`}>
    <h2>Signing state</h2>
    ${
      votes.quarantine &&
      html`<p><strong>Quarantine</strong> of ${votes.quarantine.parts.join(', ')}: ${votes.quarantine.why}
      <br /><span class="muted">since ${votes.quarantine.when}</span> <a href="#/runbook/LANESTORE_QUARANTINED">Runbook: LANESTORE_QUARANTINED</a></p>`
    }
    <p>${votes.signer === null ? 'No key was bound: nothing is signed.' : html`Key <${Hex} hex=${votes.signer} />`}</p>
    ${
      votes.logs.length > 0 &&
      html`<table>
      <caption class="sr">Watermark and floor of each log of votes</caption>
      <thead><tr><th scope="col">Log</th><th scope="col">Last vote at</th><th scope="col">None at or below</th></tr></thead>
      <tbody>
        ${votes.logs.map(
          ({ log, at, floor }) =>
            html`<tr><th scope="row">${log}</th><td>${at === null ? 'none known' : at.join(', ')}</td><td>${floor === null ? '' : floor.join(', ')}</td></tr>`,
        )}
      </tbody>
    </table>`
    }
    ${floors > 0 && html`<p>Floors of ${floors} dropped or restored lanes.</p>`}
  </section>`;
}

function Rates({ samples }) {
  const last = samples.at(-1);
  const isMoving = samples.some(({ batches, blocks, qcs }) => batches + blocks + qcs > 0);
  const text =
    last === undefined
      ? 'The state is read every 2 seconds.'
      : isMoving
        ? `${last.batches.toFixed(1)} batches, ${last.blocks.toFixed(1)} blocks, ${last.qcs.toFixed(1)} CommitQCs a second`
        : 'Nothing was written since this page was opened.';
  return html`<section class="box">
    <h2>Live</h2>
    <p>${text}</p>
    ${
      isMoving &&
      samples.length > 1 &&
      html`<p class="legend" aria-hidden="true"><span class="k1">batches</span> <span class="k2">blocks</span> <span class="k3">CommitQCs</span></p>
      <${RateChart} samples=${samples} />`
    }
  </section>`;
}

/** Ranges as numbers on one scale: from a little below the lowest swept number to the highest. */
function scaleOf(lanes) {
  let [low, high] = [Number.POSITIVE_INFINITY, 1];
  for (const { swept, next } of lanes) {
    low = Math.min(low, Number(swept));
    high = Math.max(high, Number(next));
  }
  const from = Math.max(0, low - (high - low) * 0.1);
  return (number) => ((Number(number) - from) / Math.max(1, high - from)) * 100;
}

function Lanes({ data, sizes, index }) {
  const { lanes, lanesTotal } = data;
  const x = scaleOf(lanes);
  const row = (i) => {
    const { lane, first, next, swept, bytes } = lanes[i];
    const size = sizes?.lanes[lane];
    return [
      html`<a href=${`#/${index}/lane/${lane}`} title=${lane}>${short(lane)}</a>`,
      html`<${Bar} x=${x} first=${first} next=${next} swept=${swept} />`,
      html`[${first}, ${next})`,
      String(BigInt(next) - BigInt(first)),
      size === undefined && first !== swept ? '…' : String(size?.unswept ?? 0),
      size === undefined && bytes === undefined ? '…' : formatBytes(size?.bytes ?? bytes ?? 0),
    ];
  };
  const columns = [
    { title: 'Lane', className: 'w-lane' },
    { title: 'Pruned, not yet swept, held', className: 'w-bar' },
    { title: 'Blocks', className: 'w-range' },
    { title: 'Held', className: 'w-num' },
    { title: 'Not swept', className: 'w-num' },
    { title: 'Bytes', className: 'w-num' },
  ];
  return html`<section class="box">
    <h2>${counted(lanesTotal, 'lane')}</h2>
    ${lanesTotal > lanes.length && html`<p class="muted">The first ${lanes.length} are shown.</p>`}
    ${
      lanes.length > 0 &&
      html`<p class="legend" aria-hidden="true"><span class="kpruned">pruned</span> <span class="kstale">not yet swept</span> <span class="kheld">held</span></p>
      <${VirtualTable} label="Lanes" columns=${columns} count=${lanes.length} row=${row} rowKey=${(i) => lanes[i].lane} height=${360} />`
    }
  </section>`;
}

function Bar({ x, first, next, swept }) {
  const [a, b, c] = [x(swept), x(first), x(next)];
  const held = first === next ? 0 : Math.max(1, c - b);
  const stale = swept === first ? 0 : Math.max(0.5, b - a);
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="pruned" x="0" y="3" width=${Math.max(0, Math.min(a, 100))} height="2" />
    <rect class="stale" x=${Math.min(a, 99)} y="1" width=${stale} height="6" />
    <rect class="held" x=${Math.min(b, 100 - held)} y="0" width=${held} height="8" />
  </svg>`;
}

function DataLayer({ layer }) {
  return html`<section class="box">
    <h2>Data layer</h2>
    <table>
      <thead><tr><th scope="col">Rows</th><th scope="col">Global numbers</th><th scope="col">Held</th><th scope="col">Bytes</th></tr></thead>
      <tbody>${Object.entries(layer).map(
        ([kind, { first, next, held, bytes }]) =>
          html`<tr><th scope="row">${kind}</th><td>[${first}, ${next})</td><td>${held}</td><td>${formatBytes(bytes)}</td></tr>`,
      )}</tbody>
    </table>
  </section>`;
}

function Files({ data, sizes }) {
  const live = new Map((sizes?.valueFiles ?? []).map(({ name, liveBytes }) => [name, liveBytes]));
  const columns = [
    { title: 'File', className: 'w-file' },
    { title: 'Bytes', className: 'w-num' },
    { title: 'Live', className: 'w-live' },
  ];
  const row = (i) => {
    const { name, bytes } = data.files[i];
    const liveBytes = live.get(name);
    const share = liveBytes === undefined || bytes === 0 ? undefined : Math.min(1, liveBytes / bytes);
    return [
      html`<code title=${name}>${name}</code>`,
      formatBytes(bytes),
      share === undefined
        ? ''
        : html`<span>${Math.round(share * 100)} %</span> <meter min="0" max="1" value=${share} aria-label=${`live share of ${name}`}></meter>`,
    ];
  };
  const total = (sizes?.valueFiles ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  const liveTotal = [...live.values()].reduce((sum, bytes) => sum + bytes, 0);
  return html`<section class="box">
    <h2>${counted(data.filesTotal, 'file')}</h2>
    ${total > 0 && html`<p>Value files: ${formatBytes(total)}, of which ${formatBytes(liveTotal)} (${Math.round((liveTotal / total) * 100)} %) are live.</p>`}
    <${VirtualTable} label="Files" columns=${columns} count=${data.files.length} row=${row} height=${240} />
  </section>`;
}
