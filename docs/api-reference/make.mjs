// Writes docs/api, one page an entry point, from the doc comments in the type declarations of dist. `npm run reference` at the root
// builds first, and installs what is needed here.
//
//   node make.mjs [--check]
//
// --check writes nothing, and ends with 1 if docs/api is not what would be written.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const pages = join(root, 'docs', 'api');

function make(out) {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries = Object.values(exports).flatMap((target) => (target.types ? [join(root, target.types)] : []));
  const typedoc = join(here, 'node_modules', 'typedoc', 'bin', 'typedoc');
  const args = [typedoc, '--options', join(here, 'typedoc.json'), '--out', out];
  const { status } = spawnSync(process.execPath, [...args, ...entries], {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** Paths of the pages below `folder`, with their text. */
function read(folder) {
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.md'));
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

if (process.argv[2] === '--check') {
  const scratch = mkdtempSync(join(tmpdir(), 'lanestore-reference-'));
  try {
    make(scratch);
    const [before, now] = [read(pages), read(scratch)];
    const names = new Set([...before.keys(), ...now.keys()]);
    const stale = [...names].filter((name) => before.get(name) !== now.get(name));
    if (stale.length > 0) process.stderr.write(`run \`npm run reference\`: docs/api is stale: ${stale.join(', ')}\n`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
} else {
  make(pages);
  process.stdout.write(`docs/api: ${read(pages).size} pages\n`);
}
