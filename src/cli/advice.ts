/** Remedies for the command line. The library's own remedies address the program that calls it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_CODES, isLanestoreError, type LanestoreError } from '../errors.js';
import { isPostgres } from './postgres-url.js';
import type { Advice, Verb } from './verb.js';

/** The message and the remedy that a command prints for an error. */
export interface Explanation {
  readonly message: string;
  readonly remedy: string;
}

const ALWAYS: Advice = {
  LANESTORE_INVALID: 'fix what the message names; nothing was changed',
  LANESTORE_IO:
    'check what the message names: permissions, a read-only or full disk, a failing device; then run it again',
};

const OTHER_SCHEMA =
  'an older format: lanestore migrate; a newer one: the version that wrote it; your own types: --model FILE';

const NOT_A_STATE =
  'name the state directory itself: a store holds level/, a state of the original blocks/ and commitqcs/';

/** Remedies for verbs that read the path in their first argument, by the kind of that path. */
const READING: Readonly<Record<NonNullable<Verb['reads']>, Advice>> = {
  store: {
    LANESTORE_NOT_A_STORE: 'name the location of a store; lanestore inspect shows what a directory holds',
    LANESTORE_SCHEMA: OTHER_SCHEMA,
  },
  state: {
    LANESTORE_NOT_A_STORE: NOT_A_STATE,
    LANESTORE_SCHEMA: OTHER_SCHEMA,
    LANESTORE_IMPORT: 'check the file or entry that the message names; nothing was changed',
  },
  source: { LANESTORE_NOT_A_STORE: NOT_A_STATE, LANESTORE_SCHEMA: OTHER_SCHEMA },
};

/** The message and the remedy to print when an error of the library ended `verb`. */
export async function explanationOf(
  error: LanestoreError,
  verb: Verb | undefined,
  positionals: readonly string[],
): Promise<Explanation> {
  const { code, message } = error;
  if (code === 'LANESTORE_NOT_A_STORE' && verb?.reads === 'store') {
    const found = await explainNoStore(positionals[0] ?? '');
    if (found !== undefined) return found;
  }
  const ofVerb = verb?.advice ?? (verb?.reads === undefined ? {} : READING[verb.reads]);
  // An error's own remedy is better than the general remedy of its code. Exception: if no path has
  // a database, the verb's remedy says which path to name instead.
  const isSpecific =
    error.remedy !== ERROR_CODES[code].remedy &&
    (code !== 'LANESTORE_NOT_A_STORE' ||
      positionals.some((path) => isPostgres(path) || existsSync(join(path, 'level'))));
  return { message, remedy: isSpecific ? error.remedy : (ofVerb[code] ?? ALWAYS[code] ?? error.remedy) };
}

/** The explanation if `location` is a state directory of the original; undefined if it is not. */
async function explainNoStore(location: string): Promise<Explanation | undefined> {
  try {
    const { detectLayout } = await import('../migrations/index.js');
    const { layout } = await detectLayout(location);
    if (layout === 'level') return undefined;
    return {
      message: `${location} is a state directory of the original (${layout}), not a store`,
      remedy: `lanestore import ${location} STORE makes a store from it; inspect, manifest and diff need no import`,
    };
  } catch (error) {
    if (isLanestoreError(error)) return undefined;
    throw error;
  }
}
