/** `lanestore export LOCATION TARGET --layout LAYOUT` */
import { exportState, type OriginalLayout } from '../index.js';
import { ORIGINAL_LAYOUTS, SEI_LAYOUT } from '../migrations/index.js';
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { isPostgres, openViewAt } from './locations.js';
import { CHECK_OPTIONS, checksOf, showProgress, showReport } from './migrating.js';
import { progressLine } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { withProtocol } from './protocols.js';
import type { Verb } from './verb.js';

/** The verb `export`. */
export const exportVerb: Verb = {
  usage: 'LOCATION TARGET --layout NAME',
  summary: "writes a store's content as a state directory of the original",
  help: [
    `--layout   ${ORIGINAL_LAYOUTS.join(', ')}`,
    'TARGET: absent, or an empty directory. It is created only after everything was read back and compared.',
    'LOCATION: a store, read from a private copy (a node may be running), or a state directory of any other layout.',
    '--verify-signatures --committee FILE   also check every signature',
    '--drop-signing-state   leave out what the key signed, which no layout of the original keeps',
    MODEL_HELP,
  ],
  options: { ...MODEL_OPTION, ...CHECK_OPTIONS, layout: { type: 'string' }, 'drop-signing-state': { type: 'boolean' } },
  positionals: [2, 2],
  reads: 'source',
  takesPostgres: true,
  async run([location = '', target = ''], options) {
    if (isPostgres(target))
      throw new UsageError('a layout of the original is a directory; import makes a store in PostgreSQL');
    // The library refuses the newer layout, and says why.
    const layout = [...ORIGINAL_LAYOUTS, SEI_LAYOUT].find((name) => name === options.layout) as
      | OriginalLayout
      | undefined;
    if (layout === undefined) throw new UsageError(`--layout must be one of ${ORIGINAL_LAYOUTS.join(', ')}`);
    const line = progressLine();
    const onProgress = showProgress(line);
    try {
      const dropSigningState = options['drop-signing-state'] === true;
      const report = await withProtocol(location, async (protocol) => {
        const checks = await checksOf(options, protocol);
        const settings = { model: protocol.model, checks, dropSigningState, onProgress };
        const source = isPostgres(location) ? await openViewAt(location, { model: protocol.model }) : location;
        return exportState(source, target, layout, settings);
      });
      line.end();
      showReport(report, options.json === true);
    } finally {
      line.end();
    }
    return EXIT.ok;
  },
};
