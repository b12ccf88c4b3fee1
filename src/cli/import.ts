/** `lanestore import SOURCE LOCATION` */
import { importState } from '../index.js';
import { EXIT } from './exit-codes.js';
import { CHECK_OPTIONS, checksOf, showProgress, showReport } from './migrating.js';
import { progressLine } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { withProtocol } from './protocols.js';
import type { Verb } from './verb.js';

/** The verb `import`. */
export const importVerb: Verb = {
  usage: 'SOURCE LOCATION',
  summary: 'makes a store from a state directory of the original, or from another store',
  help: [
    'SOURCE: layout file-per-entry, wal, wal-crc, sei-73f917bbd or level, detected. It is not changed.',
    'No node may run on it.',
    'LOCATION: absent, or an empty directory. It is created only after everything was read back and compared.',
    '--verify-signatures --committee FILE   also check every signature; FILE lists the public keys (a manifest does)',
    MODEL_HELP,
  ],
  options: { ...CHECK_OPTIONS, ...MODEL_OPTION },
  positionals: [2, 2],
  reads: 'source',
  async run([source = '', location = ''], options) {
    const line = progressLine();
    const onProgress = showProgress(line);
    try {
      const report = await withProtocol(source, async (protocol) => {
        const checks = await checksOf(options, protocol);
        return importState(source, location, { model: protocol.model, checks, onProgress });
      });
      line.end();
      showReport(report, options.json === true);
    } finally {
      line.end();
    }
    return EXIT.ok;
  },
};
