/** Asks the operator before a command does what cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { CommandError, UsageError } from './command-error.js';
import { note } from './output.js';

/**
 * Prints `claim` and `question`; the operator confirms by typing `yes`. `remedy` is for the error.
 * @throws CommandError if the answer is another one; UsageError without a terminal.
 */
export async function confirm(claim: string, { question, remedy } = SIGNS_TWICE): Promise<void> {
  if (process.stdin.isTTY !== true) throw new UsageError('there is no terminal to ask on: give --yes if you are sure');
  note(claim);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    if ((await terminal.question(question)) === 'yes') return;
  } finally {
    terminal.close();
  }
  throw new CommandError('refused', 'nothing was changed', remedy);
}

/** For commands that change the right to sign. */
const SIGNS_TWICE = {
  question: 'If that is wrong, the key signs twice. Type yes: ',
  remedy: 'see docs/signing-safety.md',
};
