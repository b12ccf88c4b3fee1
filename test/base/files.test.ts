/**
 * Files on plain descriptors: a closed file stays closed, even if its descriptor number is reused.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diskFiles } from '../../src/base/files.js';
import { rejection } from '../support/faults.js';
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
    await made.write([Buffer.from('x')], 0);
    assert.is(again.status().bytes, 1);
    await made.close();
    await again.close();
  }),
);

test.run();
