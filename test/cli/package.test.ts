/** The tarball of `npm pack`: its files, maps and links. It is packed once for all tests. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/fixtures.js';
import { pack } from '../support/package.js';

const test = suite('cli: the package');
/**
 * Size limit of the tarball: code, types, sources with their maps, docs, one recording. Votes, the
 * guard and the format that keeps them took some 90 KB of it; floors from peers, handover and
 * signing histories 60 KB; a second version of the protocol with its readers 190 KB; witness sinks
 * 100 KB; the page of `serve` 110 KB, half of it the browser's code with three libraries, and its
 * pictures 250 KB; schemas of the output, the help of all verbs, stats, bundle, watch, compact and
 * sums of differences 80 KB. No part that ships is there twice.
 */
const TARBALL_BYTES_MAX = 2_440_000;
/**
 * Size limit without the files that only debuggers and editors read; 470 KB are the page of `serve`
 * and its pictures.
 */
const RUN_BYTES_MAX = 4_900_000;

let dir: string;
let tarball: string;
/** The tarball, unpacked. */
let unpacked: string;
/** Paths of its files, from its root. */
let files: string[];

// The tarball that would be published; dist has already been built.
test.before(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'lanestore-test-')));
  ({ tarball, unpacked } = pack(dir));
  files = readdirSync(unpacked, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(unpacked, join(entry.parentPath, entry.name)))
    .sort();
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

test('its name and its files: sources and docs, no tests, within the budget', () => {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  assert.ok(tarball.endsWith(`lanestore-${version}.tgz`));
  for (const file of ['docs/format.md', 'examples/own-types/model.ts', 'CHANGELOG.md', 'LICENSE']) {
    assert.ok(files.includes(file), file);
  }
  const foreign = files.filter((file) => /^(node_modules|test|bench|scripts|\.)/.test(file));
  const data = /^test\/fixtures\/wal\/rounds\.jsonl$|^bench\/results\/[\w-]+\.svg$/;
  assert.equal(
    foreign.filter((file) => !data.test(file)),
    [],
  );
  const { size } = statSync(tarball);
  assert.ok(size <= TARBALL_BYTES_MAX, `${size} bytes, more than ${TARBALL_BYTES_MAX}`);
  const run = files.filter((file) => !file.endsWith('.map') && !file.startsWith('src/'));
  const runBytes = run.reduce((sum, file) => sum + statSync(join(unpacked, file)).size, 0);
  assert.ok(runBytes <= RUN_BYTES_MAX, `${runBytes} bytes without maps and sources, more than ${RUN_BYTES_MAX}`);
});

test('every module has a map that names an existing source', () => {
  const modules = files.filter((file) => /^dist\/.*\.(?:js|d\.ts)$/.test(file));
  assert.ok(modules.length > 100, `${modules.length} modules`);
  for (const file of modules) {
    const path = join(unpacked, file);
    const { sources } = JSON.parse(readFileSync(`${path}.map`, 'utf8')) as { sources: string[] };
    assert.ok(sources.length > 0, file);
    for (const source of sources) assert.ok(existsSync(join(dirname(path), source)), `${file}: ${source}`);
  }
});

test('every imported module is a dependency, an optional peer, or a part of Node.js', () => {
  const manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));
  const { dependencies, optionalDependencies, peerDependencies } = manifest;
  const known = new Set(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }));
  const unknown: string[] = [];
  for (const file of files.filter((name) => name.startsWith('dist/') && name.endsWith('.js'))) {
    const text = readFileSync(join(unpacked, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/^(?:import|export) (?:.* from )?'([^.'][^']*)'/gm)) {
      const [scope = '', rest] = name.split('/');
      const module = scope.startsWith('@') ? `${scope}/${rest}` : scope;
      if (!known.has(module) && !builtinModules.includes(name.replace(/^node:/, ''))) unknown.push(`${file}: ${name}`);
    }
  }
  assert.equal(unknown, []);
});

/** The anchors of a page, as GitHub derives them from its headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = [...markdown.replaceAll(/^```.*?^```/gms, '').matchAll(/^#+ (.*)$/gm)];
  const slugs = headings.map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
  return new Set(slugs);
}

test('every link of its pages leads to a file of the package, and to an existing heading', () => {
  const broken: string[] = [];
  let count = 0;
  for (const page of files.filter((file) => file.endsWith('.md'))) {
    const markdown = readFileSync(join(unpacked, page), 'utf8');
    const prose = markdown.replaceAll(/^```.*?^```/gms, '').replaceAll(/`[^`\n]*`/g, '');
    for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      count++;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      const isThere = files.includes(file);
      const isHeading =
        anchor === undefined || (isThere && anchorsOf(readFileSync(join(unpacked, file), 'utf8')).has(anchor));
      if (!isThere || !isHeading) broken.push(`${page}: ${target}`);
    }
  }
  assert.equal(broken, []);
  assert.ok(count > 50, `${count} links were found`);
});

test('publint reports nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: unpacked, pack: false, level: 'suggestion', strict: true });
  assert.equal(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

test.run();
