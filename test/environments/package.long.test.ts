/**
 * The package, packed and installed into an empty project, under the other supported versions of
 * Node.js.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { checkInstalled, install, pack } from '../support/package.js';
import { inTemp } from '../support/temp.js';
import { otherNodes } from './nodes.js';

const test = suite('environments: the package under other versions of Node.js');

test(
  'the program of README.md, every subpath, the command line',
  inTemp((dir) => {
    const folder = join(dir, 'project');
    install(folder, pack(dir));
    const installed = new Set(readdirSync(folder));
    for (const { path } of otherNodes()) {
      checkInstalled(folder, path);
      for (const name of readdirSync(folder)) if (!installed.has(name)) rmSync(join(folder, name), { recursive: true });
    }
  }),
);

// A suite without tests would fail where no other version can be downloaded.
test('versions that cannot be downloaded are reported as left out', () => undefined);

test.run();
