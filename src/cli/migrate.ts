/** `lanestore migrate LOCATION` */
import { migrateStore } from '../migrations/index.js';
import { EXIT } from './exit-codes.js';
import { print, progressLine, toJson } from './output.js';
import { withProtocol } from './protocols.js';
import type { Run } from './verb.js';

/** Runs `migrate`. */
export const run: Run = async ([location = ''], options) => {
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
};
