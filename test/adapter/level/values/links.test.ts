/**
 * Value files that get another name, lose their name, or become unwritable while the store runs.
 * The store writes only to files that it alone holds.
 */
import { spawn } from 'node:child_process';
import fs, {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  readlinkSync,
  writeSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diskFiles } from '../../../../src/base/files.js';
import { rejection } from '../../../support/faults.js';
import { inTemp } from '../../../support/temp.js';
import { WatchedFiles } from '../../wal/watched-files.js';
import { big, openSmall, type PlainStore, run, valueFiles } from './support.js';

const test = suite('separated values: links');

const { statSync, fstatSync, closeSync: close } = fs;
test.after.each(() => {
  Object.assign(fs, { statSync, fstatSync, closeSync: close });
  syncBuiltinESMExports();
});

/** Checks that every block of the lane has its acknowledged bytes. */
async function holds(dir: string, lane: string, count: number): Promise<void> {
  await using store = await openSmall(dir);
  const blocks = store.takeRecovered().blocks.get(lane) ?? [];
  assert.is(blocks.at(-1)?.number, BigInt(count - 1));
  for (const block of blocks) assert.equal(block, big(lane, Number(block.number)), `block ${block.number}`);
}

/** The path of a descriptor, from /proc. */
function pathOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}

/** True for a prepared file without appended values. */
function isUnwritten(path: string): boolean {
  return readFileSync(path).every((byte) => byte === 0);
}

// /proc tells which file a descriptor belongs to.
if (process.platform === 'linux') {
  test(
    'a link that is made right after the check of a file: no file stays in use with a closed descriptor',
    inTemp(async (dir) => {
      const store = await openSmall(join(dir, 'store'));
      await run(store, '0a', 0, 3, 100);
      let linked = '';
      const looked = (path: string, stat: fs.Stats | undefined) => {
        if (linked !== '' || !path.endsWith('.values') || Number(stat?.nlink) !== 1 || !isUnwritten(path)) return;
        linked = path;
        linkSync(path, join(dir, 'other-name'));
      };
      // The next file of the application reuses the number of the closed descriptor.
      let victim: number | undefined;
      Object.assign(fs, {
        statSync: (path: string, ...rest: []) => {
          const stat = statSync(path, ...rest);
          looked(String(path), stat);
          return stat;
        },
        fstatSync: (fd: number, ...rest: []) => {
          const stat = fstatSync(fd, ...rest);
          looked(pathOf(fd), stat);
          return stat;
        },
        closeSync: (fd: number) => {
          close(fd);
          if (linked === '' || victim !== undefined) return;
          victim = openSync(join(dir, 'victim'), 'w+');
          writeSync(victim, 'application data');
        },
      });
      syncBuiltinESMExports();
      await run(store, '0a', 3, 40, 100);
      assert.ok(linked !== '', 'a link was made');
      await store.close();
      if (victim !== undefined) {
        assert.is(statSync(join(dir, 'victim')).size, 'application data'.length, "bytes in the application's file");
        closeSync(victim);
      }
      await holds(join(dir, 'store'), '0a', 40);
    }),
  );
}

test(
  'another process that links value files at any moment: every round is acknowledged, and stored afterwards',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const store = await openSmall(location);
    await run(store, '0a', 0, 3, 40);
    const worker = spawn(
      process.execPath,
      [fileURLToPath(new URL('link-worker.js', import.meta.url)), location, join(dir, 'links')],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    try {
      await new Promise<void>((resolve) => worker.stdout.once('data', () => resolve()));
      await run(store, '0a', 3, 400, 40);
    } finally {
      worker.kill('SIGKILL');
      await ended;
      await store.close();
    }
    await holds(location, '0a', 400);
  }),
);

test(
  'another process removes the file that is appended to: the store fails, because its values are lost',
  inTemp(async (dir) => {
    const store = await openSmall(dir);
    await run(store, '0a', 0, 3, 100);
    for (const name of valueFiles(dir)) fs.unlinkSync(join(dir, 'values', name));
    const error = await rejection(store.persist({ blocks: [big('0a', 3)] }));
    assert.match(String((error as Error).message), /\.values was removed|ENOENT/);
    await store.close();
  }),
);

/**
 * Persists rounds until the files of the early rounds are free, and leaves those files unchanged.
 */
async function withFreeFiles(dir: string): Promise<void> {
  await using store = await openSmall(dir);
  await run(store, '0a', 0, 60, 2);
}

/**
 * Runs `use` as a user that is subject to file modes: root becomes the user with id 65534
 * meanwhile, and `dir` is given to that user.
 */
async function asOther(dir: string, use: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return use();
  const nobody = 65_534;
  fs.chownSync(dir, nobody, nobody);
  for (const name of fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }))
    fs.chownSync(join(dir, name), nobody, nobody);
  process.seteuid?.(nobody);
  try {
    await use();
  } finally {
    process.seteuid?.(0);
  }
}

test(
  'free files that cannot be opened for writing are dropped and replaced: rounds are not refused',
  inTemp(async (dir) => {
    await withFreeFiles(dir);
    const before = valueFiles(dir);
    const files = new WatchedFiles();
    const renamed = new Set<string>();
    files.before = ({ kind, path, to }) => {
      if (kind === 'rename' && !path.endsWith('.preparing')) renamed.add(to as string);
      if (kind === 'open' && renamed.has(path))
        throw Object.assign(new Error(`EACCES: permission denied, open '${path}'`), { code: 'EACCES' });
    };
    const store = await openSmall(dir, { files });
    await run(store, '0a', 60, 90, 2);
    await store.close();
    assert.ok(renamed.size > 0, 'free files were tried');
    for (const path of renamed) assert.not.ok(existsSync(path), `${path} was dropped`);
    assert.ok(before.length > 0);
    await holds(dir, '0a', 90);
  }),
);

if (process.getuid !== undefined) {
  test(
    'free files that are read-only, as from a backup: the store opens, drops them, and makes others',
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      await withFreeFiles(location);
      for (const name of valueFiles(location)) chmodSync(join(location, 'values', name), 0o400);
      const before = valueFiles(location);
      await asOther(dir, async () => {
        await using store = await openSmall(location);
        await run(store, '0a', 60, 120, 2);
      });
      const modes = valueFiles(location).map((name) => statSync(join(location, 'values', name)).mode & 0o777);
      assert.ok(before.length >= 2 && modes.includes(0o600), `${before.length} files before, modes ${modes}`);
      await holds(location, '0a', 120);
    }),
  );
}

test(
  'a free file that another process has truncated is dropped: appending to it would need unprepared space',
  inTemp(async (dir) => {
    await withFreeFiles(dir);
    const files = new WatchedFiles();
    const cut: string[] = [];
    const open = files.open.bind(files);
    files.open = async (path, mode, how) => {
      if (!how.empty && cut.length < 2) {
        cut.push(path);
        fs.truncateSync(path, 4096);
      }
      return open(path, mode, how);
    };
    const store: PlainStore = await openSmall(dir, { files });
    await run(store, '0a', 60, 90, 2);
    await store.close();
    assert.is(cut.length, 2);
    const written = files.done.filter(({ kind, path }) => kind === 'write' && cut.includes(path));
    assert.is(written.length, 0, 'no write to the truncated file');
    await holds(dir, '0a', 90);
  }),
);

test(
  'a closed file is not touched: its descriptor number may belong to another file',
  inTemp(async (dir) => {
    const file = await diskFiles.open(join(dir, 'file'), 0o600, { empty: true });
    await file.close();
    const victim = openSync(join(dir, 'victim'), 'w+');
    writeSync(victim, 'application data');
    const bytes = new Uint8Array(100_000).fill(1);
    for (const call of [
      () => file.write([bytes], 0),
      () => file.write([bytes.subarray(0, 10)], 0),
      () => file.writeSynced([bytes], 0),
      () => file.truncate(0),
      () => file.sync(),
      async () => file.status(),
    ]) {
      assert.match(String(((await rejection(call)) as Error).message), /was closed/);
    }
    closeSync(victim);
    assert.is(readFileSync(join(dir, 'victim'), 'latin1'), 'application data');
  }),
);

test.run();
