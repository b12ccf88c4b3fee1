/** `lanestore compact LOCATION` */
import { type CompactReport, compactStore } from '../adapter/level/index.js';
import { confirm } from './confirm.js';
import { EXIT } from './exit-codes.js';
import { formatBytes, print, toJson } from './output.js';
import { withProtocol } from './protocols.js';
import type { Run } from './verb.js';

/** Runs `compact`. */
export const run: Run = async ([location = ''], { json, yes, 'dry-run': dry }) => {
  const run = (dryRun: boolean) => withProtocol(location, ({ model }) => compactStore(location, { model, dryRun }));
  if (dry === true || yes !== true) {
    const plan = await run(true);
    if (dry === true && json === true) print(toJson({ ...plan, dryRun: true }, 2));
    else if (json !== true) print(planText(plan, dry === true ? 'would compact' : 'will compact'));
    if (dry === true) return EXIT.ok;
    await confirm(`You say: no node runs on ${location}.`, {
      question: 'Type yes to compact it: ',
      remedy: 'stop the node, then run the command again',
    });
  }
  const report = await run(false);
  const { before, after = before } = report;
  if (json === true) print(toJson({ ...report, dryRun: false }, 2));
  else print(`${report.location}: ${sizeText(before)} before, ${sizeText(after)} now`);
  return EXIT.ok;
};

function planText({ location, seq, before, neededBytes, freeBytes }: CompactReport, verb: string): string {
  const room = `needs ${formatBytes(neededBytes)} of the ${formatBytes(freeBytes)} that are free`;
  return `${verb} ${location}, as of batch ${seq}: ${sizeText(before)}; ${room}`;
}

function sizeText({ files, bytes }: CompactReport['before']): string {
  return `${files} tables and logs, ${formatBytes(bytes)}`;
}
