// Writes man/lanestore.1 from the help of the built command line.
//
//   node scripts/man-page.mjs
//
// A test checks that the page is up to date.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const main = join(root, 'dist', 'cli', 'main.js');

/** Text in roff: backslashes, hyphens and control characters at the beginning of a line. */
const roff = (text) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&');

/** The manual page. */
export function manPage() {
  const { commands, exitCodes } = JSON.parse(
    execFileSync(process.execPath, [main, 'help', '--json'], { encoding: 'utf8' }),
  );
  const verbs = commands.flatMap(({ name, usage, summary, help }) => {
    const lines = help.map(roff);
    return [`.SS ${roff(`${name} ${usage}`.trimEnd())}`, roff(summary), '.PP', '.nf', ...lines, '.fi'];
  });
  return [
    '.\\" Written by scripts/man-page.mjs: do not edit.',
    '.TH LANESTORE 1',
    '.SH NAME',
    'lanestore \\- reads, checks, copies and converts the stores of a validator',
    '.SH SYNOPSIS',
    '.B lanestore',
    'COMMAND ...',
    '.SH OPTIONS',
    ...['.TP', '.B \\-\\-json', 'Prints JSON, errors included.'],
    ...['.TP', '.B \\-\\-help', 'Explains the command.'],
    ...['.TP', '.B \\-\\-version', 'Prints the version.'],
    '.SH COMMANDS',
    ...verbs,
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(({ code, means }) => ['.TP', `.B ${roff(String(code))}`, roff(means)]),
    '.SH SEE ALSO',
    'The pages in docs/ of the package, first docs/inspecting.md and docs/runbook.md.',
    '',
  ].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  mkdirSync(join(root, 'man'), { recursive: true });
  writeFileSync(join(root, 'man', 'lanestore.1'), manPage());
}
