// Writes docs/cli.md from the help of the built command line.
//
//   node scripts/cli-page.mjs
//
// A test checks that the page is up to date.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const main = join(root, 'dist', 'cli', 'main.js');
const help = (...args) => execFileSync(process.execPath, [main, 'help', ...args], { encoding: 'utf8' });

const INTRODUCTION = `# Commands

Written by \`scripts/cli-page.mjs\` from what \`lanestore help\` and \`lanestore help COMMAND\` print:
do not edit. [exit-codes.md](exit-codes.md) explains the exit codes, [locations.md](locations.md)
lists what each command does with each kind of location, and [schemas/](schemas/README.md) has the
JSON Schemas of \`--json\`.
`;

/** The page. */
export function cliPage() {
  const { commands } = JSON.parse(help('--json'));
  const block = (command, output) => `\`\`\`text\n$ ${command}\n${output}\`\`\`\n`;
  const verbs = commands.map(({ name, usage, summary, help: lines }) => {
    const output = [`usage: lanestore ${name} ${usage}`.trimEnd(), summary, ...lines.map((line) => `  ${line}`), ''];
    return `## ${name}\n\n${block(`lanestore help ${name}`, output.join('\n'))}`;
  });
  return [INTRODUCTION, block('lanestore help', help()), ...verbs].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(join(root, 'docs', 'cli.md'), cliPage());
