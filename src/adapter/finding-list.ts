/** Findings, of which a damaged store can have as many as it has bytes: so many are kept, all are counted. */
import type { Finding } from '../errors.js';

/** Findings that an error carries at most; its message says how many there were. */
export const FINDINGS_MAX = 1000;

/** The first findings, at most `max`, and how many there were. */
export class FindingList {
  readonly #max: number;
  readonly #kept: Finding[] = [];
  #total = 0;

  constructor(max = FINDINGS_MAX) {
    this.#max = max;
  }

  /** Those that are kept, in the order in which they came. The list grows with this one. */
  get kept(): readonly Finding[] {
    return this.#kept;
  }

  /** How many there were. */
  get total(): number {
    return this.#total;
  }

  add(finding: Finding): void {
    this.#total++;
    if (this.#kept.length < this.#max) this.#kept.push(finding);
  }

  /** Adds what another list kept; `total` is how many that one had. */
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

  /** Forgets all of them. */
  clear(): void {
    this.#kept.length = 0;
    this.#total = 0;
  }
}
