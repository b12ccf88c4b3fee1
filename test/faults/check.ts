/** Opening a store that was harmed, and judging how that went by what is known without the store. */
import { type LevelStore, type LocationOptions, openLevel } from '../../src/adapter/level/index.js';
import { type Finding, LanestoreError } from '../../src/errors.js';
import { contentOf } from '../support/content.js';
import { type PlainAnchor, type PlainBlock, type PlainQC, plain } from '../support/plain-model.js';
import type { Image } from './image.js';
import { Wrong } from './row.js';

export type PlainLevelStore = LevelStore<PlainBlock, PlainQC, PlainAnchor>;
export type OpenOptions = Omit<LocationOptions<PlainBlock, PlainQC, PlainAnchor>, 'model'>;

/** An open that succeeded; the store is closed again. */
export interface Opened {
  readonly content: string;
  readonly notes: readonly string[];
}

/** An open that was refused, with a code. */
export interface Refused {
  readonly code: string;
  readonly message: string;
  readonly findings: readonly Finding[];
}

export function openPlain(location: string, options: OpenOptions = {}): Promise<PlainLevelStore> {
  return openLevel(location, { ...options, model: plain });
}

/** Opens, reads what is there, closes. @throws Wrong for an error without a code. */
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

/** The store must open and hold exactly one of `contents`. Gives the class of the verdict. */
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

/** How a harmed store must answer. */
export interface RefusalRule {
  /** Codes that it may refuse with. */
  readonly codes: readonly string[];
  /** The content that it may open with instead; none: it must be refused. */
  readonly contents: readonly string[];
  /** What it must not have changed by refusing, if that is promised. */
  readonly image?: Image;
  /** Looks at a refusal. @throws Wrong. */
  readonly inspect?: (refusal: Refused) => void;
  readonly options?: OpenOptions;
}

/** Opens `tries` times: each time refused alike, nothing changed; or the content exact. Gives the class of the verdict. */
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

/** Codes that say: this is damaged, do not vote from it. */
export const DAMAGE = ['LANESTORE_CORRUPT', 'LANESTORE_ROLLED_BACK'] as const;
