/**
 * The page: shows what the address names. Addresses: #/0 #/0/lane/LANE #/0/entry/KEY #/0/round/N
 * #/0/level #/0/level/KEY #/0/check #/runbook/CODE
 *
 * @module
 */

import { useData } from './api.js';
import { CheckPage } from './check.js';
import { EntryPage } from './entry.js';
import { LanePage } from './lane.js';
import { LevelPage } from './level.js';
import { OverviewPage } from './overview.js';
import { FailureBox, html, Loading } from './parts.js';
import { RoundPage } from './round.js';
import { RunbookPage } from './runbook.js';
import { useEffect, useRef, useState } from './vendor/hooks.js';
import { render } from './vendor/preact.js';

/** @returns {{ index: number, page: string, rest: string }} */
function route() {
  const [, first = '0', page = '', rest = ''] = location.hash.split('/');
  if (first === 'runbook') return { index: 0, page: 'runbook', rest: page };
  let decoded = rest;
  try {
    decoded = decodeURIComponent(rest);
  } catch {
    // An address that cannot be decoded is shown as it is.
  }
  return { index: /^\d+$/.test(first) ? Number(first) : 0, page, rest: decoded };
}

const TITLES = {
  '': 'Overview',
  lane: 'Lane',
  entry: 'Entry',
  round: 'Round',
  level: 'LevelDB',
  check: 'Verify',
  runbook: 'Runbook',
};

function App() {
  const [at, setAt] = useState(route);
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  const { data: locations, failure } = useData('api/locations');
  useEffect(() => {
    const onHash = () =>
      setAt((before) => {
        const next = route();
        // A key moves from round to round, so the focus stays. Other pages begin at their top.
        if (next.page !== before.page || next.index !== before.index) main.current?.focus();
        return next;
      });
    addEventListener('hashchange', onHash);
    return () => removeEventListener('hashchange', onHash);
  }, []);
  const title = TITLES[at.page] ?? 'Overview';
  useEffect(() => {
    document.title = `${title}${at.rest === '' ? '' : ` ${at.rest.slice(0, 40)}`} · lanestore`;
  }, [at]);
  const { index } = at;
  return html`
    <button type="button" class="skip" onClick=${() => main.current?.focus()}>Skip to the content</button>
    <header>
      <strong class="brand">lanestore</strong>
      <nav aria-label="Pages">
        <${Tab} to=${`#/${index}`} title="Overview" isHere=${at.page === ''} />
        <${Tab} to=${at.page === 'round' ? location.hash : `#/${index}/rounds`} title="Rounds" isHere=${at.page === 'round' || at.page === 'rounds'} />
        <${Tab} to=${`#/${index}/level`} title="LevelDB" isHere=${at.page === 'level'} />
        <${Tab} to=${`#/${index}/check`} title="Verify" isHere=${at.page === 'check'} />
      </nav>
      ${
        locations?.length > 1 &&
        html`<nav aria-label="Locations" class="places">${locations.map(
          ({ index: number, path }) =>
            html`<${Tab} to=${`#/${number}`} title=${path} isHere=${number === index && at.page !== 'runbook'} />`,
        )}</nav>`
      }
      <span class="muted readonly">read-only</span>
    </header>
    <main tabindex="-1" ref=${main}>
      <h1>${at.page === 'round' ? `${title} ${at.rest}` : title}</h1>
      ${failure && html`<${FailureBox} failure=${failure} />`}
      <${Page} ...${at} locations=${locations} />
    </main>
  `;
}

function Tab({ to, title, isHere }) {
  return html`<a href=${to} aria-current=${isHere ? 'page' : undefined}>${title}</a>`;
}

function Page({ index, page, rest, locations }) {
  switch (page) {
    case 'runbook':
      return html`<${RunbookPage} key=${rest} code=${rest} />`;
    case 'lane':
      return html`<${LanePage} key=${`${index} ${rest}`} index=${index} lane=${rest} />`;
    case 'entry':
      return html`<${EntryPage} key=${`${index} ${rest}`} index=${index} entryKey=${rest} />`;
    case 'rounds':
      return html`<${NewestRound} index=${index} />`;
    case 'round':
      if (locations === undefined) return html`<${Loading} what="the locations" />`;
      return /^\d{1,19}$/.test(rest)
        ? html`<${RoundPage} index=${index} road=${rest} locations=${locations} />`
        : html`<p>Not a road index.</p>`;
    case 'level':
      return html`<${LevelPage} key=${index} index=${index} versionsOf=${rest === '' ? undefined : rest} />`;
    case 'check':
      return html`<${CheckPage} key=${index} index=${index} />`;
    default:
      return html`<${OverviewPage} key=${index} index=${index} />`;
  }
}

/** Goes to the newest round. */
function NewestRound({ index }) {
  const { data, failure } = useData(`api/${index}/overview`);
  useEffect(() => {
    if (data === undefined) return;
    const next = BigInt(data.commitQCs.next);
    location.replace(`#/${index}/round/${next === 0n ? 0n : next - 1n}`);
  }, [data]);
  return failure
    ? html`<${FailureBox} failure=${failure} index=${index} />`
    : html`<${Loading} what="the newest round" />`;
}

const place = document.getElementById('app');
place.replaceChildren();
render(html`<${App} />`, place);
