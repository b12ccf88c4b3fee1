/** `lanestore import SOURCE LOCATION` */
import { importState } from '../migrations/index.js';
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { openViewAt } from './locations.js';
import { checksOf, showProgress, showReport } from './migrating.js';
import { progressLine } from './output.js';
import { isPostgres, tablesOf } from './postgres-url.js';
import { withProtocol } from './protocols.js';
import { type Run, wholeNumber } from './verb.js';

/** Runs `import`. */
export const run: Run = async ([source = '', location = ''], options) => {
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
};
