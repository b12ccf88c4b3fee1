/** `lanestore diff A B` */
import { type Difference, diffStates, startState } from '../migrations/index.js';
import { EXIT } from './exit-codes.js';
import { openStateAt } from './locations.js';
import { note, shortLane, styled, write, writeJson } from './output.js';
import { MODEL_HELP, MODEL_OPTION } from './own-model.js';
import { type Protocol, withProtocol } from './protocols.js';
import type { OptionValues, Verb } from './verb.js';

/** The verb `diff`. */
export const diffVerb: Verb = {
  usage: 'A B',
  summary: 'compares two state directories of any layout, entry by entry',
  help: [
    'Prints "<" for an entry that only A has, ">" for one that only B has, "!" for one that differs.',
    'Ends with 0 if both hold the same entries, with 4 if they differ. "! votes": the two may not sign the same, as a',
    'store that signs and its snapshot. Votes are compared if both states keep some; layouts of the original keep none.',
    '--json prints one object a line: {log, number, kind: first | second | differs}.',
    '--start-rules   compare what a node would start with: without entries below the anchor, and with the CommitQC of',
    '                the anchor. An imported store then equals its source. Default: compare all stored entries.',
    MODEL_HELP,
  ],
  options: { ...MODEL_OPTION, 'start-rules': { type: 'boolean' } },
  positionals: [2, 2],
  reads: 'state',
  takesPostgres: true,
  async run([a = '', b = ''], options) {
    return withProtocol(a, (protocol) => compare(a, b, options, protocol));
  },
};

async function compare<B, Q, A>(
  a: string,
  b: string,
  options: OptionValues,
  { model }: Protocol<B, Q, A>,
): Promise<number> {
  const { json } = options;
  const started = options['start-rules'] === true;
  const first = await openStateAt(a, model);
  try {
    const second = await openStateAt(b, model);
    try {
      let count = 0;
      const [left, right] = started ? [startState(first, model), startState(second, model)] : [first, second];
      for await (const difference of diffStates(left, right, model)) {
        count++;
        if (json === true) await writeJson(difference);
        else await write(`${lineOf(difference)}\n`);
      }
      if (json !== true && count === 0) await write(`${styled('green', 'equal')}: ${first.layout}, ${second.layout}\n`);
      for (const text of [...first.notes, ...second.notes]) note(`note: ${text}`);
      if (count === 0) {
        if ((first.votes === undefined) !== (second.votes === undefined)) note(`note: ${ONE_SIDED}`);
        return EXIT.ok;
      }
      if (!started && (first.layout !== 'level' || second.layout !== 'level')) note(`note: ${STALE_HINT}`);
      return EXIT.differs;
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

const STALE_HINT = 'a node drops entries below its anchor when it starts; diff --start-rules leaves them out';

const ONE_SIDED = 'only one of the two keeps votes, so they were not compared';

const MARK = { first: '<', second: '>', differs: '!' } as const;

function lineOf({ log, number, kind }: Difference): string {
  const name = log === 'anchor' || log === 'inner' || log === 'votes' || log === 'qc' ? log : `lane ${shortLane(log)}`;
  return `${MARK[kind]} ${name}${number === undefined ? '' : ` ${number}`}`;
}
