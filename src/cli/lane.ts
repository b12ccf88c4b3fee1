/** `lanestore lane LOCATION LANE` */
import { decodeEntry } from './entries.js';
import { EXIT } from './exit-codes.js';
import { openViewAt } from './locations.js';
import { orderedBlocks } from './ordered.js';
import { note, styled, toJson, write, writeJson } from './output.js';
import { type Protocol, withProtocol } from './protocols.js';
import { theLane } from './short-keys.js';
import type { Run } from './verb.js';

/** Runs `lane`. */
export const run: Run = ([location = '', text = ''], { json }) =>
  withProtocol(location, (protocol) => showLane(location, text, protocol, json === true));

async function showLane<B, Q, A>(
  location: string,
  text: string,
  protocol: Protocol<B, Q, A>,
  asJson: boolean,
): Promise<number> {
  await using view = await openViewAt(location, { model: protocol.model });
  if (view.tip === undefined && view.refusal !== undefined) throw view.refusal;
  const lane = theLane(text, view.cursors.lanes.keys());
  const roads = [...(await orderedBlocks(view, protocol.model))].flatMap(([road, lanes]) => {
    const range = lanes.get(lane);
    return range === undefined ? [] : [{ road, ...range }];
  });
  const roadOf = (number: bigint) =>
    roads.find(({ first, next }) => number >= first && next !== null && number < next)?.road ?? null;
  for await (const { key, number } of view.blocks(lane)) {
    const viewed = await view.get(key);
    if (viewed === undefined) continue;
    const { bytes, hashes, finding } = decodeEntry(viewed, protocol);
    const road = roadOf(number);
    if (asJson) await writeJson({ number, road, bytes, hashes: hashes ?? null, finding: finding ?? null });
    else {
      const ordered = road === null ? 'not ordered by a stored CommitQC' : `road index ${road}`;
      const header = hashes?.header === undefined ? '' : `header ${toJson(hashes.header).slice(1, 17)}…  `;
      const what = finding === undefined ? `${header}${ordered}` : styled('red', `${finding.kind}: ${finding.detail}`);
      await write(`${String(number).padStart(8)}  ${String(bytes).padStart(8)} B  ${what}\n`);
    }
  }
  if (view.refusal === undefined) return EXIT.ok;
  note(`the store is damaged: ${view.refusal.message}; lanestore verify lists the findings`);
  return EXIT.damaged;
}
