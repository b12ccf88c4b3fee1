/**
 * Runs one import (`import SOURCE TARGET`) or one export (`LAYOUT SOURCE TARGET`). Prints `begin`,
 * then `done`.
 */
import { autobahn, entryChecks, exportState, importState, type OriginalLayout } from '../../src/index.js';

const [how = '', source = '', target = ''] = process.argv.slice(2);
const options = { model: autobahn, checks: entryChecks() };
process.stdout.write('begin\n');
if (how === 'import') await importState(source, target, options);
else await exportState(source, target, how as OriginalLayout, options);
process.stdout.write('done\n');
