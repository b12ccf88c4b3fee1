/** Opens a damaged store, and judges the outcome by records kept outside the store. */
import { type LevelStore, type LocationOptions, openLevel } from '../../src/adapter/level/index.js';
import { type Finding, LanestoreError } from '../../src/errors.js';
import { contentOf } from '../support/content.js';
import { type PlainAnchor, type PlainBlock, type PlainQC, plain } from '../support/plain-model.js';
import type { Image } from './image.js';
import { Wrong } from './row.js';

export type PlainLevelStore = LevelStore<PlainBlock, PlainQC, PlainAnchor>;
export type OpenOptions = Omit<LocationOptions<PlainBlock, PlainQC, PlainAnchor>, 'model'>;

/** A successful open; the store is closed again. */
export interface Opened {
  readonly content: string;
  readonly notes: readonly string[];
}

/** A refused open, with its code. */
export interface Refused {
  readonly code: string;
  readonly message: string;
  readonly findings: readonly Finding[];
}

export function openPlain(location: string, options: OpenOptions = {}): Promise<PlainLevelStore> {
  return openLevel(location, { ...options, model: plain });
}

/** Opens, reads the content, closes. @throws Wrong for an error without a code. */
export async function tryOpen(location: string, options: OpenOptions = {}): Promise<Opened | Refused> {
  let store: PlainLevelStore;
  try {
    store = await openPlain(location, options);
  } catch (error) {
    if (!(error instanceof LanestoreError)) throw new Wrong('wrong', `an error without a code: ${error}`);
    return { code: error.code, message: error.message, findings: error.findings ?? [] };
  }
  const opened = { content: contentOf(store), notes: store.recovery.notes };
  await store.close();
  return opened;
}

export function isRefused(outcome: Opened | Refused): outcome is Refused {
  return 'code' in outcome;
}

/** The store must open and hold exactly one of `contents`. Returns the class of the verdict. */
export async function mustOpen(location: string, contents: readonly string[], options: OpenOptions = {}) {
  const outcome = await tryOpen(location, options);
  if (isRefused(outcome)) throw new Wrong('refused', `${outcome.code}: ${outcome.message}`);
  assertContent(outcome, contents);
  return outcome.notes.length > 0 ? 'exact, with a note' : 'exact';
}

function assertContent({ content }: Opened, contents: readonly string[]): void {
  if (contents.includes(content)) return;
  throw new Wrong('silent', `it opened with\n${content}\nwhere this was acknowledged:\n${contents.join('\nor\n')}`);
}

/** How a damaged store must respond. */
export interface RefusalRule {
  /** Codes of a permitted refusal. */
  readonly codes: readonly string[];
  /** Contents with which it may open instead; none: it must be refused. */
  readonly contents: readonly string[];
  /** Files that a refusal must not change, if that is promised. */
  readonly image?: Image;
  /** Checks a refusal. @throws Wrong. */
  readonly inspect?: (refusal: Refused) => void;
  readonly options?: OpenOptions;
}

/**
 * Opens `tries` times. Every open must be refused alike without changing a file, or give exact
 * content. Returns the class of the verdict.
 */
export async function mustRefuse(location: string, rule: RefusalRule, tries = 2): Promise<string> {
  let verdict: string | undefined;
  for (let n = 0; n < tries; n++) {
    const outcome = await tryOpen(location, rule.options);
    if (!isRefused(outcome)) {
      if (verdict !== undefined) throw new Wrong('touched', `refused with ${verdict}, then it opened`);
      if (rule.contents.length === 0) throw new Wrong('silent', `it opened, and holds\n${outcome.content}`);
      assertContent(outcome, rule.contents);
      return outcome.notes.length > 0 ? 'exact, with a note' : 'exact';
    }
    const { code, message } = outcome;
    if (!rule.codes.includes(code)) throw new Wrong('wrong', `refused with ${code}: ${message}`);
    if (verdict !== undefined && code !== verdict) throw new Wrong('touched', `refused with ${verdict}, then ${code}`);
    if (outcome.findings.length === 0) throw new Wrong('wrong', `${code} without a finding: ${message}`);
    rule.inspect?.(outcome);
    const difference = rule.image?.difference(location);
    if (difference !== undefined) throw new Wrong('touched', `refused with ${code}, and ${difference}`);
    verdict = code;
  }
  return `${verdict}`;
}

/** Codes that report damage: the operator must not vote from this store. */
export const DAMAGE = ['LANESTORE_CORRUPT', 'LANESTORE_ROLLED_BACK'] as const;
