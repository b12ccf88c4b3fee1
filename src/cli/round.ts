/** `lanestore round LOCATION ROAD` */
import { AbsentError, UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { openViewAt } from './locations.js';
import { orderedBlocks } from './ordered.js';
import { note, print, shortLane, toJson } from './output.js';
import { type Protocol, withProtocol } from './protocols.js';
import type { Run } from './verb.js';

/** Runs `round`. */
export const run: Run = async ([location = '', text = ''], { json }) => {
  if (!/^\d{1,20}$/.test(text)) throw new UsageError(`ROAD must be a road index, got "${text}"`);
  return withProtocol(location, (protocol) => showRound(location, BigInt(text), protocol, json === true));
};

async function showRound<B, Q, A>(
  location: string,
  road: bigint,
  { model }: Protocol<B, Q, A>,
  asJson: boolean,
): Promise<number> {
  await using view = await openViewAt(location, { model });
  if (view.tip === undefined && view.refusal !== undefined) throw view.refusal;
  const ordered = (await orderedBlocks(view, model)).get(road);
  if (ordered === undefined) {
    if (view.refusal !== undefined) throw view.refusal;
    const { first, next } = view.cursors.commitQCs;
    throw new AbsentError(`there is no CommitQC of road index ${road}: those of [${first}, ${next}) are stored`);
  }
  const anchor = view.anchor === undefined ? null : model.anchor.index(view.anchor);
  const lanes = [...ordered].map(([lane, { first, next }]) => {
    const held = view.cursors.lanes.get(lane);
    const stored = held === undefined ? 0n : overlap(first, next ?? held.next, held);
    return { lane, first, next, stored };
  });
  if (asJson) print(toJson({ road, anchor, lanes }, 2));
  else {
    print(`road index ${road}; the anchor: ${anchor === null ? 'none' : `road index ${anchor}`}`);
    for (const { lane, first, next, stored } of lanes)
      print(`  ${shortLane(lane)} blocks [${first}, ${next ?? 'not known'})  ${stored} stored`);
  }
  if (view.refusal === undefined) return EXIT.ok;
  note(`the store is damaged: ${view.refusal.message}; lanestore verify lists the findings`);
  return EXIT.damaged;
}

/** How many numbers of [first, next) a log holds. */
function overlap(first: bigint, next: bigint, held: { readonly first: bigint; readonly next: bigint }): bigint {
  const from = first > held.first ? first : held.first;
  const to = next < held.next ? next : held.next;
  return to > from ? to - from : 0n;
}
