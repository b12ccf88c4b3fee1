/**
 * Migrates the store in argv[2], and prints a line for each progress report. The test kills this
 * process.
 */
import { autobahn, entryChecks, migrateStore } from '../../src/index.js';

const [location = ''] = process.argv.slice(2);
process.stdout.write('begin\n');
await migrateStore(location, {
  model: autobahn,
  checks: entryChecks(),
  onProgress: (entries) => process.stdout.write(`converted ${entries}\n`),
});
process.stdout.write('done\n');
