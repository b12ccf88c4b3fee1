/** What to do about an error, for one who typed a command: the library's advice is for a program that calls it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { detectLayout, ERROR_CODES, isLanestoreError, type LanestoreError } from '../index.js';
import type { Advice, Verb } from './verb.js';

/** An error as a command explains it. */
export interface Explanation {
  readonly message: string;
  readonly remedy: string;
}

const ALWAYS: Advice = {
  LANESTORE_INVALID: 'fix what the message names; nothing was changed',
  LANESTORE_IO:
    'see what the message names: permissions, a read-only or full disk, a failing device; then run it again',
};

const NOT_A_STATE =
  'name the state directory itself: of a store it holds level/, of the original blocks/ and commitqcs/';

/** For verbs that read what their first argument names. */
const READING: Readonly<Record<NonNullable<Verb['reads']>, Advice>> = {
  store: { LANESTORE_NOT_A_STORE: 'name the location of a store; inspect says what a directory is' },
  state: {
    LANESTORE_NOT_A_STORE: NOT_A_STATE,
    LANESTORE_IMPORT: 'see the place that the message names; nothing was changed',
  },
  source: { LANESTORE_NOT_A_STORE: NOT_A_STATE },
};

/** What is printed of an error of the library that ended `verb`. */
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
  // What the library says of this very situation comes before what holds for every error of the code. But for a path
  // without a database the command knows better what may be named instead.
  const isSpecific =
    error.remedy !== ERROR_CODES[code].remedy &&
    (code !== 'LANESTORE_NOT_A_STORE' || positionals.some((path) => existsSync(join(path, 'level'))));
  return { message, remedy: isSpecific ? error.remedy : (ofVerb[code] ?? ALWAYS[code] ?? error.remedy) };
}

/** A state directory of the original is told from a wrong path. Undefined if `location` is not one. */
async function explainNoStore(location: string): Promise<Explanation | undefined> {
  try {
    const { layout } = await detectLayout(location);
    if (layout === 'level') return undefined;
    return {
      message: `${location} is a state directory of the original (${layout}), not a store`,
      remedy: `lanestore import ${location} STORE makes a store of it; inspect, manifest and diff read it as it is`,
    };
  } catch (error) {
    if (isLanestoreError(error)) return undefined;
    throw error;
  }
}
