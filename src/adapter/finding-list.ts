/**
 * A bounded list of findings: a badly damaged store can have millions of them. The first ones are
 * kept, and all are counted.
 */
import type { Finding } from '../errors.js';

/** Upper bound of the findings in an error; its message has their total number. */
export const FINDINGS_MAX = 1000;

/** The first findings, at most `max`, and the total number. */
export class FindingList {
  readonly #max: number;
  readonly #kept: Finding[] = [];
  #total = 0;

  constructor(max = FINDINGS_MAX) {
    this.#max = max;
  }

  /** The findings that were kept, in order of arrival. The list is live: it grows with this one. */
  get kept(): readonly Finding[] {
    return this.#kept;
  }

  /** The total number of findings. */
  get total(): number {
    return this.#total;
  }

  add(finding: Finding): void {
    this.#total++;
    if (this.#kept.length < this.#max) this.#kept.push(finding);
  }

  /** Adds the kept findings of another list; `total` is the total number of that list. */
  addAll(findings: readonly Finding[], total = findings.length): void {
    this.#total += total;
    for (const finding of findings) {
      if (this.#kept.length === this.#max) return;
      this.#kept.push(finding);
    }
  }

  /** Adds another list. */
  addList({ kept, total }: Pick<FindingList, 'kept' | 'total'>): void {
    this.addAll(kept, total);
  }

  /** Removes all findings. */
  clear(): void {
    this.#kept.length = 0;
    this.#total = 0;
  }
}
