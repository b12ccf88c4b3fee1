/** `lanestore manifest LOCATION` */
import { autobahn, openView } from '../index.js';
import { manifestOfView } from '../inspector/index.js';
import { EXIT, print } from './output.js';
import type { Verb } from './verb.js';

/** The verb `manifest`. */
export const manifestVerb: Verb = {
  usage: 'LOCATION',
  summary: 'prints everything that the store in LOCATION holds, with hashes, as JSON',
  help: [
    'Works on a private copy: a node may run meanwhile. Checks all of it; what is damaged is left out, listed on stderr,',
    'and ends with 1.',
  ],
  options: {},
  positionals: [1, 1],
  async run([location = '']) {
    await using view = await openView(location, { model: autobahn });
    print(JSON.stringify(await manifestOfView(view), null, 2));
    if (view.refusal !== undefined) throw view.refusal;
    return EXIT.fine;
  },
};
