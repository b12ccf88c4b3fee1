/**
 * All pages: links lead to existing targets, and prose is narrow enough to be read next to code.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { markdown } from '../faults/report.js';
import { packageRoot } from '../support/fixtures.js';
import { PROSE_COLUMNS } from '../support/wrap.js';

const test = suite('docs: all pages');

const docs = readdirSync(join(packageRoot, 'docs')).filter((name) => name.endsWith('.md'));
const PAGES = ['README.md', 'CHANGELOG.md', 'test/fixtures/README.md', ...docs.map((name) => `docs/${name}`)].map(
  (name) => join(packageRoot, name),
);

/** The lines of a page, without fenced code. */
function proseLines(page: string): string[] {
  let fence = false;
  return readFileSync(page, 'utf8')
    .split('\n')
    .map((line) => {
      const isFence = line.trim().startsWith('```');
      if (isFence) fence = !fence;
      return fence || isFence ? '' : line;
    });
}

/** The anchors that GitHub derives from a page's headings. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of proseLines(page)) {
    const heading = /^#{1,6} (.*)$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .toLowerCase()
      .replaceAll(/\]\([^)]*\)/g, '')
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

test('every relative link leads to a file, and to a heading of it', () => {
  const wrong: string[] = [];
  let links = 0;
  for (const page of PAGES) {
    const text = proseLines(page)
      .join('\n')
      .replaceAll(/`[^`\n]*`/g, '');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links++;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : resolve(dirname(page), path);
      const isThere = existsSync(file) && (anchor === undefined || anchorsOf(file).has(anchor));
      if (!isThere) wrong.push(`${relative(packageRoot, page)}: ${target}`);
    }
  }
  assert.equal(wrong, []);
  assert.ok(links > 80, `${links} links were found`);
});

test(`prose has ${PROSE_COLUMNS} columns at most; tables, code and images may have more`, () => {
  const wide: string[] = [];
  for (const page of PAGES) {
    for (const [i, line] of proseLines(page).entries()) {
      const isProse = !/^\s*(?:\||!\[)/.test(line);
      // A line that has no space to break at cannot be narrower.
      const canBreak = line
        .trim()
        .replace(/^(?:[-*]|\d+\.) /, '')
        .includes(' ');
      if (isProse && canBreak && line.length > PROSE_COLUMNS)
        wide.push(`${relative(packageRoot, page)}:${i + 1}: ${line.length} columns`);
    }
  }
  assert.equal(wide, []);
});

/** Every file of code, with each comment joined into one line. */
function codeFiles(): { name: string; text: string }[] {
  return ['src', 'test', 'bench', 'examples', 'scripts'].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:ts|go|mjs|c)$/.test(name) && !name.includes('node_modules'))
      .map((name) => ({ name: join(folder, name), text: readFileSync(join(packageRoot, folder, name), 'utf8') }))
      .map(({ name, text }) => ({ name, text: text.replaceAll(/\n\s*(?:\*|\/\/)?[ \t]*/g, ' ') })),
  );
}

test('every section that code cites exists on its page', () => {
  const wrong: string[] = [];
  let citations = 0;
  for (const { name, text } of codeFiles()) {
    for (const match of text.matchAll(/\b(docs\/[a-z-]+\.md), (?=[A-Z])/g)) {
      const page = match[1] ?? '';
      const cited = text.slice(match.index + match[0].length);
      const headings = proseLines(join(packageRoot, page)).flatMap((line) => /^#{2,6} (.*)$/.exec(line)?.[1] ?? []);
      citations++;
      if (!headings.some((heading) => cited.startsWith(heading))) wrong.push(`${name}: ${page}, ${cited.slice(0, 40)}`);
    }
  }
  assert.equal(wrong, []);
  assert.ok(citations > 40, `${citations} citations were found`);
});

test('nothing mentions a paper outside of the repository', () => {
  // Assembled here, so that this file does not match.
  const papers = [
    ['up', 'stream.md'],
    ['hou', 'se.md'],
    ['sty', 'le.md'],
  ].map((parts) => parts.join(''));
  const unrooted = /(?<![\w/-])(?:design|leveldb-hazards)\.md/;
  const wrong = [
    ...codeFiles().filter(({ text }) => unrooted.test(text) || papers.some((paper) => text.includes(paper))),
    ...PAGES.map((page) => ({ name: relative(packageRoot, page), text: readFileSync(page, 'utf8') })).filter(
      ({ text }) => papers.some((paper) => text.includes(paper)),
    ),
  ];
  assert.equal(
    wrong.map(({ name }) => name),
    [],
  );
});

test('docs/architecture.svg is drawn from the imports (node scripts/architecture-svg.mjs)', async () => {
  const script = pathToFileURL(join(packageRoot, 'scripts', 'architecture-svg.mjs')).href;
  const { architectureSvg } = (await import(script)) as { architectureSvg(): string };
  const drawn = architectureSvg();
  assert.ok(readFileSync(join(packageRoot, 'docs', 'architecture.svg'), 'utf8') === drawn, 'draw it again');
  for (const room of ['src/adapter/level', 'src/errors', 'src/cli']) assert.ok(drawn.includes(`>${room}<`), room);
});

test('docs/faults.md matches docs/faults.json', () => {
  const results = JSON.parse(readFileSync(join(packageRoot, 'docs', 'faults.json'), 'utf8'));
  assert.is(readFileSync(join(packageRoot, 'docs', 'faults.md'), 'utf8'), markdown(results));
});

test.run();
