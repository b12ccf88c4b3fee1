/**
 * Files on plain descriptors: a closed file stays closed, even if its descriptor number is reused.
 */
import fs, { readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diskFiles } from '../../src/base/files.js';
import { rejection } from '../support/faults.js';
import { onPlatform } from '../support/platform.js';
import { inTemp } from '../support/temp.js';

const test = suite('files');

test(
  'a closed file writes nothing into the file that has its descriptor number now',
  inTemp(async (dir) => {
    const closed = await diskFiles.open(join(dir, 'a'), 0o600, { empty: true });
    await closed.close();
    const reused = await diskFiles.open(join(dir, 'b'), 0o600, { empty: true });
    await reused.write([Buffer.from('own bytes')], 0);
    const calls = [
      () => closed.write([Buffer.from('foreign')], 0),
      () => closed.write([Buffer.alloc(100_000)], 0),
      () => closed.writeSynced([Buffer.from('foreign')], 0),
      () => closed.truncate(0),
      () => closed.sync(),
    ];
    for (const call of calls) assert.match(`${await rejection(call)}`, /the file was closed/);
    await reused.close();
    assert.is(readFileSync(join(dir, 'b'), 'utf8'), 'own bytes');
  }),
);

test(
  'an existing file is opened; an absent one is not made where it must exist',
  inTemp(async (dir) => {
    const path = join(dir, 'a');
    const how = { empty: false, existing: true };
    assert.match(`${await rejection(diskFiles.open(path, 0o600, how))}`, /ENOENT/);
    const made = await diskFiles.open(path, 0o600, { empty: false });
    const again = await diskFiles.open(path, 0o600, how);
    assert.equal(again.status(), made.status());
    assert.is(again.links(), 1);
    fs.linkSync(path, join(dir, 'b'));
    assert.is(again.links(), 2);
    await made.write([Buffer.from('x')], 0);
    assert.is(again.status().bytes, 1);
    await made.close();
    await again.close();
  }),
);

/** The `failures` next renames fail with `code`. Returns how often one was tried. */
async function renames(code: string, failures: number, from: string, to: string): Promise<number> {
  const { renameSync } = fs;
  let tries = 0;
  fs.renameSync = (...paths) => {
    if (tries++ < failures) throw Object.assign(new Error(`${code}: injected`), { code });
    renameSync(...paths);
  };
  syncBuiltinESMExports();
  try {
    await diskFiles.rename(from, to);
  } catch (error) {
    throw Object.assign(error as Error, { tries });
  } finally {
    fs.renameSync = renameSync;
    syncBuiltinESMExports();
  }
  return tries;
}

test(
  'on Windows a rename over a file that another program has open is retried; no other rename is',
  inTemp(async (dir) => {
    const [from, to] = [join(dir, 'a'), join(dir, 'b')];
    for (const code of ['EPERM', 'EACCES', 'EBUSY']) {
      writeFileSync(from, code);
      assert.is(await onPlatform('win32', () => renames(code, 2, from, to)), 3);
      assert.is(readFileSync(to, 'utf8'), code);
    }
    writeFileSync(from, 'new');
    const tries = async (platform: NodeJS.Platform, code: string) => {
      const error = await rejection(onPlatform(platform, () => renames(code, 100, from, to)));
      assert.match(`${error}`, `${code}: injected`);
      return (error as Error & { tries: number }).tries;
    };
    assert.is(await tries('win32', 'EPERM'), 6);
    assert.is(await tries('win32', 'ENOENT'), 1);
    assert.is(await tries('linux', 'EPERM'), 1);
    assert.is(readFileSync(to, 'utf8'), 'EBUSY');
  }),
);

test.run();
