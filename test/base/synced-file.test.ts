/**
 * Synced writes to real files: one system call where possible, and no second try after a short
 * write.
 */
import fs, { constants, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diskFiles } from '../../src/base/files.js';
import { openSmall, run } from '../adapter/level/values/support.js';
import { inTemp } from '../support/temp.js';

const test = suite('files: synced writes');

type Done = (error: Error | null) => void;

const MODE = 0o600;
const { writev, fdatasync } = fs;
const writeAll = writev as (fd: number, chunks: Uint8Array[], at: number, done: Done) => void;

/** The requested operations: the chunks of each write, and each fdatasync. */
let calls: (number | 'fdatasync')[] = [];
/** Bytes that the next write omits. */
let missing = 0;

test.before(() => {
  const watchedWrite = (fd: number, chunks: Uint8Array[], at: number, done: Done) => {
    calls.push(chunks.length);
    const all = Buffer.concat(chunks);
    const part = all.subarray(0, all.length - missing);
    missing = 0;
    writeAll(fd, [part], at, done);
  };
  const watchedSync = (fd: number, done: Done) => {
    calls.push('fdatasync');
    fdatasync(fd, done);
  };
  Object.assign(fs, { writev: watchedWrite, fdatasync: watchedSync });
  syncBuiltinESMExports();
});
test.after(() => {
  Object.assign(fs, { writev, fdatasync });
  syncBuiltinESMExports();
});
test.before.each(() => {
  calls = [];
  missing = 0;
});

/** 3,000 chunks of 1 to 97 bytes. */
const CHUNKS = Array.from({ length: 3000 }, (_, i) => new Uint8Array(1 + (i % 97)).fill(1 + (i % 255)));

for (const synced of [true, false]) {
  test(
    `all bytes are written and synced: a file that was ${synced ? '' : 'not '}opened for that`,
    inTemp(async (dir) => {
      const path = join(dir, 'file');
      const file = await diskFiles.open(path, MODE, { empty: true, synced });
      await Promise.all([file.writeSynced(CHUNKS, 7), file.writeSynced([new Uint8Array(7).fill(9)], 0)]);
      await file.close();
      const expected = Buffer.concat([new Uint8Array(7).fill(9), ...CHUNKS]);
      assert.is(Buffer.compare(readFileSync(path), expected), 0);
      const oneCall = synced && process.platform === 'linux';
      assert.is(calls.includes('fdatasync'), !oneCall);
      if (oneCall) assert.equal(calls, [1024, 1, 1024, 952], 'no call exceeds the limit of the system');
    }),
  );
}

test(
  'a file system that refuses the flag: a synced write is a write and an fdatasync; the store stays usable',
  inTemp(async (dir) => {
    const { open } = fs;
    const openFile = open as (...args: unknown[]) => void;
    let refused = 0;
    const refusing = (path: string, flags: number, mode: number, done: Done) => {
      if ((flags & constants.O_DSYNC) === 0) return openFile(path, flags, mode, done);
      refused++;
      done(Object.assign(new Error(`EINVAL: invalid argument, open '${path}'`), { code: 'EINVAL' }));
    };
    Object.assign(fs, { open: refusing });
    syncBuiltinESMExports();
    try {
      const file = await diskFiles.open(join(dir, 'file'), MODE, { empty: true, synced: true });
      await file.writeSynced(CHUNKS, 0);
      await file.close();
      assert.is(calls.at(-1), 'fdatasync');
      assert.is(Buffer.compare(readFileSync(join(dir, 'file')), Buffer.concat(CHUNKS)), 0);
      const location = join(dir, 'store');
      for (const [from, to] of [
        [0, 20],
        [20, 40],
      ] as const) {
        await using store = await openSmall(location);
        await run(store, '0a', from, to, 3);
        assert.ok(store.valueUsage.liveBytes > 0, 'values are separated');
      }
      assert.ok(process.platform !== 'linux' || refused > 1, 'new files and reused files');
    } finally {
      Object.assign(fs, { open });
      syncBuiltinESMExports();
    }
  }),
);

/** For each descriptor of this process below `dir`: whether the kernel syncs its writes. */
function syncedDescriptors(dir: string): boolean[] {
  const synced: boolean[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    let path: string;
    try {
      path = readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      continue; // the descriptor of this listing
    }
    // The directory itself is open, too.
    if (!path.startsWith(dir) || statSync(`/proc/self/fd/${fd}`).isDirectory()) continue;
    const [, flags = ''] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
    synced.push((Number.parseInt(flags, 8) & constants.O_DSYNC) !== 0);
  }
  return synced;
}

if (process.platform === 'linux') {
  test(
    'O_DSYNC is in effect: the kernel reports it for the descriptor',
    inTemp(async (dir) => {
      for (const synced of [true, false]) {
        const file = await diskFiles.open(join(dir, `${synced}`), MODE, { empty: true, synced });
        assert.equal(syncedDescriptors(join(dir, `${synced}`)), [synced]);
        await file.close();
      }
      await using store = await openSmall(join(dir, 'store'));
      await run(store, '0a', 0, 40, 3);
      const ofValues = syncedDescriptors(`${join(dir, 'store', 'values')}/`);
      assert.ok(ofValues.length > 0);
      assert.ok(
        ofValues.every((synced) => synced),
        'value files that are new, and value files that are reused',
      );
    }),
  );

  test(
    'a short write is an error: writing the rest could lose an error of the kernel',
    inTemp(async (dir) => {
      const file = await diskFiles.open(join(dir, 'file'), MODE, { empty: true, synced: true });
      missing = 1;
      const error = await file.writeSynced(CHUNKS, 0).catch((thrown: Error) => thrown);
      assert.instance(error, Error);
      assert.match((error as Error).message, /bytes were written/);
      assert.equal(calls, [1024]);
      await file.close();
    }),
  );
}

test.run();
