/** Releases the store in argv[2] as it is; dies when it is told to. */
import { releaseStore } from '../../../src/index.js';
import { plain } from '../../support/plain-model.js';

const [location = ''] = process.argv.slice(2);
process.stdout.write('begin\n');
await releaseStore(location, { model: plain, reason: 'a test', asIs: true });
process.stdout.write('done\n');
