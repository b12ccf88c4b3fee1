/** Migrates the store in argv[2] in small batches, and says so in lines; dies when it is told to. */
import { autobahn, entryChecks, migrateStore } from '../../src/index.js';

const [location = ''] = process.argv.slice(2);
process.stdout.write('begin\n');
await migrateStore(location, {
  model: autobahn,
  checks: entryChecks(),
  onProgress: (entries) => process.stdout.write(`converted ${entries}\n`),
});
process.stdout.write('done\n');
