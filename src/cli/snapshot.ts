/** `lanestore snapshot LOCATION TARGET` */
import { snapshot } from '../adapter/level/index.js';
import { EXIT } from './exit-codes.js';
import { formatBytes, note, print, toJson } from './output.js';
import { withProtocol } from './protocols.js';
import type { Run } from './verb.js';

/** Runs `snapshot`. */
export const run: Run = async ([location = '', target = ''], options) => {
  const links = options['no-links'] !== true;
  const report = await withProtocol(location, ({ model }) => snapshot(location, target, { model, links }));
  if (options.json === true) print(toJson(report, 2));
  else {
    print(`${report.location}: a snapshot as of batch ${report.seq}`);
    print(`  ${report.records} records, ${formatBytes(report.bytes)}, all read and verified`);
  }
  note('note: never run the snapshot as the validator whose store it was copied from');
  return EXIT.ok;
};
