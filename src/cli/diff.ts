/** `lanestore diff A B...` */
import { LanestoreError } from '../errors.js';
import { type Difference, diffStates, type Source, startState } from '../migrations/index.js';
import { showSummary, summaryOf } from './diff-summary.js';
import { EXIT } from './exit-codes.js';
import { openStateAt } from './locations.js';
import { note, print, shortLane, styled, toJson, write, writeJson } from './output.js';
import { type Protocol, withProtocol } from './protocols.js';
import type { OptionValues, Run } from './verb.js';

/** Upper bound of the states that are compared: each is copied for as long as the command runs. */

/** Runs `diff`. */
export const run: Run = async (locations, options) => {
  return withProtocol(locations[0] ?? '', (protocol) => compare(locations, options, protocol));
};

async function compare<B, Q, A>(
  locations: readonly string[],
  options: OptionValues,
  protocol: Protocol<B, Q, A>,
): Promise<number> {
  const { model } = protocol;
  const started = options['start-rules'] === true;
  const sources: Source<B, Q, A>[] = [];
  try {
    for (const location of locations) sources.push(await openNamed(location, protocol));
    const states = started ? sources.map((source) => startState(source, model)) : sources;
    const [first, second, third] = states;
    const isSummary = options.summary === true || third !== undefined;
    const json = options.json === true;
    const areEqual =
      isSummary || first === undefined || second === undefined
        ? await summarize(states, json, protocol)
        : await list(first, second, json, protocol);
    for (const text of sources.flatMap(({ notes }) => notes)) note(`note: ${text}`);
    const voting = sources.filter(({ votes }) => votes !== undefined).length;
    if (areEqual && voting === 1) note(`note: ${oneSided(sources.length)}`);
    if (areEqual) return EXIT.ok;
    if (!started && sources.some(({ layout }) => layout !== 'level')) note(`note: ${STALE_HINT}`);
    return EXIT.differs;
  } finally {
    for (const source of sources.reverse()) await source.close();
  }
}

/** Opens a state. @throws as `openStateAt`, with the location in the message. */
async function openNamed<B, Q, A>(location: string, { model }: Protocol<B, Q, A>): Promise<Source<B, Q, A>> {
  try {
    return await openStateAt(location, model);
  } catch (error) {
    if (!(error instanceof LanestoreError) || error.message.includes(location)) throw error;
    const { code, message, findings, remedy } = error;
    throw new LanestoreError(code, `${location}: ${message}`, {
      ...{ cause: error, remedy },
      ...(findings === undefined ? {} : { findings }),
    });
  }
}

/** Prints every difference; true if there is none. */
async function list<B, Q, A>(
  first: Source<B, Q, A>,
  second: Source<B, Q, A>,
  json: boolean,
  { model }: Protocol<B, Q, A>,
): Promise<boolean> {
  let count = 0;
  for await (const difference of diffStates(first, second, model)) {
    count++;
    if (json) await writeJson(difference);
    else await write(`${lineOf(difference)}\n`);
  }
  if (!json && count === 0) await write(`${styled('green', 'equal')}: ${first.layout}, ${second.layout}\n`);
  return count === 0;
}

/** Prints the summary; true if the states are equal. */
async function summarize<B, Q, A>(
  states: readonly Source<B, Q, A>[],
  json: boolean,
  protocol: Protocol<B, Q, A>,
): Promise<boolean> {
  const summary = await summaryOf(states, protocol);
  if (json) print(toJson(summary, 2));
  else showSummary(summary);
  return summary.verdict === 'equal';
}

const STALE_HINT = 'a node drops entries below its anchor when it starts; diff --start-rules leaves them out';

function oneSided(states: number): string {
  return `only one of the ${states === 2 ? 'two' : states} keeps votes, so they were not compared`;
}

const MARK = { first: '<', second: '>', differs: '!' } as const;

function lineOf({ log, number, kind }: Difference): string {
  const name = log === 'anchor' || log === 'inner' || log === 'votes' || log === 'qc' ? log : `lane ${shortLane(log)}`;
  return `${MARK[kind]} ${name}${number === undefined ? '' : ` ${number}`}`;
}
