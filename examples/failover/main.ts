/**
 * `npm run failover`: a validator on PostgreSQL survives the loss of its primary, and neither the
 * old node nor a node on the old primary can write or sign any more. `--weakened` runs the same
 * steps without the checks.
 */
import { parseArgs } from 'node:util';
import { print, styled } from '../../src/cli/output.js';
import { runScript, understood } from '../../src/cli/script.js';
import { failover } from './failover.js';

const USAGE = `npm run failover -- [--weakened]
  --weakened   the same without the fence and without counting standbys: two nodes sign in one view
It starts two PostgreSQL servers on ports of their own, in a temporary directory, and ends them.
Exit codes: 0 nothing was lost, and no view was signed twice; 1 something was.
`;

async function main(args: string[]): Promise<number> {
  const { values } = understood(() => parseArgs({ args, options: { weakened: { type: 'boolean', default: false } } }));
  const began = performance.now();
  let steps = 0;
  const { acknowledged, lost, twice } = await failover((text, kind) => {
    if (kind === 'step') print(styled('bold', `\n${++steps}. ${text}`));
    else if (kind === undefined) print(`  ${text}`);
    else print(`  ${kind === 'good' ? styled('green', 'ok  ') : styled('red', 'BAD ')} ${text}`);
  }, values.weakened);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  print(`\n${acknowledged} rounds acknowledged, ${lost} lost, ${twice} views signed twice; ${seconds} s`);
  return lost === 0n && twice === 0 ? 0 : 1;
}

await runScript(USAGE, main);
