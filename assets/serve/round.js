/**
 * The entries of a road index in each location, side by side. Rows that differ are marked.
 *
 * @module
 */

import { useData } from './api.js';
import { entryLink, FailureBox, Hex, html, Loading, short } from './parts.js';
import { useEffect } from './vendor/hooks.js';
import { VirtualTable } from './virtual.js';

/** @param {{ index: number, road: string, locations: { index: number, path: string }[] }} props */
export function RoundPage({ index, road, locations }) {
  const number = BigInt(road);
  const to = (next) => `#/${index}/round/${next}`;
  useEffect(() => {
    // The round of the address, not of the last rendering: keys may come faster than the page
    // renders.
    const now = () => BigInt(/\/round\/(\d+)/.exec(location.hash)?.[1] ?? road);
    const onKey = (event) => {
      if (
        event.target.closest?.('input, select, textarea, [role=rowgroup], pre') ||
        event.altKey ||
        event.ctrlKey ||
        event.metaKey
      )
        return;
      if (event.key === 'ArrowLeft' && now() > 0n) location.hash = to(now() - 1n);
      else if (event.key === 'ArrowRight') location.hash = to(now() + 1n);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [road]);
  const answers = locations.map((location) => useData(`api/${location.index}/round?road=${road}`));
  return html`<section class="box">
      <form class="go" onSubmit=${(event) => {
        event.preventDefault();
        const text = new FormData(event.currentTarget).get('road');
        if (/^\d{1,19}$/.test(String(text))) location.hash = to(text);
      }}>
        ${number > 0n && html`<a class="button" href=${to(number - 1n)} rel="prev">← ${String(number - 1n)}</a>`}
        <label>Road index <input name="road" inputmode="numeric" pattern="[0-9]{1,19}" value=${road} key=${road} /></label>
        <button type="submit">Go</button>
        <a class="button" href=${to(number + 1n)} rel="next">${String(number + 1n)} →</a>
        <span class="muted">Keys: ← and →</span>
      </form>
    </section>
    ${answers.map(({ failure }, at) => failure && html`<${FailureBox} failure=${failure} index=${locations[at].index} />`)}
    ${answers.every(({ data, failure }) => data === undefined && failure === undefined) && html`<${Loading} what="the round" />`}
    <${Facts} answers=${answers} locations=${locations} />
    <${RoundLanes} answers=${answers} locations=${locations} />`;
}

const text = (value) =>
  value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

function factsOf(data) {
  if (data === undefined) return {};
  const { commitQC, finding, anchor, appQCs, votes, first, next } = data;
  const { laneRanges: _ranges, roadIndex: _road, ...fields } = commitQC ?? {};
  return {
    'CommitQCs held': `[${first}, ${next})`,
    CommitQC: finding ? `${finding.kind}: ${finding.detail}` : commitQC === null ? 'not stored' : 'stored',
    ...fields,
    'lanes ordered': commitQC === null ? '' : commitQC.laneRanges.length,
    anchor: anchor === null ? 'of another road index, or none' : anchor,
    'AppQCs of the data layer': appQCs.length === 0 ? '' : appQCs,
    ...Object.fromEntries(
      votes.map(({ log, at, digest }) => [`signed here: ${log}`, `at ${at.join(', ')}, digest ${short(digest)}`]),
    ),
  };
}

/**
 * True if cells of a row differ. If a location does not store the CommitQC, its fields are empty
 * and do not count; only the row `CommitQC` differs.
 */
function differ(cells) {
  return new Set(cells.filter((cell) => cell !== '')).size > 1;
}

function Facts({ answers, locations }) {
  const columns = answers.map(({ data }) => factsOf(data));
  if (answers.every(({ data }) => data === undefined)) return null;
  const names = [...new Set(columns.flatMap((facts) => Object.keys(facts)))].filter((name) =>
    columns.some((facts) => text(facts[name]) !== ''),
  );
  return html`<section class="box scroll" tabindex="0" role="region" aria-label="CommitQC, anchor and votes">
    <table>
      <caption class="sr">What each location holds of this road index</caption>
      <thead><tr><th scope="col">Field</th>${locations.map(({ path }) => html`<th scope="col"><code title=${path}>${path.split('/').at(-1)}</code></th>`)}</tr></thead>
      <tbody>
        ${names.map((name) => {
          const cells = columns.map((facts) => text(facts[name]));
          const differs = differ(cells);
          return html`<tr class=${differs ? 'differs' : ''}>
            <th scope="row">${name}${differs && html` <strong class="mark">differs</strong>`}</th>
            ${cells.map(
              (cell, at) =>
                html`<td>${
                  name === 'CommitQC' && cell === 'stored'
                    ? html`<a href=${entryLink(locations[at].index, `qc/${answers[at].data.road.padStart(20, '0')}`)}>stored</a>`
                    : /^[0-9a-f]{32,}$/.test(cell)
                      ? html`<${Hex} hex=${cell} />`
                      : cell
                }</td>`,
            )}
          </tr>`;
        })}
      </tbody>
    </table>
  </section>`;
}

function RoundLanes({ answers, locations }) {
  const maps = answers.map(({ data }) => new Map((data?.lanes ?? []).map((range) => [range.lane, range])));
  const lanes = [...new Set(maps.flatMap((map) => [...map.keys()]))].sort();
  if (lanes.length === 0) return null;
  const columns = [
    { title: 'Lane', className: 'w-lane' },
    ...locations.map(({ path }) => ({ title: path.split('/').at(-1), className: 'w-round' })),
    ...(locations.length > 1 ? [{ title: 'Compared', className: 'w-check' }] : []),
  ];
  const row = (i) => {
    const lane = lanes[i];
    const cells = maps.map((map) => {
      const range = map.get(lane);
      if (range === undefined) return 'none';
      return `[${range.first}, ${range.next})  ${range.stored} stored`;
    });
    const differs = new Set(cells).size > 1;
    const compared = locations.length > 1 ? [differs ? html`<strong class="mark">differs</strong>` : 'same'] : [];
    return [
      html`<a href=${`#/${locations[0].index}/lane/${lane}`} title=${lane}>${short(lane)}</a>`,
      ...cells,
      ...compared,
    ];
  };
  return html`<section class="box">
    <h2>Blocks ordered by it</h2>
    <${VirtualTable} label="Lanes of this round" columns=${columns} count=${lanes.length} row=${row} rowKey=${(i) => lanes[i]} />
  </section>`;
}
