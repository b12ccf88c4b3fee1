#!/usr/bin/env node
/** The command line: finds the verb, parses its arguments, turns errors into one line and an exit code. */
import { parseArgs } from 'node:util';
import { ERROR_CODES, LanestoreError, type LanestoreErrorCode } from '../index.js';
import { benchVerb } from './bench.js';
import { demoVerb } from './demo.js';
import { diffVerb } from './diff.js';
import { exportVerb } from './export.js';
import { getVerb } from './get.js';
import { importVerb } from './import.js';
import { inspectVerb } from './inspect.js';
import { lsVerb } from './ls.js';
import { manifestVerb } from './manifest.js';
import { migrateVerb } from './migrate.js';
import { EXIT, note, print, quietOnBrokenPipe, toJson } from './output.js';
import { replayVerb } from './replay.js';
import { snapshotVerb } from './snapshot.js';
import { type OptionValues, UsageError, type Verb } from './verb.js';
import { verifyVerb } from './verify.js';

const VERBS: Readonly<Record<string, Verb>> = {
  inspect: inspectVerb,
  verify: verifyVerb,
  ls: lsVerb,
  get: getVerb,
  manifest: manifestVerb,
  diff: diffVerb,
  import: importVerb,
  export: exportVerb,
  migrate: migrateVerb,
  snapshot: snapshotVerb,
  replay: replayVerb,
  demo: demoVerb,
  bench: benchVerb,
};

/** Options of every verb. */
const EVERYWHERE = { help: { type: 'boolean', short: 'h' }, json: { type: 'boolean' } } as const;

const USAGE_COLUMNS = 37;

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
    const options = { ...verb.options, ...EVERYWHERE } as const;
    return parseArgs({ args, options, allowPositionals: true }) as { values: OptionValues; positionals: string[] };
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\nusage: lanestore ${name} ${verb.usage}`);
  }
}

function printUsage(): void {
  print('usage: lanestore VERB ...');
  for (const [name, verb] of Object.entries(VERBS))
    print(`  ${`${name} ${verb.usage}`.padEnd(USAGE_COLUMNS)} ${verb.summary}`);
  print('lanestore VERB --help tells more; --json works with every verb');
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
  const { code, message, findings = [] } = error;
  const remedy = ERROR_CODES[code].remedy;
  if (process.argv.includes('--json')) note(toJson({ code, message, remedy, findings }));
  else explainInWords(error, remedy);
  const found = FINDINGS_CODES.has(code);
  return found ? EXIT.findings : EXIT.unreadable;
}

/** The store could be read, and is not what it should be. */
const FINDINGS_CODES = new Set<LanestoreErrorCode>(['LANESTORE_CORRUPT', 'LANESTORE_ROLLED_BACK']);

function explainInWords({ code, message, findings = [] }: LanestoreError, remedy: string): void {
  note(`${code}: ${message}`);
  for (const { key, file, detail } of findings.slice(0, FINDINGS_SHOWN)) note(`  ${key ?? file ?? ''}: ${detail}`);
  if (findings.length > FINDINGS_SHOWN) note(`  and ${findings.length - FINDINGS_SHOWN} more`);
  note(`what to do: ${remedy}`);
}

quietOnBrokenPipe();
process.exitCode = await main(process.argv.slice(2)).catch(explain);
