/** `lanestore migrate LOCATION` */
import { migrateStore } from '../index.js';
import { EXIT } from './exit-codes.js';
import { print, progressLine, toJson } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { withProtocol } from './protocols.js';
import type { Verb } from './verb.js';

/** The verb `migrate`. */
export const migrateVerb: Verb = {
  usage: 'LOCATION',
  summary: 'converts a store of an older format to the format of this version, in place',
  help: [
    'No node may run on the store. All entries are checked before anything is written. After an interruption, the',
    'store does not open until migrate has completed; nothing is lost.',
    '--dry-run   check and count, change nothing',
    MODEL_HELP,
  ],
  options: { ...MODEL_OPTION, 'dry-run': { type: 'boolean' } },
  positionals: [1, 1],
  reads: 'store',
  async run([location = ''], options) {
    const dryRun = options['dry-run'] === true;
    const line = progressLine();
    const onProgress = (entries: number) => line.show(`converted ${entries} entries`);
    const report = await withProtocol(location, async ({ model, checks }) =>
      migrateStore(location, { model, checks: await checks(), dryRun, onProgress }),
    );
    line.end();
    if (options.json === true) {
      print(toJson({ ...report, dryRun }, 2));
      return EXIT.ok;
    }
    if (report.steps.length === 0) print(`${report.location} already has format ${report.to}`);
    for (const { from, to, entries, stale } of report.steps) {
      const dropped = stale === 0 ? '' : `, ${stale} below the anchor ${dryRun ? 'to remove' : 'removed'}`;
      print(`format ${from} -> ${to}: ${entries} entries ${dryRun ? 'to convert' : 'converted'}${dropped}`);
    }
    return EXIT.ok;
  },
};
