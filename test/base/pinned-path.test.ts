/** Pinned paths: what counts as the same file. */
import fs, { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PinnedPath } from '../../src/base/pinned-path.js';
import { inTemp } from '../support/temp.js';

const test = suite('pinned path');

test(
  'a directory that was moved, replaced or removed is not the same, and one that came back is',
  inTemp((dir) => {
    const path = join(dir, 'place');
    mkdirSync(path);
    const pin = PinnedPath.directory(path);
    assert.ok(pin.isSame());
    renameSync(path, join(dir, 'away'));
    assert.not.ok(pin.isSame(), 'moved');
    mkdirSync(path);
    assert.not.ok(pin.isSame(), 'replaced');
    rmSync(path, { recursive: true });
    writeFileSync(path, '');
    assert.not.ok(pin.isSame(), 'replaced by a file');
    rmSync(path);
    symlinkSync(join(dir, 'away'), path);
    assert.ok(pin.isSame(), 'a link to it');
    pin.close();
  }),
);

test(
  'a file with a second link is the same, and not the only link',
  inTemp((dir) => {
    const path = join(dir, 'file');
    writeFileSync(path, '');
    const pin = PinnedPath.openFile(path);
    assert.ok(pin.isSame() && pin.isOnlyLink());
    linkSync(path, join(dir, 'second'));
    assert.ok(pin.isSame());
    assert.not.ok(pin.isOnlyLink());
  }),
);

for (const [what, pinned, found, isSame] of [
  ['the same inode number of more than 53 bits', 2n ** 60n + 1n, 2n ** 60n + 1n, true],
  ['another one that is equal as a double', 2n ** 60n + 1n, 2n ** 60n, false],
  ['one of 53 bits', 2n ** 53n - 1n, 2n ** 53n - 1n, true],
  ['another one that has more bits than the pinned one', 2n ** 53n - 1n, 2n ** 53n, false],
  ['one of 64 bits', 2n ** 63n + 5n, 2n ** 63n + 5n, true],
  ['another one of 64 bits that is equal as a double', 2n ** 63n + 5n, 2n ** 63n + 6n, false],
] as const) {
  test(`${what} is ${isSame ? 'the same' : 'not the same'} file`, () => {
    const patched = fs as { statSync: unknown };
    const { statSync } = fs;
    let ino: bigint = pinned;
    patched.statSync = (_: string, { bigint }: { bigint: boolean }) =>
      // As in Node.js: bigints are signed, doubles are not.
      bigint ? { dev: 1n, ino: BigInt.asIntN(64, ino), nlink: 1n } : { dev: 1, ino: Number(ino), nlink: 1 };
    syncBuiltinESMExports();
    try {
      const pin = PinnedPath.openFile('/of/another/file/system');
      ino = found;
      assert.is(pin.isSame(), isSame);
      assert.is(pin.isOnlyLink(), isSame);
    } finally {
      patched.statSync = statSync;
      syncBuiltinESMExports();
    }
  });
}

test.run();
