/** Runs command lines in sequence in this process, and prints their outcomes. */
import type { CommandLines, Result } from './cli.js';
import { runLine } from './cli-line.js';

const lines: CommandLines = JSON.parse(process.argv[2] ?? '[]');
const print = process.stdout.write.bind(process.stdout);
const results: Result[] = [];
for (const args of lines) results.push(await runLine(args));
print(JSON.stringify(results));
