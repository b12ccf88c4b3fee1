/**
 * Judges a store whose disk failed: nothing acknowledged is lost, a failed store accepts nothing
 * more, and it works again after a reopen.
 */
import { Oracle, roundOf } from '../support/oracle.js';
import { isRefused, mustOpen, openPlain, tryOpen } from './check.js';
import { type Drive, drivenRounds, type Trace } from './driven.js';
import { Wrong } from './row.js';
import { oracleContent } from './specimen.js';

/** The class of the verdict. The fault must be over. */
export async function checkDriven(what: Drive, trace: Trace): Promise<string> {
  const { acknowledged, refused, failed, later, waited } = trace;
  if (refused !== undefined && refused !== 'LANESTORE_IO') throw new Wrong('wrong', `the open was refused: ${refused}`);
  if (failed !== undefined && failed !== 'LANESTORE_FAILED') throw new Wrong('wrong', `a round failed with ${failed}`);
  if (later.some((code) => code !== 'LANESTORE_FAILED')) {
    throw new Wrong('silent', `after a rejected write the store answered ${later.join(', ')}`);
  }
  const rounds = drivenRounds(what);
  const contents = contentsOf(what);
  // Rounds in flight are stored as a whole or not at all: rounds submitted together are one batch,
  // or several.
  const possible = contents.slice(acknowledged, acknowledged + what.together + 1);
  const outcome = await tryOpen(what.location, what.options);
  if (isRefused(outcome)) throw new Wrong('refused', `${outcome.code}: ${outcome.message}`);
  const there = possible.indexOf(outcome.content);
  if (there < 0) {
    const found = contents.indexOf(outcome.content);
    const text = found >= 0 ? `${found} rounds are stored` : `it holds\n${outcome.content}`;
    throw new Wrong('silent', `${acknowledged} of ${rounds.length} rounds were acknowledged, ${text}`);
  }
  await goesOn(what, acknowledged + there);
  if (refused !== undefined) return 'refused to open';
  if (failed !== undefined) return there > 0 ? 'poisoned, what was in flight is there' : 'poisoned, 0 lost';
  return waited > 0 ? 'refused before the write, 0 lost' : 'not reached';
}

async function goesOn(what: Drive, done: number): Promise<void> {
  const store = await openPlain(what.location, what.options);
  for (const round of drivenRounds(what).slice(done, done + 3)) await store.persist(roundOf(round));
  await store.close();
  await mustOpen(what.location, [contentsOf(what)[Math.min(done + 3, what.rounds)] as string], what.options);
}

/** The content after each number of rounds. */
function contentsOf(what: Drive): string[] {
  const oracle = new Oracle();
  return [
    oracleContent(oracle),
    ...drivenRounds(what).map((round) => {
      oracle.apply(round);
      return oracleContent(oracle);
    }),
  ];
}
