/** `lanestore import SOURCE LOCATION` */
import { importState } from '../index.js';
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { isPostgres, openViewAt, tablesOf } from './locations.js';
import { CHECK_OPTIONS, checksOf, showProgress, showReport } from './migrating.js';
import { progressLine } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { withProtocol } from './protocols.js';
import { type Verb, wholeNumber } from './verb.js';

/** The verb `import`. */
export const importVerb: Verb = {
  usage: 'SOURCE LOCATION',
  summary: 'makes a store from a state directory of the original, or from another store',
  help: [
    'SOURCE: layout file-per-entry, wal, wal-crc, sei-73f917bbd or level, detected, or a store in PostgreSQL. It is not',
    'changed. No node may run on it.',
    'LOCATION: absent, or an empty directory. It is created only after everything was read back and compared.',
    '  Or postgres://user@host:port/db?store=NAME, with --replicas N: the synchronous standbys that must have all of it.',
    '--verify-signatures --committee FILE   also check every signature; FILE lists the public keys (a manifest does)',
    MODEL_HELP,
  ],
  options: { ...CHECK_OPTIONS, ...MODEL_OPTION, replicas: { type: 'string' } },
  positionals: [2, 2],
  reads: 'source',
  takesPostgres: true,
  async run([source = '', location = ''], options) {
    const replicas = options.replicas === undefined ? undefined : wholeNumber(options, 'replicas', 0, 0);
    if (isPostgres(location) !== (replicas !== undefined))
      throw new UsageError('--replicas N goes with a LOCATION in PostgreSQL, and is needed there');
    const target = replicas === undefined ? location : { ...tablesOf(location), replicas };
    const line = progressLine();
    const onProgress = showProgress(line);
    try {
      const report = await withProtocol(source, async (protocol) => {
        const checks = await checksOf(options, protocol);
        const { model } = protocol;
        const from = isPostgres(source) ? await openViewAt(source, { model }) : source;
        return importState(from, target, { model, checks, onProgress });
      });
      line.end();
      showReport(report, options.json === true);
    } finally {
      line.end();
    }
    return EXIT.ok;
  },
};
