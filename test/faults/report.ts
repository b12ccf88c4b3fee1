/** The result of a campaign, for programs (JSON) and for people (a Markdown table). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { wrapProse } from '../support/wrap.js';
import { mergedParts, type RowResult } from './campaign.js';
import { MISTAKES, type Mistake } from './row.js';
import { ROWS } from './rows.js';

/** The results of all rows, each from its last run. */
export interface Results {
  readonly machine: string;
  readonly rows: readonly RowResult[];
}

/** The machine of the run. */
export function machine(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `Linux ${release()}, ${cpus().length} x ${cpu?.model.trim() ?? 'unknown'}, ${gib} GiB, Node ${process.versions.node}`;
}

/**
 * Puts rows into `faults.json` and `faults.md` of a directory; rows that were not run keep their
 * results.
 */
export function writeReport(dir: string, rows: readonly RowResult[]): void {
  const file = join(dir, 'faults.json');
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results).rows : [];
  const merged = ROWS.flatMap(({ name }) => {
    const [now, earlier] = [rows, before].map((results) => results.find(({ row }) => row === name));
    if (now !== undefined && earlier !== undefined && continues(earlier, now)) return [mergedParts(earlier, now)];
    return now ?? earlier ?? [];
  });
  const results: Results = { machine: machine(), rows: merged };
  writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`);
  writeFileSync(join(dir, 'faults.md'), markdown(results));
}

/** True if `now` is another part of the same run of a row. */
function continues(earlier: RowResult, now: RowResult): boolean {
  const [before, part] = [earlier.parts ?? [], now.parts?.[0]];
  if (part === undefined || before.length === 0 || before.includes(part)) return false;
  return earlier.seed === now.seed && before.every((name) => name.split('/')[1] === part.split('/')[1]);
}

/** The page. */
export function markdown({ machine: where, rows }: Results): string {
  const sum = (mistake: Mistake) => rows.reduce((total, { mistakes }) => total + mistakes[mistake], 0);
  const cases = rows.reduce((total, row) => total + row.cases, 0);
  const legend = [
    `- **silent**: ${MISTAKES.silent}.`,
    `- **healthy refused**: ${MISTAKES.refused}.`,
    `- **other**: ${MISTAKES.died}; ${MISTAKES.touched}; ${MISTAKES.wrong}.`,
  ].map((item) => wrapProse(item, '  '));
  return `# Fault campaign

Made by \`npm run faults\`; do not edit. [testing.md](testing.md) says how the campaign works and what
it does not cover.

${wrapProse(`${where}. ${cases} cases: ${sum('silent')} silent, ${sum('refused')} healthy stores refused.`)}

${table(rows)}

${legend.join('\n')}

A verdict says how the first open went, or how both opens went where a case opens its store twice
under different conditions. "Exact" means that every acknowledged entry is stored and equal, and
nothing else, except for at most the one batch in flight as a whole.
`;
}

/** The table alone. */
export function table(rows: readonly RowResult[]): string {
  const lines = rows.map((row) => {
    const { mistakes } = row;
    const rest = mistakes.died + mistakes.touched + mistakes.wrong + mistakes.harness;
    const verdicts = Object.entries(row.verdicts).map(([verdict, count]) => `${count} ${verdict}`);
    const said = row.skipped === undefined ? verdicts.join('<br>') : `skipped: ${row.skipped}`;
    const cells = [`${row.fault} (\`${row.row}\`)`, row.mustHold, `${row.cases}`, said];
    const failed = [mistakes.silent, mistakes.refused, rest].map(String);
    return `| ${[...cells, ...failed, `${row.seed}`, row.seconds.toFixed(0)].join(' | ')} |`;
  });
  return [
    '| fault | must hold | cases | verdicts | silent | healthy refused | other | seed | s |',
    '|---|---|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}
