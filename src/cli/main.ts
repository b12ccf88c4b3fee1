#!/usr/bin/env node
/** The command line: finds the verb, parses its arguments, turns errors into one line and an exit code. */
import { parseArgs } from 'node:util';
import { ERROR_CODES, LanestoreError } from '../index.js';
import { demoVerb } from './demo.js';
import { manifestVerb } from './manifest.js';
import { EXIT, note, print, quietOnBrokenPipe } from './output.js';
import { replayVerb } from './replay.js';
import { type OptionValues, UsageError, type Verb } from './verb.js';

const VERBS: Readonly<Record<string, Verb>> = { demo: demoVerb, manifest: manifestVerb, replay: replayVerb };

/** Findings that are printed; the rest is counted. */
const FINDINGS_SHOWN = 20;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    printUsage();
    return name === undefined ? EXIT.usage : EXIT.fine;
  }
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) throw new UsageError(`"${name}" is no verb; lanestore help lists them`);
  const { values, positionals } = parse(name, verb, rest);
  if (values.help === true) {
    printHelp(name, verb);
    return EXIT.fine;
  }
  const [min, max] = verb.positionals;
  if (positionals.length < min || positionals.length > max)
    throw new UsageError(`usage: lanestore ${name} ${verb.usage}`);
  return verb.run(positionals, values);
}

function parse(name: string, verb: Verb, args: string[]): { values: OptionValues; positionals: string[] } {
  try {
    const options = { ...verb.options, help: { type: 'boolean', short: 'h' } } as const;
    return parseArgs({ args, options, allowPositionals: true }) as { values: OptionValues; positionals: string[] };
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\nusage: lanestore ${name} ${verb.usage}`);
  }
}

function printUsage(): void {
  print('usage: lanestore VERB ...');
  for (const [name, verb] of Object.entries(VERBS)) print(`  ${`${name} ${verb.usage}`.padEnd(28)}${verb.summary}`);
  print('lanestore VERB --help tells more');
}

function printHelp(name: string, verb: Verb): void {
  print(`usage: lanestore ${name} ${verb.usage}`);
  print(verb.summary);
  for (const line of verb.help) print(`  ${line}`);
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    note(error.message);
    return EXIT.usage;
  }
  if (!(error instanceof LanestoreError)) throw error;
  note(`${error.code}: ${error.message}`);
  const findings = error.findings ?? [];
  for (const { key, file, detail } of findings.slice(0, FINDINGS_SHOWN)) note(`  ${key ?? file ?? ''}: ${detail}`);
  if (findings.length > FINDINGS_SHOWN) note(`  and ${findings.length - FINDINGS_SHOWN} more`);
  note(`what to do: ${ERROR_CODES[error.code].remedy}`);
  return error.code === 'LANESTORE_CORRUPT' || error.code === 'LANESTORE_ROLLED_BACK' ? EXIT.findings : EXIT.unreadable;
}

quietOnBrokenPipe();
process.exitCode = await main(process.argv.slice(2)).catch(explain);
