// Writes API.md, the public surface of the package, from the type declarations in dist. `npm run
// api` builds first.
//
//   node scripts/api-report.mjs [--check]
//
// --check writes nothing, and exits with 1 if API.md is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const page = join(root, 'API.md');

/** How much of a subpath may change in a minor release; UPGRADING.md defines the words. */
const STABILITY = {
  '.': 'stable',
  './errors': 'stable',
  './keys': 'stable',
  './model': 'stable',
  './model/autobahn': 'follows the protocol',
  './model/autobahn-73f917bbd': 'follows the protocol',
  './adapter': 'port and `openNoop` stable; what backends are built on is experimental',
  './adapter/level': 'stable',
  './adapter/postgres': 'experimental',
  './adapter/wal': '`openWal` and `readWal` stable; the pieces are experimental',
  './migrations': 'stable',
  './guard': 'experimental',
  './avail': 'experimental',
  './metrics': 'stable',
  './prometheus': 'stable',
  './opentelemetry': 'experimental',
  './conformance': 'experimental: minor releases add cases',
  './inspector': 'experimental',
};

/**
 * Top-level statements of a declaration file, without comments; tsc starts each at the beginning of
 * a line.
 */
function statementsOf(file) {
  const text = readFileSync(file, 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
    .replaceAll(/^\s*#private;$/gm, '')
    .replaceAll(/^\s*private .*;$/gm, (member) => (member.includes('private constructor') ? member : ''));
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const statements = [];
  for (const line of lines) {
    if (/^[a-z]/.test(line)) statements.push([line]);
    else statements.at(-1)?.push(line);
  }
  return statements.map((statement) => statement.join('\n'));
}

const files = new Map();

/**
 * The exports of a module: name to `{ kind, text }`; `kind` is `type` for an export without a value
 * at run time.
 */
function exportsOf(file) {
  if (!files.has(file)) files.set(file, readExports(file));
  return files.get(file);
}

function readExports(file) {
  const found = new Map();
  const declared = new Map();
  const statements = statementsOf(file);
  for (const statement of statements) {
    const [, isExported, kind, name] =
      /^(export )?(?:declare )?(?:abstract )?(function|class|interface|type|const|enum) (\w+)/.exec(statement) ?? [];
    if (name === undefined) continue;
    const text = statement.replace(/^export /, '').replace(/^declare /, '');
    const before = declared.get(name);
    const declaration = {
      kind: ['interface', 'type'].includes(kind) ? 'type' : 'value',
      text: before === undefined ? text : `${before.text}\n${text}`,
    };
    declared.set(name, declaration);
    if (isExported) found.set(name, declaration);
  }
  for (const statement of statements) {
    const [, typeOnly, list, from] = /^export (type )?(\*|\{[\s\S]*?\})(?: from '([^']+)')?;/.exec(statement) ?? [];
    if (list === undefined) continue;
    const names = from === undefined ? declared : exportsOf(resolve(dirname(file), from.replace(/\.js$/, '.d.ts')));
    for (const [name, source, isType] of list === '*' ? [...names.keys()].map((name) => [name, name]) : listed(list)) {
      const declaration = names.get(source);
      if (declaration === undefined) throw new Error(`${relative(root, file)}: ${source} was not found in ${from}`);
      found.set(name, typeOnly || isType ? { ...declaration, kind: 'type' } : declaration);
    }
  }
  return found;
}

/** `{ type A, b as c }` as `[exported name, its name in the module, is a type]`. */
function listed(list) {
  const items = list.slice(1, -1).split(',');
  return items.flatMap((item) => {
    const [, type, source, name] = /^\s*(type )?(\w+)(?: as (\w+))?\s*$/.exec(item) ?? [];
    return source === undefined ? [] : [[name ?? source, source, type !== undefined]];
  });
}

function report() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries = Object.entries(exports).filter(([, target]) => typeof target === 'object');
  const declarations = new Map();
  const overview = entries.map(([subpath, { types }]) => {
    const names = exportsOf(join(root, types));
    for (const [name, { text }] of names) {
      if (!declarations.has(name)) declarations.set(name, new Set());
      declarations.get(name).add(text);
    }
    const of = (kind) =>
      [...names]
        .filter(([, declaration]) => declaration.kind === kind)
        .map(([name]) => name)
        .sort()
        .map((name) => `\`${name}\``);
    const values = of('value');
    const typeNames = of('type');
    return [
      `### ${join('lanestore', subpath)}`,
      '',
      `${STABILITY[subpath] ?? missing(subpath)}. ${values.length} values, ${typeNames.length} types.`,
      '',
      ...(values.length > 0 ? [wrapped(`Values: ${values.join(', ')}`), ''] : []),
      ...(typeNames.length > 0 ? [wrapped(`Types: ${typeNames.join(', ')}`), ''] : []),
    ];
  });
  const all = [...declarations].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    '# API',
    '',
    'The public surface, made by `npm run api` from the type declarations; do not edit it. What a name does',
    'is in its doc comment. [UPGRADING.md](UPGRADING.md#what-is-stable) says what the labels mean.',
    '',
    '## Entry points',
    '',
    ...overview.flat(),
    '## Declarations',
    '',
    'Each name once, whatever exports it.',
    '',
    '```ts',
    ...all.flatMap(([, texts]) => [...texts]),
    '```',
    '',
  ].join('\n');
}

function missing(subpath) {
  throw new Error(`${subpath} has no stability label in scripts/api-report.mjs`);
}

/** Lines of 100 columns at most. */
function wrapped(text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= 100) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

const text = report();
if (process.argv[2] === '--check') {
  let before = '';
  try {
    before = readFileSync(page, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  if (before !== text) {
    const [a, b] = [before.split('\n'), text.split('\n')];
    const at = b.findIndex((line, i) => line !== a[i]);
    process.stderr.write(
      `API.md is not the surface of dist: run \`npm run api\`, and say in CHANGELOG.md what changed.\nline ${at + 1}:\n- ${a[at]}\n+ ${b[at]}\n`,
    );
    process.exitCode = 1;
  }
} else {
  writeFileSync(page, text);
  process.stdout.write(`${relative(process.cwd(), page)}: ${text.split('\n').length} lines\n`);
}
