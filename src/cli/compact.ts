/** `lanestore compact LOCATION` */
import { type CompactReport, compactStore } from '../adapter/level/index.js';
import { confirm } from './confirm.js';
import { EXIT } from './exit-codes.js';
import { formatBytes, print, toJson } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { withProtocol } from './protocols.js';
import type { Verb } from './verb.js';

/** The verb `compact`. */
export const compactVerb: Verb = {
  usage: 'LOCATION',
  summary: "rewrites LevelDB's tables without old records, to free disk space",
  help: [
    'No node may run on LOCATION. A node compacts its store by itself; this command frees space sooner, for example',
    'before the store is copied. Entries and value files do not change. lanestore stats shows the sizes of both.',
    'First checks the store on a private copy. Refuses a damaged store, and changes nothing in it. May be interrupted',
    'at any moment, also by SIGKILL: the store then opens with the same content.',
    'Needs as much free space as the tables and logs take, plus 16 MiB. Shows its plan, and asks for confirmation.',
    '--yes       do not ask',
    '--dry-run   check the store and print the plan, but change nothing; a node may be running',
    MODEL_HELP,
  ],
  options: { ...MODEL_OPTION, yes: { type: 'boolean' }, 'dry-run': { type: 'boolean' } },
  positionals: [1, 1],
  reads: 'store',
  async run([location = ''], { json, yes, 'dry-run': dry }) {
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
  },
};

function planText({ location, seq, before, neededBytes, freeBytes }: CompactReport, verb: string): string {
  const room = `needs ${formatBytes(neededBytes)} of the ${formatBytes(freeBytes)} that are free`;
  return `${verb} ${location}, as of batch ${seq}: ${sizeText(before)}; ${room}`;
}

function sizeText({ files, bytes }: CompactReport['before']): string {
  return `${files} tables and logs, ${formatBytes(bytes)}`;
}
