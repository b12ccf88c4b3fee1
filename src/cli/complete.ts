/** `lanestore complete SHELL`, and the answers to the script that it prints. */
import { UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import type { Run, Verb } from './verb.js';

/** The shells with a script. */
export const SHELLS: readonly string[] = ['bash', 'zsh', 'fish', 'powershell'];

/** Runs `complete`. */
export const run: Run = async ([shell = '']) => {
  if (!SHELLS.includes(shell)) throw new UsageError(`SHELL must be one of ${SHELLS.join(', ')}, got "${shell}"`);
  const { default: completion } = await import('@bomb.sh/tab');
  completion.setup('lanestore', 'lanestore', shell);
  return EXIT.ok;
};

/** Prints what may follow `words`, the words typed after `lanestore`, for the script of a shell. */
export async function printCompletions(
  words: readonly string[],
  verbs: Readonly<Record<string, Verb>>,
  everywhere: Verb['options'],
): Promise<number> {
  const { default: completion } = await import('@bomb.sh/tab');
  for (const [name, { summary, options }] of Object.entries(verbs)) {
    const command = completion.command(name, summary);
    for (const [option, { type }] of Object.entries({ ...options, ...everywhere })) {
      if (type === 'boolean') command.option(option, '');
      else command.option(option, '', () => undefined);
    }
  }
  completion.parse([...words]);
  return EXIT.ok;
}
