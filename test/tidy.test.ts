/**
 * House rules that a machine can check: imports point downward, files are short, lines are narrow,
 * names follow the list of names, tests run, no text names a path outside of the repository.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_CODES, FINDING_KINDS } from '../src/errors.js';
import { packageRoot } from './support/fixtures.js';

const test = suite('tidy');

/** Lower rooms first. A room is a folder or a file; it may import itself and earlier rooms. */
const ROOMS: readonly string[] = [
  'errors',
  'base',
  'metrics',
  'keys',
  'cbor',
  'model',
  'adapter',
  'adapter/wal',
  'adapter/littdb',
  'adapter/level/database',
  'adapter/level/disk-watermark',
  'adapter/level/format',
  'adapter/level/engine',
  'adapter/level/values',
  'adapter/level/write',
  'adapter/level/read',
  'adapter/level/preflight',
  'adapter/level/copy',
  'adapter/level/options',
  'adapter/level/store',
  'adapter/level/open',
  'adapter/level/view',
  'adapter/level',
  'adapter/postgres',
  'migrations',
  'guard',
  'avail',
  'index',
  'prometheus',
  'opentelemetry',
];
/** Rooms that may import only what the package exports. */
const OUTER_ROOMS = ['conformance', 'inspector', 'cli'];

function filesBelow(folder: string, suffix: string): string[] {
  return readdirSync(join(packageRoot, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix) && !entry.parentPath.includes('node_modules'))
    .map((entry) => relative(packageRoot, join(entry.parentPath, entry.name)))
    .sort();
}

function source(file: string): string {
  return readFileSync(join(packageRoot, file), 'utf8');
}

function roomOf(file: string): string {
  const path = relative('src', file).replace(/\.ts$/, '');
  const room = [...OUTER_ROOMS, ...ROOMS].filter((name) => path === name || path.startsWith(`${name}/`));
  return room.sort((a, b) => b.length - a.length)[0] ?? `no room: ${file}`;
}

function importsOf(file: string): string[] {
  const paths = [...source(file).matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return paths.map((path) => relative(packageRoot, resolve(packageRoot, dirname(file), path)).replace(/\.js$/, '.ts'));
}

/** True for the root of the package and its subpaths. */
function isPublic(file: string): boolean {
  const { exports } = JSON.parse(source('package.json')) as { exports: Record<string, { default?: string } | string> };
  const targets = Object.values(exports).map((target) => (typeof target === 'string' ? target : target.default));
  return targets.includes(`./${file.replace(/^src/, 'dist').replace(/\.ts$/, '.js')}`);
}

const sources = filesBelow('src', '.ts');
const tests = filesBelow('test', '.ts');

test('imports point downward', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    const room = roomOf(file);
    for (const imported of importsOf(file)) {
      const importedRoom = roomOf(imported);
      if (room === importedRoom) continue;
      const allowed = OUTER_ROOMS.includes(room)
        ? isPublic(imported) || (room === 'cli' && importedRoom === 'inspector')
        : ROOMS.includes(importedRoom) && ROOMS.indexOf(importedRoom) < ROOMS.indexOf(room);
      if (!allowed) wrong.push(`${file} imports ${imported}`);
    }
  }
  assert.equal(wrong, []);
  assert.ok(sources.length > 30, 'the sources were found');
});

test('migrations import only index.ts and conversion.ts of the backends', () => {
  const entries = ['level', 'wal'].flatMap((backend) => [
    `src/adapter/${backend}/index.ts`,
    `src/adapter/${backend}/conversion.ts`,
  ]);
  const imports = sources
    .filter((file) => file.startsWith('src/migrations/'))
    .flatMap((file) => importsOf(file).map((imported) => [file, imported] as const))
    .filter(([, imported]) => /^src\/adapter\/(level|wal)\//.test(imported));
  const wrong = imports.filter(([, imported]) => !entries.includes(imported));
  assert.equal(wrong, []);
  assert.ok(imports.length > 10, 'the imports were found');
});

test('imports have no circles, type imports included', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file);
    if (at >= 0) circles.push([...path.slice(at), file].join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const imported of importsOf(file)) visit(imported, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  assert.equal(circles, []);
});

/** Generated, so no rule on length, width or names applies. */
const isGenerated = (file: string) => file.endsWith('_pb.ts');
const LINES_MAX = 350;

test(`no source has more than ${LINES_MAX} lines`, () => {
  const tooLong = sources
    .filter((file) => !isGenerated(file))
    .map((file) => ({ file, lines: source(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX);
  assert.equal(tooLong, []);
});

const COMMENT_COLUMNS = 100;
const CODE_COLUMNS = 120;

/**
 * True for a comment line that cannot be wrapped: a row of a table, a directive of a tool, or a
 * line without a space to break at.
 */
function isUnbreakable(comment: string): boolean {
  const text = comment.trim().replace(/^(?:\/\*\*?|\*|\/\/) ?/, '');
  return /^(?:\||biome-ignore|@ts-expect-error)/.test(text) || !text.trim().includes(' ');
}

const TOKEN =
  /(?<comment>\/\*[\s\S]*?\*\/|\/\/.*)|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/|\\[\s\S]|\$\{|[`{}]/g;

/** The text of a file without strings, templates and regular expressions; line numbers stay. */
function withoutLiterals(text: string): string {
  // The innermost template or block comes last; text inside of a template is left out.
  const open: string[] = [];
  let [bare, at] = ['', 0];
  const take = (part: string, isKept: boolean) => {
    bare += isKept && !open.includes('`') ? part : part.replace(/[^\n]/g, '');
  };
  while (at < text.length) {
    const inTemplate = open.at(-1) === '`';
    const token = inTemplate ? /\\[\s\S]|\$\{|`/g : TOKEN;
    token.lastIndex = at;
    const match = token.exec(text);
    take(text.slice(at, match?.index), true);
    if (match === null) break;
    at = token.lastIndex;
    const [mark] = match;
    take(mark, match.groups?.comment !== undefined || /^[{}]$/.test(mark));
    if (mark === '`' && inTemplate) open.pop();
    else if (mark === '`' || mark === '{' || mark === '${') open.push(mark);
    else if (mark === '}') open.pop();
  }
  return bare;
}

test(`comments have ${COMMENT_COLUMNS} columns at most, code has ${CODE_COLUMNS} without its literals`, () => {
  const wide: string[] = [];
  let files = 0;
  for (const file of ['src', 'test', 'bench', 'examples', 'scripts'].flatMap((folder) => filesBelow(folder, ''))) {
    if (!/\.(?:ts|mjs|go|c)$/.test(file) || isGenerated(file)) continue;
    files++;
    const bare = withoutLiterals(source(file)).split('\n');
    for (const [i, line] of source(file).split('\n').entries()) {
      const isComment = /^\s*(?:\/\/|\/\*|\*)/.test(bare[i] ?? '');
      const isWide = isComment
        ? line.length > COMMENT_COLUMNS && !isUnbreakable(line)
        : (bare[i] ?? '').length > CODE_COLUMNS;
      if (isWide) wide.push(`${file}:${i + 1}: ${line.length} columns`);
    }
  }
  assert.equal(wide, []);
  assert.ok(files > 500, `${files} files were found`);
});

test('no text names a path outside of the repository', () => {
  // Assembled here, so that this file does not match.
  const outside = new RegExp(['\\.\\./sha', 'red\\b|(?<![\\w.-])/wo', 'rk/'].join(''));
  const skipped = /(?:^|\/)(?:node_modules|\.git|dist|\.build|\.data|lanestore-demo)(?:\/|$)/;
  const below = (folder: string): string[] =>
    readdirSync(join(packageRoot, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (skipped.test(path)) return [];
      return entry.isDirectory() ? below(path) : entry.isFile() ? [path] : [];
    });
  const texts = below('').filter((path) => /\.(?:ts|mjs|go|c|md|json|ya?ml|svg)$/.test(path));
  assert.equal(
    texts.filter((path) => outside.test(source(path))),
    [],
  );
  assert.ok(texts.length > 600, `${texts.length} texts were found`);
});

/** Vague names, and names with another meaning in storage engines; each with its replacement. */
const NAMES: Readonly<Record<string, string>> = {
  Room: 'AdmissionGate',
  PlannedPersistence: 'BasePersistence',
  Reference: 'ValueRef',
  References: 'ValueIndex',
  Space: 'ValueFilePool',
  Relocation: 'ValueCollector',
  SetAside: 'DiskReservation',
  WriteAhead: 'a value stage',
  Held: 'CloseStack',
  GoOn: 'AcceptedRollback',
  Serial: 'Mutex',
  Slots: 'Semaphore',
  BatchWalk: 'BatchParser',
  LogChain: 'LogVerifier',
  quiet: 'readBetweenBatches',
  LANE: 'LANE_OFFSET',
  GAS: 'GAS_OFFSET',
  FEE: 'FEE_OFFSET',
  one: 'a noun',
  other: 'a noun',
  apart: 'separated, or releasedLate',
  who: 'a noun',
};
const FILE_NAMES = [
  ...['room', 'planned', 'space', 'write-ahead', 'sequential', 'in-use', 'looked-at', 'restart', 'live', 'replaying'],
  ...['tree-bytes', 'reference', 'references', 'relocation'],
];

/** The code of a file without comments and the content of strings. */
function codeOf(file: string): string {
  const code = source(file).replace(/\/\*[\s\S]*?\*\//g, '');
  return code.replace(/(?:^|\s)\/\/.*$/gm, '').replace(/'(?:[^'\\\n]|\\.)*'|"[^"\n]*"|`(?:[^`\\]|\\.)*`/g, "''");
}

test('no file and no name is on the list of replaced names', () => {
  const found = sources.filter((file) => FILE_NAMES.includes(basename(file, '.ts')));
  for (const file of sources.filter((name) => !isGenerated(name))) {
    const words = new Set(codeOf(file).match(/(?<![\w.])#?[A-Za-z]\w*/g));
    for (const word of Object.keys(NAMES)) if (words.has(word)) found.push(`${file}: ${word}`);
  }
  assert.equal(found, []);
});

test('every file of tests runs its suites', () => {
  for (const file of tests.filter((name) => name.endsWith('.test.ts'))) {
    const text = source(file);
    const suites = [...text.matchAll(/= (?:bounded\()?suite(?:<[^>]*>)?\([`'"]/g)].length;
    const runs = [...text.matchAll(/^\s*\w+\.run\(\);/gm)].length;
    assert.ok(suites > 0, `${file} has a suite`);
    assert.is(runs, suites, `${file} runs each of its suites`);
  }
});

test('no test is focused or skipped', () => {
  // Assembled here, so that this file does not match.
  const words = ['only', 'skip'].map((word) => `.${word}(`);
  for (const file of tests) for (const word of words) assert.not.ok(source(file).includes(word), `${file}: ${word}`);
});

test('every exported symbol is documented', () => {
  const bare: string[] = [];
  for (const file of sources.filter((name) => !name.endsWith('_pb.ts'))) {
    const lines = source(file).split('\n');
    for (const [i, line] of lines.entries()) {
      if (!/^export (?:declare |abstract |async )*(?:function|class|interface|type|const|enum) \w/.test(line)) continue;
      const before =
        lines
          .slice(0, i)
          .reverse()
          .find((previous) => !previous.startsWith('// biome-ignore')) ?? '';
      // The overloads document their implementation.
      const overloaded = /function (\w+)/.exec(line)?.[1];
      const isOverload =
        overloaded !== undefined &&
        lines
          .slice(0, i)
          .some(
            (previous) => previous.includes(`function ${overloaded}<`) || previous.includes(`function ${overloaded}(`),
          );
      if (!before.trimEnd().endsWith('*/') && !isOverload) bare.push(`${file}:${i + 1} ${line.slice(0, 80)}`);
    }
  }
  assert.equal(bare, []);
});

test('every source begins with a comment', () => {
  for (const file of sources.filter((name) => !name.endsWith('_pb.ts'))) {
    assert.match(source(file), /^(?:#!.*\n)?\/\*\*/, file);
  }
});

test('every error code is documented with its cause and its remedy', () => {
  // Prose on the page is wrapped; the texts are not.
  const page = source('docs/errors.md').replaceAll(/\n +(?!-)/g, ' ');
  for (const [code, { cause, remedy }] of Object.entries(ERROR_CODES)) {
    for (const text of [`## ${code}`, cause, remedy]) assert.ok(page.includes(text), `${code}: ${text}`);
  }
});

test('every kind of finding is documented with its code and meaning', () => {
  const page = source('docs/errors.md');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const expected = Object.entries(FINDING_KINDS).map(
    ([kind, { code, means }]) => `| \`${kind}\` | ${code.replace('LANESTORE_', '')} | ${means} |`,
  );
  assert.equal(rows, expected);
});

test('docs/architecture.md gives the purpose of every runtime dependency', () => {
  const { dependencies, optionalDependencies } = JSON.parse(source('package.json')) as Record<string, object>;
  const page = source('docs/architecture.md');
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
    assert.ok(page.includes(`\`${name}\``), name);
});

test('every subpath of the package is built from a source', () => {
  const { exports } = JSON.parse(source('package.json')) as { exports: Record<string, { default?: string } | string> };
  for (const [subpath, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue;
    const file = target.default?.replace('./dist/', 'src/').replace(/\.js$/, '.ts') ?? '';
    assert.ok(sources.includes(file), `${subpath} -> ${file}`);
  }
});

test.run();
