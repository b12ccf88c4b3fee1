/** `lanestore snapshot LOCATION TARGET` */
import { snapshot } from '../index.js';
import { EXIT } from './exit-codes.js';
import { formatBytes, note, print, toJson } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { withProtocol } from './protocols.js';
import type { Verb } from './verb.js';

/** The verb `snapshot`. */
export const snapshotVerb: Verb = {
  usage: 'LOCATION TARGET',
  summary: 'copies the current state of a store to a new, independent store',
  help: [
    'A node may be running on LOCATION. TARGET: absent, or an empty directory; it is created only when it is',
    'complete and verified.',
    'Never run a store and its snapshot as the same validator: the snapshot lacks what was signed later.',
    '--no-links   copy every byte; default: files that never change become hard links where possible',
    MODEL_HELP,
  ],
  options: { ...MODEL_OPTION, 'no-links': { type: 'boolean' } },
  positionals: [2, 2],
  reads: 'store',
  async run([location = '', target = ''], options) {
    const links = options['no-links'] !== true;
    const report = await withProtocol(location, ({ model }) => snapshot(location, target, { model, links }));
    if (options.json === true) print(toJson(report, 2));
    else {
      print(`${report.location}: a snapshot as of batch ${report.seq}`);
      print(`  ${report.records} records, ${formatBytes(report.bytes)}, all read and verified`);
    }
    note('note: never run the snapshot as the validator whose store it was copied from');
    return EXIT.ok;
  },
};
