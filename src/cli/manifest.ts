/** `lanestore manifest LOCATION` */
import { autobahn, openLevel } from '../index.js';
import { manifestOf } from '../inspector/index.js';
import { EXIT, print } from './output.js';
import type { Verb } from './verb.js';

/** The verb `manifest`. */
export const manifestVerb: Verb = {
  usage: 'LOCATION',
  summary: 'prints everything that the store in LOCATION holds, with hashes, as JSON',
  help: ['Checks all of it first. The node must be stopped: the store is opened, and locked meanwhile.'],
  options: {},
  positionals: [1, 1],
  async run([location = '']) {
    const store = await openLevel(location, { model: autobahn, createIfMissing: false });
    try {
      print(JSON.stringify(manifestOf(store.takeRecovered()), null, 2));
    } finally {
      await store.close();
    }
    return EXIT.fine;
  },
};
