/** `lanestore diff A B` */
import { autobahn, type Difference, diffStates, openState } from '../index.js';
import { EXIT, note, shortLane, styled, write, writeJson } from './output.js';
import type { Verb } from './verb.js';

/** The verb `diff`. */
export const diffVerb: Verb = {
  usage: 'A B',
  summary: 'compares two state directories of any layout, entry by entry',
  help: [
    'Prints "<" for what only A has, ">" for what only B has, "!" for what differs.',
    'Ends with 0 if they hold the same, else with 1.',
    '--json prints one object a line: {log, number, kind: first | second | differs}.',
    'Compares what stands there: entries below the anchor count too.',
  ],
  options: {},
  positionals: [2, 2],
  async run([a = '', b = ''], { json }) {
    const first = await openState(a, autobahn);
    try {
      const second = await openState(b, autobahn);
      try {
        let count = 0;
        for await (const difference of diffStates(first, second, autobahn)) {
          count++;
          if (json === true) await writeJson(difference);
          else await write(`${lineOf(difference)}\n`);
        }
        if (json !== true && count === 0)
          await write(`${styled('green', 'equal')}: ${first.layout}, ${second.layout}\n`);
        for (const text of [...first.notes, ...second.notes]) note(`note: ${text}`);
        return count === 0 ? EXIT.fine : EXIT.findings;
      } finally {
        await second.close();
      }
    } finally {
      await first.close();
    }
  },
};

const MARK = { first: '<', second: '>', differs: '!' } as const;

function lineOf({ log, number, kind }: Difference): string {
  const name = log === 'anchor' || log === 'inner' || log === 'qc' ? log : `lane ${shortLane(log)}`;
  return `${MARK[kind]} ${name}${number === undefined ? '' : ` ${number}`}`;
}
