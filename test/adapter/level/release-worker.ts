/**
 * Releases the store in argv[2] as it is, for the key of argv[3] (hex) if none is bound; kills
 * itself on request.
 */
import { releaseStore } from '../../../src/index.js';
import { plain } from '../../support/plain-model.js';

const [location = '', signer] = process.argv.slice(2);
const key = signer === undefined ? {} : { signer: new Uint8Array(Buffer.from(signer, 'hex')) };
process.stdout.write('begin\n');
await releaseStore(location, { model: plain, reason: 'a test', asIs: true, ...key });
process.stdout.write('done\n');
