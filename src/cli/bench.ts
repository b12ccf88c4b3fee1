/** `lanestore bench` */
import { EXIT } from './exit-codes.js';
import { print, toJson } from './output.js';
import type { Verb } from './verb.js';

const COMMAND = 'npm run bench -- --quick';

/** The benchmark itself is in the repository only, not in the package. */
export const benchVerb: Verb = {
  usage: '',
  summary: 'shows how to run the benchmark',
  help: ['The benchmark compares the store with raw classic-level, the WAL, the original in Go, and the disk.'],
  options: {},
  positionals: [0, 0],
  async run(_positionals, { json }) {
    if (json === true) print(toJson({ command: COMMAND, results: 'docs/benchmarks.md' }));
    else {
      print('The benchmark is in the repository, not in the package. In a clone:');
      print(`  ${COMMAND}        # under three minutes; --help shows the options`);
      print('Results and method: docs/benchmarks.md');
    }
    return EXIT.ok;
  },
};
