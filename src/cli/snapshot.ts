/** `lanestore snapshot LOCATION TARGET` */
import { autobahn, snapshot } from '../index.js';
import { EXIT } from './exit-codes.js';
import { formatBytes, note, print, toJson } from './output.js';
import type { Verb } from './verb.js';

/** The verb `snapshot`. */
export const snapshotVerb: Verb = {
  usage: 'LOCATION TARGET',
  summary: 'makes a store of its own from another one, as it is at this moment',
  help: [
    'A node may run on LOCATION meanwhile. TARGET: absent, or an empty directory; it appears whole and verified,',
    'or not at all.',
    'Never run a store and its snapshot as the same validator: it would not know what it signed since.',
    '--no-links   copy every byte; by default files that never change are hard links, where they can be',
  ],
  options: { 'no-links': { type: 'boolean' } },
  positionals: [2, 2],
  reads: 'store',
  async run([location = '', target = ''], options) {
    const report = await snapshot(location, target, { model: autobahn, links: options['no-links'] !== true });
    if (options.json === true) print(toJson(report, 2));
    else {
      print(`${report.location}: a snapshot as of batch ${report.seq}`);
      print(`  ${report.records} records, ${formatBytes(report.bytes)}, all read and checked`);
    }
    note('note: never run it as the validator whose store it was made from');
    return EXIT.ok;
  },
};
