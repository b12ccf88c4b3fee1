/** Runs rows of the campaign on a pool and counts the outcomes of their cases. */
import type { Pool } from './pool.js';
import { MISTAKES, type Mistake, type Row } from './row.js';

/** A case that failed. */
export interface Failure {
  readonly i: number;
  readonly mistake: Mistake | 'harness';
  readonly detail: string;
}

/** The result of a row. */
export interface RowResult {
  readonly row: string;
  readonly fault: string;
  readonly mustHold: string;
  readonly short: boolean;
  readonly seed: number;
  readonly cases: number;
  /** Why the row was not run; absent if it was. */
  readonly skipped?: string;
  /** Number of cases, by class of verdict. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Number of failures, by kind; every kind is listed. */
  readonly mistakes: Readonly<Record<Mistake | 'harness', number>>;
  /** The first failures, in the order of their cases. */
  readonly failures: readonly Failure[];
  readonly seconds: number;
  /** The parts of the row in this result, if it was run in parts: `1/4`. */
  readonly parts?: readonly string[];
}

/** A part of a row's cases: every `of`-th case, starting at number `n` (from 1). */
export interface Part {
  readonly n: number;
  readonly of: number;
}

/** How a campaign is run. */
export interface CampaignOptions {
  readonly seed: number;
  readonly short: boolean;
  /** Maximum number of cases per row. */
  readonly limit?: number;
  /** Only this part of the cases. */
  readonly part?: Part;
  /** Ends a row at its first failure. */
  readonly stopAtFailure?: boolean;
  /** Called after each case. */
  readonly progress?: (row: string, done: number, of: number, failed: number) => void;
}

/** Failures of a row that are kept with their details; all are counted. */
const FAILURES_KEPT = 20;

/** Runs a row. */
export async function runRow(row: Row, pool: Pool, options: CampaignOptions): Promise<RowResult> {
  const started = performance.now();
  const tally = new Tally();
  const skipped = row.unable?.();
  const { n, of } = options.part ?? { n: 1, of: 1 };
  const total = skipped === undefined ? await countCases(row, pool, options) : 0;
  const cases = Math.ceil((total - n + 1) / of);
  let next = n - 1;
  let done = 0;
  const lane = async () => {
    while (next < total && !(options.stopAtFailure === true && tally.failed > 0)) {
      const i = next;
      next += of;
      tally.add(i, await runCase(row, pool, options.seed, i));
      done++;
      options.progress?.(row.name, done, cases, tally.failed);
    }
  };
  await Promise.all(Array.from({ length: row.alone === true ? 1 : pool.size }, lane));
  return {
    row: row.name,
    fault: row.fault,
    mustHold: row.mustHold,
    short: options.short,
    seed: options.seed,
    cases: done,
    ...(skipped === undefined ? {} : { skipped }),
    ...tally.result(),
    seconds: (performance.now() - started) / 1000,
    ...(options.part === undefined ? {} : { parts: [`${n}/${of}`] }),
  };
}

/** Merges two parts of a row into one result. */
export function mergedParts(a: RowResult, b: RowResult): RowResult {
  const sum = <K extends string>(x: Readonly<Record<K, number>>, y: Readonly<Record<K, number>>) => {
    const total: Record<string, number> = { ...x };
    for (const [key, count] of Object.entries<number>(y)) total[key] = (total[key] ?? 0) + count;
    return total as Record<K, number>;
  };
  return {
    ...b,
    cases: a.cases + b.cases,
    verdicts: sum(a.verdicts, b.verdicts),
    mistakes: sum(a.mistakes, b.mistakes),
    failures: [...a.failures, ...b.failures].slice(0, FAILURES_KEPT),
    seconds: a.seconds + b.seconds,
    parts: [...(a.parts ?? []), ...(b.parts ?? [])],
  };
}

/** The outcome of one case of a row. */
export type CaseResult =
  | { readonly verdict: string }
  | { readonly mistake: Mistake | 'harness'; readonly detail: string };

/** Runs one case. */
export async function runCase(row: Row, pool: Pool, seed: number, i: number): Promise<CaseResult> {
  const answer = await pool.ask({ row: row.name, seed, i });
  if ('count' in answer) throw new Error('a case was answered with a count');
  if ('verdict' in answer || answer.mistake !== 'died') return answer;
  return row.mayDie?.(i) === true ? { verdict: 'the process was aborted, beyond the bound' } : answer;
}

async function countCases(row: Row, pool: Pool, { seed, short, limit }: CampaignOptions): Promise<number> {
  const asked = short ? row.counts.short : row.counts.full;
  const answer = await pool.ask({ row: row.name, seed });
  if (!('count' in answer)) throw new Error(`${row.name} cannot be prepared: ${JSON.stringify(answer)}`);
  const wanted = asked === 'all' ? answer.count : Math.min(asked, answer.count);
  return Math.min(wanted, limit ?? wanted);
}

class Tally {
  failed = 0;
  readonly #verdicts = new Map<string, number>();
  readonly #mistakes = new Map<string, number>([...Object.keys(MISTAKES), 'harness'].map((mistake) => [mistake, 0]));
  readonly #failures: Failure[] = [];

  add(i: number, result: CaseResult): void {
    if ('verdict' in result) {
      this.#verdicts.set(result.verdict, (this.#verdicts.get(result.verdict) ?? 0) + 1);
      return;
    }
    this.failed++;
    this.#mistakes.set(result.mistake, (this.#mistakes.get(result.mistake) ?? 0) + 1);
    if (this.#failures.length < FAILURES_KEPT) this.#failures.push({ i, ...result });
  }

  result(): Pick<RowResult, 'verdicts' | 'mistakes' | 'failures'> {
    return {
      verdicts: Object.fromEntries([...this.#verdicts].sort(([, a], [, b]) => b - a)),
      mistakes: Object.fromEntries(this.#mistakes) as RowResult['mistakes'],
      failures: this.#failures.sort((a, b) => a.i - b.i),
    };
  }
}

/** Number of failed cases of a row. */
export function failed(result: RowResult): number {
  return Object.values(result.mistakes).reduce((sum, count) => sum + count, 0);
}
