// Removes the folders named on the command line before a build, so that no output of a deleted
// source remains.
import { rmSync } from 'node:fs';

for (const folder of process.argv.slice(2)) rmSync(folder, { recursive: true, force: true });
