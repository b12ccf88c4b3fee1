/** `lanestore export LOCATION TARGET --layout LAYOUT` */
import { autobahn, exportState, type OriginalLayout } from '../index.js';
import { ORIGINAL_LAYOUTS } from '../migrations/index.js';
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { CHECK_OPTIONS, checksOf, showProgress, showReport } from './migrating.js';
import { progressLine } from './output.js';
import type { Verb } from './verb.js';

/** The verb `export`. */
export const exportVerb: Verb = {
  usage: 'LOCATION TARGET --layout NAME',
  summary: "writes what a store holds as one of the original's state directories",
  help: [
    `--layout   ${ORIGINAL_LAYOUTS.join(', ')}`,
    'TARGET: absent, or an empty directory. It appears when everything was read back and compared, or not at all.',
    'LOCATION is read from a private copy, also while a node runs on it. Any other layout can be exported from, too.',
    '--verify-signatures --committee FILE   check every signature too',
  ],
  options: { ...CHECK_OPTIONS, layout: { type: 'string' } },
  positionals: [2, 2],
  reads: 'source',
  async run([location = '', target = ''], options) {
    const layout = ORIGINAL_LAYOUTS.find((name) => name === options.layout) as OriginalLayout | undefined;
    if (layout === undefined) throw new UsageError(`--layout must be one of ${ORIGINAL_LAYOUTS.join(', ')}`);
    const checks = await checksOf(options);
    const line = progressLine();
    const onProgress = showProgress(line);
    try {
      const report = await exportState(location, target, layout, { model: autobahn, checks, onProgress });
      line.end();
      showReport(report, options.json === true);
    } finally {
      line.end();
    }
    return EXIT.ok;
  },
};
