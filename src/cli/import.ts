/** `lanestore import SOURCE LOCATION` */
import { autobahn, importState } from '../index.js';
import { EXIT } from './exit-codes.js';
import { CHECK_OPTIONS, checksOf, showProgress, showReport } from './migrating.js';
import { progressLine } from './output.js';
import type { Verb } from './verb.js';

/** The verb `import`. */
export const importVerb: Verb = {
  usage: 'SOURCE LOCATION',
  summary: "makes a store from a state directory of the original's, or of another store",
  help: [
    'SOURCE: file-per-entry, wal, wal-crc or level; told by what is in it. It is only read, and no node may run on it.',
    'LOCATION: absent, or an empty directory. It appears when everything was read back and compared, or not at all.',
    '--verify-signatures --committee FILE   check every signature too; FILE lists the public keys (a manifest does)',
  ],
  options: CHECK_OPTIONS,
  positionals: [2, 2],
  reads: 'source',
  async run([source = '', location = ''], options) {
    const checks = await checksOf(options);
    const line = progressLine();
    const onProgress = showProgress(line);
    try {
      const report = await importState(source, location, { model: autobahn, checks, onProgress });
      line.end();
      showReport(report, options.json === true);
    } finally {
      line.end();
    }
    return EXIT.ok;
  },
};
