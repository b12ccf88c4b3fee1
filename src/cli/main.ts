#!/usr/bin/env node
/**
 * The command line: finds the verb, parses its arguments, and turns errors into a message and an
 * exit code.
 */
import { parseArgs } from 'node:util';
import { isLanestoreError, LanestoreError } from '../errors.js';
import { explanationOf } from './advice.js';
import { stderr, stdout } from './channel.js';
import { CommandError, UsageError } from './command-error.js';
import { printCompletions } from './complete.js';
import { EXIT, exitOf } from './exit-codes.js';
import { helpVerb, showHelp, usageLines, verbNamed } from './help.js';
import { hideClock, note, outputError, showClock, toJson } from './output.js';
import { isPostgres, refusePasswords, tablesOf } from './postgres-url.js';
import { cleanUp, endOnSignals, onSignal } from './signals.js';
import type { OptionValues, Verb } from './verb.js';
import { DESCRIBED } from './verbs/index.js';
import { run as printVersion } from './version.js';

const VERBS: Readonly<Record<string, Verb>> = { ...DESCRIBED, help: helpVerb(() => VERBS) };

/** Options that select a verb. */
const ALIASES = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
  ['-V', 'version'],
]);

/** Options of every verb. */
const EVERYWHERE = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
  json: { type: 'boolean' },
} as const;

/** Number of findings that are printed; the rest is counted. */
const FINDINGS_SHOWN = 20;

/** The verb and its arguments, as far as they are parsed; `explain` uses them for remedies. */
let verb: Verb | undefined;
let positionals: readonly string[] = [];
const args = process.argv.slice(2);
const isJson = args.includes('--json');

async function main(): Promise<number> {
  refusePasswords(args);
  const [first, ...rest] = args;
  if (first === undefined) throw new UsageError(usageLines(VERBS).join('\n'));
  const name = ALIASES.get(first) ?? first;
  // The script of a shell asks what may follow. Its last word may be empty.
  if (name === 'complete' && rest[0] === '--') return printCompletions(rest.slice(1), VERBS, EVERYWHERE);
  if (name.startsWith('-')) throw new UsageError(`the command comes first, then options such as ${name}`);
  if (isPostgres(name)) throw new UsageError('the command comes first, then the location');
  verb = verbNamed(name, VERBS);
  const parsed = parse(name, verb, rest);
  positionals = parsed.positionals;
  if (parsed.values.help === true) {
    showHelp(name, verb);
    return EXIT.ok;
  }
  if (parsed.values.version === true) return printVersion([], parsed.values);
  const [min, max] = verb.positionals;
  if (positionals.length < min || positionals.length > max) throw new UsageError(usageOf(name, verb));
  // An empty argument is usually an unset variable of a script, and must not mean the current
  // directory.
  if ([...positionals, ...Object.values(parsed.values)].includes(''))
    throw new UsageError(`an argument is empty\n${usageOf(name, verb)}`);
  for (const location of positionals.filter(isPostgres)) {
    tablesOf(location);
    if (verb.takesPostgres !== true) throw new UsageError(`${name} takes no location in PostgreSQL`);
  }
  const { run } = await verb.load();
  if (verb.opensNothing !== true) await prepare(parsed.values);
  if (verb.reads !== undefined) showClock(name);
  try {
    return await run(positionals, parsed.values);
  } finally {
    hideClock();
  }
}

/** What every verb needs that opens state directories. */
async function prepare({ model }: OptionValues): Promise<void> {
  const [{ removePrivateCopies }, { chooseModel }] = await Promise.all([
    import('../adapter/level/index.js'),
    import('./protocols.js'),
  ]);
  onSignal(removePrivateCopies);
  await chooseModel(typeof model === 'string' ? model : undefined);
}

function parse(name: string, called: Verb, rest: string[]): { values: OptionValues; positionals: string[] } {
  const config = { args: rest, options: { ...called.options, ...EVERYWHERE }, allowPositionals: true } as const;
  try {
    return parseArgs(config) as { values: OptionValues; positionals: string[] };
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${usageOf(name, called)}`);
  }
}

function usageOf(name: string, { usage }: Verb): string {
  return `usage: lanestore ${name} ${usage}`.trimEnd();
}

/** Prints the error; resolves with the exit code. */
async function explain(thrown: unknown): Promise<number> {
  const error = asCoded(thrown);
  if (error instanceof CommandError) {
    const { exit, message, remedy } = error;
    if (isJson) note(toJson({ code: exit.toUpperCase(), message, remedy: remedy ?? null, findings: [] }));
    else note(remedy === undefined ? message : `${message}\nwhat to do: ${remedy}`);
    return EXIT[exit];
  }
  const { code, findings = [] } = error;
  const { message, remedy } = await explanationOf(error, verb, positionals);
  if (isJson) note(toJson({ code, message, remedy, findings }));
  else {
    note(`${code}: ${message}`);
    for (const { key, file, detail } of findings.slice(0, FINDINGS_SHOWN)) note(`  ${key ?? file ?? ''}: ${detail}`);
    if (findings.length > FINDINGS_SHOWN) note(`  and ${findings.length - FINDINGS_SHOWN} more`);
    note(`what to do: ${remedy}`);
  }
  return exitOf(code);
}

/**
 * An error of a system call becomes LANESTORE_IO; any other error without a code is a bug in
 * lanestore.
 */
function asCoded(error: unknown): LanestoreError | CommandError {
  if (isLanestoreError(error) || error instanceof CommandError) return error;
  if (!(error instanceof Error)) return new CommandError('internal', String(error));
  const { syscall, code, message, stack = message } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return new LanestoreError('LANESTORE_IO', message, { cause: error });
  if (code === 'ERR_ACCESS_DENIED') {
    const { permission, resource } = error as { permission?: string; resource?: string };
    return new LanestoreError('LANESTORE_IO', `${message} (${permission} ${resource})`, { cause: error });
  }
  return new CommandError('internal', stack, 'report it with these lines and the output of lanestore version --json');
}

/** `code`, or EXIT.output if some output could not be written. */
async function settled(code: number): Promise<number> {
  await stdout.flush();
  const error = outputError();
  return error === undefined || code === EXIT.output ? code : explain(error);
}

endOnSignals();
process.on('uncaughtException', (error) => {
  cleanUp();
  void explain(error)
    .then(() => stderr.flush())
    .finally(() => process.exit(EXIT.internal));
});
process.exitCode = await main().catch(explain).then(settled);
