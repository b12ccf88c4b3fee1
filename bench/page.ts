/**
 * `node .build/bench/page.js`: writes the results in `bench/results/` to the pages in PAGES,
 * between the markers `<!-- results: NAME -->` and `<!-- end -->`. The
 * rest of the pages is written by hand. A test checks that the pages are up to date.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../test/support/fixtures.js';
import { resultsDir } from './args.js';
import { capacityReport } from './capacity.js';
import { profileTable } from './experiments/profile-page.js';
import { tuningReport } from './experiments/tune-page.js';
import { growthTables } from './growth-page.js';
import {
  answerTable,
  comparison,
  contenderList,
  damagedTable,
  overview,
  runFacts,
  workloadTables,
} from './markdown.js';
import { peerRatios, peersReport } from './peers-page.js';
import { plotNames } from './plots.js';
import { targetsTable } from './targets.js';

/** The pages. RESULTS_FROM_PAGE is valid for all. */
export const PAGES: readonly string[] = [
  'benchmarks.md',
  'benchmarks-details.md',
  'benchmarks-growth.md',
  'capacity.md',
  'comparison.md',
].map((name) => join(packageRoot, 'docs', name));
const RESULTS_FROM_PAGE = '../bench/results';

const MARKED = /(<!-- results: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g;

function read(name: string, dir: string) {
  const file = join(dir, name);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** The text for each pair of markers, by name. */
export function sections(dir = resultsDir): Readonly<Record<string, string>> {
  const results = read('results.json', dir);
  const tuning = read('tune.json', dir);
  const profiles = read('profile.json', dir);
  const peers = read('peers.json', dir);
  const growth = read('growth.json', dir);
  const image = (name: string) => `![${name}](${RESULTS_FROM_PAGE}/${name})\n`;
  const { main, tune } = plotNames(results, tuning);
  const missing = (what: string) => `Not measured yet: ${what}.\n`;
  return {
    answer: results === undefined ? missing('npm run bench') : answerTable(results),
    comparison: results === undefined ? '' : comparison(results),
    run: results === undefined ? missing('npm run bench') : runFacts(results),
    overview: results === undefined ? '' : overview(results),
    targets: results === undefined ? '' : targetsTable(results.workloads),
    plots: main.map(image).join('\n'),
    tables: results === undefined ? '' : workloadTables(results, '###'),
    damaged: results === undefined ? '' : damagedTable(results),
    contenders: results === undefined ? '' : contenderList(results),
    tuning: tuning === undefined ? missing('node .build/bench/experiments/tune.js missing') : tuningReport(tuning),
    peers: peers === undefined ? missing('npm run bench:peers') : peersReport(peers),
    'peer-ratios': peers === undefined ? missing('npm run bench:peers') : peerRatios(peers),
    growth: growth === undefined ? missing('npm run bench:growth') : growthTables(growth),
    capacity: growth === undefined ? missing('npm run bench:growth') : capacityReport(growth),
    curves: tune.map(image).join('\n'),
    profile: profiles === undefined ? missing('node .build/bench/experiments/profile.js') : profileTable(profiles),
  };
}

/**
 * The pages with the results inserted.
 * @throws if a marker has no part, or a part has no marker.
 */
export function render(pages: readonly string[], parts: Readonly<Record<string, string>>): string[] {
  const used = new Set<string>();
  const rendered = pages.map((page) =>
    page.replace(MARKED, (_, begin: string, name: string, end: string) => {
      const part = parts[name];
      if (part === undefined) throw new Error(`a page has a marker "${name}", for which there is no result`);
      used.add(name);
      return `${begin}\n${part}\n${end}`;
    }),
  );
  const unused = Object.keys(parts).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`no page has a marker for: ${unused.join(', ')}`);
  return rendered;
}

/** The current text of the pages. */
export function readPages(): string[] {
  return PAGES.map((page) => readFileSync(page, 'utf8'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [i, text] of render(readPages(), sections()).entries()) writeFileSync(PAGES[i] ?? '', text);
}
