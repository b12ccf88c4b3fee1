/** The cases of the suite, and how one is run. */
import { turns } from './expect.js';
import { Stage } from './stage.js';
import type { AnySubject, Features } from './subject.js';

/**
 * One case: a name, the features that it needs, and a body that gets an open store in a fresh
 * place.
 */
export interface Case {
  readonly name: string;
  readonly needs: readonly (keyof Features)[];
  readonly body: (stage: Stage) => Promise<void>;
}

/** Collects the cases of one file under a common title. */
export class Cases {
  readonly all: Case[] = [];
  readonly #title: string;

  constructor(title: string) {
    this.#title = title;
  }

  /** Adds a case. */
  add(name: string, body: Case['body']): void {
    this.needing([], name, body);
  }

  /** Adds a case that is omitted for backends without all features in `needs`. */
  needing(needs: readonly (keyof Features)[], name: string, body: Case['body']): void {
    this.all.push({ name: `${this.#title}: ${name}`, needs, body });
  }
}

/** Time limit of a case. Without it, a case that hangs would end the process without a report. */
const CASE_MS_MAX = 30_000;

/** Runs a case in a fresh place and removes the place. Rejects if the case fails. */
export async function runCase({ body }: Case, subject: AnySubject): Promise<void> {
  const stage = await Stage.open(subject);
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${CASE_MS_MAX} ms`)), CASE_MS_MAX);
  });
  try {
    await Promise.race([body(stage), deadline]);
    await Promise.race([stage.end(), deadline]);
  } catch (error) {
    // Bounded wait: a store that hangs may not close either.
    await Promise.race([stage.end(), turns()]).catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
