/** `lanestore help [COMMAND]` and `lanestore COMMAND --help` */
import { UsageError } from './command-error.js';
import { EXIT, EXIT_CODES, SIGNAL_EXIT } from './exit-codes.js';
import { print, toJson } from './output.js';
import type { Verb } from './verb.js';

type Verbs = Readonly<Record<string, Verb>>;

const USAGE_COLUMNS = 37;
/** Largest edit distance at which a name counts as misspelled. */
const EDITS_MAX = 2;

/** The verb `help` for `verbs`, which include it. */
export function helpVerb(verbs: () => Verbs): Verb {
  return {
    usage: '[COMMAND]',
    summary: 'lists the commands and the exit codes, or explains one command',
    help: [],
    options: {},
    positionals: [0, 1],
    opensNothing: true,
    load: async () => ({
      async run([name], { json }) {
        if (name !== undefined) showHelp(name, verbNamed(name, verbs()));
        else if (json === true) print(toJson(listing(verbs()), 2));
        else for (const line of usageLines(verbs())) print(line);
        return EXIT.ok;
      },
    }),
  };
}

/** The verb of this name. @throws UsageError for an unknown name; it suggests a similar one. */
export function verbNamed(name: string, verbs: Verbs): Verb {
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb !== undefined) return verb;
  const similar = Object.keys(verbs).find((known) => editsBetween(name, known) <= EDITS_MAX);
  const hint = similar === undefined ? '' : `; did you mean ${similar}?`;
  throw new UsageError(`unknown command "${name}"${hint} (lanestore help lists all)`);
}

/** Prints the output of `VERB --help`. */
export function showHelp(name: string, verb: Verb): void {
  print(`usage: lanestore ${name} ${verb.usage}`.trimEnd());
  print(verb.summary);
  for (const line of verb.help) print(`  ${line}`);
}

/** The usage text: all commands, and the table of exit codes. */
export function usageLines(verbs: Verbs): string[] {
  const commands = Object.entries(verbs).map(
    ([name, verb]) => [`${name} ${verb.usage}`.trimEnd(), verb.summary] as const,
  );
  return [
    'usage: lanestore COMMAND ...',
    ...commands.map(([usage, summary]) => `  ${usage.padEnd(USAGE_COLUMNS)} ${summary}`),
    'lanestore COMMAND --help explains a command; --json works with every command; --version',
    'exit codes:',
    ...codes().map(({ code, means }) => `  ${String(code).padEnd(7)} ${means}`),
  ];
}

function listing(verbs: Verbs): object {
  const commands = Object.entries(verbs).map(([name, { usage, summary, help }]) => ({ name, usage, summary, help }));
  return { commands, exitCodes: codes() };
}

function codes(): { code: number | string; means: string }[] {
  return [...Object.values(EXIT_CODES), SIGNAL_EXIT];
}

/** The edit distance of two words: the least number of letters to insert, delete or replace. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const above = row;
    row = [i + 1];
    for (const [j, right] of [...b].entries()) {
      row.push(Math.min(above[j + 1]! + 1, row[j]! + 1, above[j]! + (letter === right ? 0 : 1)));
    }
  }
  return row[b.length]!;
}
