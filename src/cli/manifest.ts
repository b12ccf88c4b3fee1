/** `lanestore manifest LOCATION` */
import { autobahn, detectLayout, openView } from '../index.js';
import { manifestChunks, stateOfView } from '../inspector/index.js';
import { openState } from '../migrations/index.js';
import { EXIT } from './exit-codes.js';
import { note, write } from './output.js';
import type { Verb } from './verb.js';

/** The verb `manifest`. */
export const manifestVerb: Verb = {
  usage: 'LOCATION',
  summary: 'prints everything that a state directory holds, with hashes, as JSON',
  help: [
    'Any layout. A store is read from a private copy: a node may run meanwhile. Checks all of it; what is damaged is',
    'left out, listed on stderr, and ends with 1.',
  ],
  options: {},
  positionals: [1, 1],
  reads: 'state',
  async run([location = '']) {
    if ((await detectLayout(location)).layout !== 'level') {
      const source = await openState(location, autobahn);
      for await (const chunk of manifestChunks(source)) await write(chunk);
      for (const text of source.notes) note(`note: ${text}`);
      return EXIT.ok;
    }
    await using view = await openView(location, { model: autobahn });
    for await (const chunk of manifestChunks(stateOfView(view))) await write(chunk);
    if (view.refusal !== undefined) throw view.refusal;
    return EXIT.ok;
  },
};
