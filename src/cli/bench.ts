/** `lanestore bench` */
import { EXIT } from './exit-codes.js';
import { print, toJson } from './output.js';
import type { Run } from './verb.js';

const COMMAND = 'npm run bench -- --quick';

/** Runs `bench`. */
export const run: Run = async (_positionals, { json }) => {
  if (json === true) print(toJson({ command: COMMAND, results: 'docs/benchmarks.md' }));
  else {
    print('The benchmark is in the repository, not in the package. In a clone:');
    print(`  ${COMMAND}        # under three minutes; --help shows the options`);
    print('Results and method: docs/benchmarks.md');
  }
  return EXIT.ok;
};
