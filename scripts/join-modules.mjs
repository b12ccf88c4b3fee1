// Joins the library's compiled modules in .build/src into a few files before all tests run. Node.js
// takes more than a millisecond to load a module, a process that loads the library loads up to 380
// of them, and the tests start more than a thousand processes.
//
// A joined module keeps its path, and only re-exports what is now in `core.js` or `protocols.js`,
// so every module of this package still exists once in a process. The modules as compiled are in
// .build/modules (test/faults/weakened.ts changes some of them).
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** What nearly every process loads, and what is also loaded for the types of a protocol. */
const ROOTS = {
  core: ['adapter/level/index.js', 'adapter/wal/index.js', 'guard/index.js', 'migrations/index.js'],
  protocols: ['index.js', 'model/autobahn/73f917bbd/index.js', 'avail/index.js'],
};
/** Packages that have native code, or whose state the tests share. */
const EXTERNAL = ['abstract-level', 'cbor-x', 'classic-level', 'pg', 'pg-copy-streams'];

const compiled = join(dirname(fileURLToPath(import.meta.url)), '..', '.build');
const source = join(compiled, 'src');
const modules = join(compiled, 'modules');
if (existsSync(modules)) throw new Error('the modules are joined already: first run `npm run build:test`');
cpSync(source, modules, { recursive: true });
const names = readdirSync(modules, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.js'))
  .map((name) => name.split(sep).join('/'));

const OPTIONS = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  keepNames: true,
  external: EXTERNAL,
  logLevel: 'warning',
};
const { inputs, exportsOf } = await readModules();
const fileOf = new Map();
for (const [file, roots] of Object.entries(ROOTS)) for (const name of roots) addClosure(name, file);

await build({
  ...OPTIONS,
  entryPoints: Object.keys(ROOTS).map((file) => ({ in: `joined:${file}`, out: file })),
  outdir: source,
  chunkNames: 'joined-[hash]',
  plugins: [{ name: 'members', setup: joinMembers }],
});
for (const [name, file] of fileOf) {
  const list = exportsOf.get(name).map((each) => `${alias(name, each)} as ${each}`);
  writeFileSync(join(source, name), `export { ${list.join(', ')} } from '${pathFrom(name, `${file}.js`)}';\n`);
}

/** What each module imports and exports. */
async function readModules() {
  const { metafile } = await build({
    ...OPTIONS,
    entryPoints: names.map((name) => join(modules, name)),
    outbase: modules,
    outdir: modules,
    write: false,
    metafile: true,
  });
  const entries = Object.values(metafile.outputs).filter(({ entryPoint }) => entryPoint !== undefined);
  return {
    inputs: new Map(Object.entries(metafile.inputs).map(([path, { imports }]) => [nameOf(path), imports])),
    exportsOf: new Map(entries.map((output) => [nameOf(output.entryPoint), output.exports])),
  };
}

/** The name of a module of this package; its path for another. */
function nameOf(path) {
  return relative(modules, resolve(path)).split(sep).join('/');
}

/** Adds what loading `name` loads: not what `import()` loads later, and not programs. */
function addClosure(name, file) {
  if (fileOf.has(name) || !exportsOf.has(name)) return;
  fileOf.set(name, file);
  for (const { path, kind } of inputs.get(name)) if (kind === 'import-statement') addClosure(nameOf(path), file);
}

function alias(name, exported) {
  return `${exported}_${names.indexOf(name)}`;
}

function pathFrom(name, to) {
  const path = relative(dirname(name), to).split(sep).join('/');
  return path.startsWith('.') ? path : `./${path}`;
}

function joinMembers({ onResolve, onLoad }) {
  onResolve({ filter: /^joined:/ }, ({ path }) => ({ path: path.slice('joined:'.length), namespace: 'joined' }));
  onLoad({ filter: /.*/, namespace: 'joined' }, ({ path }) => {
    const members = [...fileOf].filter(([, file]) => file === path).map(([name]) => name);
    const lines = members.map((name) => {
      const list = exportsOf.get(name).map((each) => `${each} as ${alias(name, each)}`);
      return `export { ${list.join(', ')} } from './${name}';`;
    });
    return { contents: lines.join('\n'), resolveDir: modules };
  });
  // A module that is not joined is loaded from its place, as every other importer loads it.
  onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
    const name = nameOf(join(resolveDir, path));
    return exportsOf.has(name) && !fileOf.has(name) ? { path: `./${name}`, external: true } : undefined;
  });
  // A module finds files next to it by its own path.
  onLoad({ filter: /\.js$/ }, ({ path }) => {
    const name = nameOf(path);
    if (!exportsOf.has(name)) return undefined;
    const text = readFileSync(path, 'utf8');
    return { contents: text.replaceAll('import.meta.url', `new URL('./${name}', import.meta.url).href`) };
  });
}
