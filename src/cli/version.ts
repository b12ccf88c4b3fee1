/** `lanestore version`, `--version`, `-V` */
import { readFileSync } from 'node:fs';
import { EXIT } from './exit-codes.js';
import { print, toJson } from './output.js';
import { shipped } from './shipped.js';
import type { Run } from './verb.js';

/** Runs `version`. */
export const run: Run = async (_positionals, { json }) => {
  const manifest = readFileSync(shipped('package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const { versions, platform, arch } = process;
  if (json === true) print(toJson({ version, node: versions.node, platform, arch }, 2));
  else print(`lanestore ${version}`);
  return EXIT.ok;
};
