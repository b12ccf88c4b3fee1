/** Creating directories while another process creates them, too. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeDirectory } from '../../src/base/directories.js';
import { diskFiles } from '../../src/base/files.js';
import { inTemp } from '../support/temp.js';

const test = suite('base: directories');

test(
  'a parent that another process creates between the failure and the look at it is no error',
  inTemp(async (dir) => {
    const path = join(dir, 'a', 'b', 'c');
    const makes = async (child: string) => {
      if (existsSync(dirname(child))) return diskFiles.makeDirectory(child);
      await diskFiles.makeDirectory(child).catch(async (error: unknown) => {
        await mkdir(dirname(child), { recursive: true });
        throw error;
      });
    };
    await makeDirectory(path, { makeDirectory: makes });
    assert.ok(existsSync(path));
  }),
);

test(
  'a directory that cannot be created although its parent exists is an error, and no endless loop',
  inTemp(async (dir) => {
    const refuses = async () => {
      throw Object.assign(new Error('as in /proc'), { code: 'ENOENT' });
    };
    const error = await makeDirectory(join(dir, 'a'), { makeDirectory: refuses }).catch((thrown: unknown) => thrown);
    assert.is((error as Error).message, 'as in /proc');
  }),
);

test.run();
