/** `lanestore handover request NEW`, `lanestore handover OLD --to ID@SEQ --out FILE` */
import { formatHistory } from '../adapter/index.js';
import { handover, handoverRequest } from '../adapter/level/index.js';
import type { HandoverRequest } from '../index.js';
import { UsageError } from './command-error.js';
import { confirm } from './confirm.js';
import { EXIT } from './exit-codes.js';
import { checkFree, networkOf, showHistory, writeHistory } from './history-file.js';
import { changedStoreAt, storeAt } from './locations.js';
import { note, print, toJson, write } from './output.js';
import { withProtocol } from './protocols.js';
import type { OptionValues, Run } from './verb.js';

/** Runs `handover`. */
export const run: Run = async ([first = '', second], options) => {
  const json = options.json === true;
  if (second !== undefined) {
    if (first !== 'request') throw new UsageError('usage: lanestore handover request NEW');
    const heir = await storeAt(second);
    const { store, seq } = await withProtocol(second, ({ model }) => handoverRequest(heir, { model }));
    print(json ? toJson({ store, seq }, 2) : `${Buffer.from(store).toString('hex')}@${seq}`);
    return EXIT.ok;
  }
  const { out, yes } = options;
  const isDry = options['dry-run'] === true;
  if (typeof out !== 'string' && !isDry) throw new UsageError('--out FILE is missing: a new file for the history');
  const decision = { network: networkOf(options), to: requestOf(options) };
  const old = await changedStoreAt(first, options);
  if (typeof out === 'string') checkFree(out);
  const plan = await withProtocol(first, ({ model }) => handover(old, { ...decision, model, dryRun: true }));
  if (!json) showHistory(plan);
  if (isDry) {
    if (json) await write(formatHistory(plan));
    note('a dry run: nothing was handed over');
    return EXIT.ok;
  }
  if (yes !== true) await confirm(`${first} will sign nothing any more; only a handover back opens it.`);
  const history = await withProtocol(first, ({ model }) => handover(old, { ...decision, model }));
  await writeHistory(String(out), history);
  if (json) await write(formatHistory(history));
  else print(`handed over; the history is in ${String(out)}`);
  note(`next: lanestore votes import NEW ${String(out)} --network ${decision.network}`);
  return EXIT.ok;
};

function requestOf({ to }: OptionValues): HandoverRequest {
  const [, id, seq] = /^([0-9a-f]{32})@(\d{1,20})$/.exec(typeof to === 'string' ? to : '') ?? [];
  if (id === undefined || seq === undefined) {
    throw new UsageError('--to must be ID@SEQ, as lanestore handover request NEW prints it');
  }
  return { store: new Uint8Array(Buffer.from(id, 'hex')), seq: BigInt(seq) };
}
