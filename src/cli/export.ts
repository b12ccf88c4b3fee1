/** `lanestore export LOCATION TARGET --layout LAYOUT` */
import type { OriginalLayout } from '../index.js';
import { exportState, SEI_LAYOUT } from '../migrations/index.js';
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { openViewAt } from './locations.js';
import { checksOf, showProgress, showReport } from './migrating.js';
import { progressLine } from './output.js';
import { isPostgres } from './postgres-url.js';
import { withProtocol } from './protocols.js';
import type { Run } from './verb.js';
import { LAYOUTS } from './verbs/shared.js';

/** Runs `export`. */
export const run: Run = async ([location = '', target = ''], options) => {
  if (isPostgres(target))
    throw new UsageError('a layout of the original is a directory; import makes a store in PostgreSQL');
  // The library refuses the newer layout, and says why.
  const layout = [...LAYOUTS, SEI_LAYOUT].find((name) => name === options.layout) as OriginalLayout | undefined;
  if (layout === undefined) throw new UsageError(`--layout must be one of ${LAYOUTS.join(', ')}`);
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
};
