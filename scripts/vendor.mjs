// Writes assets/serve/vendor from the development dependencies: the libraries of the page that
// `lanestore serve` shows, as ES modules that a browser loads as they are, and their licences. With
// --check it writes nothing and ends with 1 if a file differs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const into = join(root, 'assets/serve/vendor');
const read = (path) => readFileSync(join(root, 'node_modules', path), 'utf8');
// Maps are not shipped.
const withoutMap = (text) => text.replace(/\n?\/\/# sourceMappingURL=.*\n?$/, '\n');

const packages = ['preact', 'htm', 'uplot'];
const files = {
  'preact.js': withoutMap(read('preact/dist/preact.mjs')),
  // No import map: an inline one needs an exception in the content security policy.
  'hooks.js': withoutMap(read('preact/hooks/dist/hooks.mjs')).replaceAll('from"preact"', 'from"./preact.js"'),
  'htm.js': withoutMap(read('htm/dist/htm.module.js')),
  'uplot.js': `${read('uplot/dist/uPlot.iife.min.js').trimEnd()}\nexport { uPlot as default };\n`,
  'uplot.css': read('uplot/dist/uPlot.min.css'),
  'LICENSES.txt': packages.map(licence).join('\n'),
};

function licence(name) {
  const { version, license } = JSON.parse(read(`${name}/package.json`));
  return `${name} ${version} (${license})\n\n${read(`${name}/LICENSE`).trim()}\n`;
}

const isCheck = process.argv.includes('--check');
mkdirSync(into, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const path = join(into, name);
  if (!isCheck) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    process.stderr.write(`${path} differs: run node scripts/vendor.mjs\n`);
    process.exitCode = 1;
  }
}
