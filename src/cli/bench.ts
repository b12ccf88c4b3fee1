/** `lanestore bench` */
import { EXIT } from './exit-codes.js';
import { print, toJson } from './output.js';
import type { Verb } from './verb.js';

const COMMAND = 'npm run bench -- --quick';

/** The verb `bench`: the benchmark needs the repository, which is not in the package. */
export const benchVerb: Verb = {
  usage: '',
  summary: 'says where the benchmark is',
  help: [
    'It compares with raw classic-level, the WAL, the original in Go, and the disk. It is part of the repository.',
  ],
  options: {},
  positionals: [0, 0],
  async run(_positionals, { json }) {
    if (json === true) print(toJson({ command: COMMAND, results: 'docs/benchmarks.md' }));
    else {
      print('The benchmark is in the repository, not in the package. In a clone:');
      print(`  ${COMMAND}        # under three minutes; --help tells more`);
      print('Figures, and how they were measured: docs/benchmarks.md');
    }
    return EXIT.ok;
  },
};
