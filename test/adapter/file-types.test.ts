/**
 * A state directory that another user prepared: links in it are never written through, and a FIFO
 * does not block the process.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openWal } from '../../src/adapter/wal/index.js';
import { diskFiles } from '../../src/base/files.js';
import { rejection, tree } from '../support/faults.js';
import { spawnWorker } from '../support/kill.js';
import { plain, plainAnchor, plainBlock, plainQC } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { openSmall, run, valueFiles } from './level/values/support.js';

const test = suite('file types');

const WORKER = new URL('./types-worker.js', import.meta.url);

/**
 * Puts another type of file at `path`, which may be absent. A link points to the file that was
 * there, or to the secret.
 */
const makers = {
  link: (path: string, secret: string) => {
    const moved = `${secret}-${basename(path)}`;
    if (existsSync(path)) renameSync(path, moved);
    symlinkSync(existsSync(moved) ? moved : secret, path);
  },
  FIFO: (path: string) => {
    rmSync(path, { recursive: true, force: true });
    execFileSync('mkfifo', [path]);
  },
  directory: (path: string) => {
    rmSync(path, { force: true });
    mkdirSync(path);
  },
  file: (path: string) => {
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, 'a file');
  },
};

interface Case {
  readonly type: keyof typeof makers;
  /** Path relative to the location. */
  readonly file: string;
}

const links = (...files: string[]): Case[] => files.map((file) => ({ type: 'link', file }));
const fifos = (...files: string[]): Case[] => files.map((file) => ({ type: 'FIFO', file }));
const directories = (...files: string[]): Case[] => files.map((file) => ({ type: 'directory', file }));
const files = (...names: string[]): Case[] => names.map((file) => ({ type: 'file', file }));

/** The outcome of one call for each location. */
async function outcomes(call: string, locations: readonly string[]): Promise<{ code?: string; files: string[] }[]> {
  const worker = spawnWorker(WORKER, [call, ...locations]);
  const { signal, stderr } = await worker.ended;
  const at = locations[worker.lines.length];
  if (at !== undefined) throw new Error(`${call} of ${basename(at)}: ${signal === null ? stderr : 'it hangs'}`);
  return worker.lines.map((line) => JSON.parse(line));
}

/**
 * Applies each case to a copy of `location` and makes each call on each copy. Every call must be
 * refused with `code`, name the file, and write nothing.
 */
async function allRefused(dir: string, location: string, cases: readonly Case[], calls: Record<string, string>) {
  const secret = join(dir, 'secret');
  writeFileSync(secret, 'precious '.repeat(2000));
  const copies = cases.map(({ type, file }) => {
    const copy = join(dir, `${type} ${file.replaceAll('/', ' ')}`);
    cpSync(location, copy, { recursive: true });
    mkdirSync(`${copy}-before`);
    makers[type](join(copy, file), join(`${copy}-before`, 'secret'));
    const target = join(`${copy}-before`, 'secret');
    if (!existsSync(target)) cpSync(secret, target);
    return copy;
  });
  const before = copies.map((copy) => [tree(copy), tree(`${copy}-before`)]);
  for (const [call, code] of Object.entries(calls)) {
    const found = await outcomes(call, copies);
    for (const [i, { file, type }] of cases.entries()) {
      assert.equal(found[i], { code, files: [file] }, `${call}, ${type} as ${file}`);
      const now = [tree(copies[i]!), tree(`${copies[i]}-before`)];
      assert.equal(
        now.map((entries) => [...entries]),
        before[i]!.map((entries) => [...entries]),
        `${call}, ${type} as ${file}: the files`,
      );
    }
  }
  assert.equal(
    readdirSync(dir).filter((name) => /snapshot|imported|copy-/.test(name)),
    [],
  );
}

test(
  'a level store: each call refuses the file, names it, and writes nothing',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    {
      await using store = await openSmall(location);
      await run(store, '0a', 0, 8, 3);
    }
    const values = valueFiles(location);
    const next = `values/${(BigInt(parseInt(values.at(-1)!, 10)) + 1n).toString().padStart(20, '0')}.preparing`;
    const level = readdirSync(join(location, 'level'));
    const log = level.find((name) => name.endsWith('.log')) as string;
    const nextLog = `${String(parseInt(log, 10) + 2).padStart(6, '0')}.log`;
    await allRefused(
      dir,
      location,
      [
        ...links(
          'witness',
          `values/${values[0]}`,
          next,
          'values',
          'level',
          'level/LOCK',
          'level/CURRENT',
          `level/${nextLog}`,
        ),
        ...fifos('witness', `values/${values[0]}`, next, 'level/LOCK', 'level/LOG', `level/${log}`, `level/${nextLog}`),
        ...directories('witness', 'witness.new', `values/${values[0]}`, next, 'level/LOCK', 'level/CURRENT'),
        ...directories(`level/${log}`, `level/${nextLog}`),
        ...files('values'),
      ],
      {
        openLevel: 'LANESTORE_CORRUPT',
        openView: 'LANESTORE_CORRUPT',
        verify: 'LANESTORE_CORRUPT',
        snapshot: 'LANESTORE_CORRUPT',
        migrateStore: 'LANESTORE_CORRUPT',
        importState: 'LANESTORE_CORRUPT',
      },
    );
  }),
);

test(
  'a WAL: opening and importing refuse the file, name it, and write nothing',
  inTemp(async (dir) => {
    const location = join(dir, 'state');
    {
      await using store = await openWal(location, { model: plain });
      await store.persist({ blocks: [plainBlock('0a', 0)], commitQCs: [plainQC(0)], inner: new Uint8Array([1]) });
      await store.persist({ anchor: plainAnchor(0), blocks: [plainBlock('0a', 1)], commitQCs: [plainQC(1)] });
    }
    const segment = (log: string) => `${log}/${readdirSync(join(location, log)).sort().at(-1)}`;
    const cases = [
      ...links('blocks', 'blocks/0a', segment('blocks/0a'), 'commitqcs', `${segment('commitqcs')}.START.TEMP`),
      ...links('avail_inner_a.pb', 'inner_b.pb'),
      ...fifos('blocks/0a', segment('blocks/0a'), segment('commitqcs'), 'avail_inner_b.pb', 'inner_a.pb'),
      ...directories('avail_inner_a.pb', 'inner_b.pb'),
      ...files('blocks', 'commitqcs'),
    ];
    await allRefused(dir, location, cases, { openWal: 'LANESTORE_CORRUPT', importState: 'LANESTORE_IMPORT' });
    const own = join(dir, 'own');
    mkdirSync(own);
    await allRefused(own, location, [...links('lock/LOCK', 'torn', 'lock'), ...fifos('lock/LOG'), ...files('torn')], {
      openWal: 'LANESTORE_CORRUPT',
    });
  }),
);

test(
  'a foreign file under a name that the store creates is replaced, never written through',
  inTemp(async (dir) => {
    const [secret, path] = [join(dir, 'secret'), join(dir, 'file')];
    writeFileSync(secret, 'precious');
    for (const put of [() => symlinkSync(secret, path), () => linkSync(secret, path), () => makers.FIFO(path)]) {
      put();
      const file = await diskFiles.open(path, 0o600, { empty: true, synced: true });
      await file.writeSynced([Buffer.from('ours')], 0);
      await file.close();
      assert.ok(lstatSync(path).isFile());
      assert.is(readFileSync(path, 'latin1'), 'ours');
      assert.is(readFileSync(secret, 'latin1'), 'precious');
      rmSync(path);
    }
    for (const put of [() => symlinkSync(secret, path), () => makers.FIFO(path), () => mkdirSync(path)]) {
      put();
      const error = await rejection(diskFiles.open(path, 0o600, { empty: false }));
      assert.match((error as Error).message, /is a (symbolic link|FIFO)|EISDIR/);
      rmSync(path, { recursive: true });
    }
  }),
);

test(
  'a symbolic link in the path of a location is followed, and a link under an unused name is left alone',
  inTemp(async (dir) => {
    const real = join(dir, 'real', 'parent');
    mkdirSync(real, { recursive: true });
    symlinkSync(join(dir, 'real'), join(dir, 'link'));
    const location = join(dir, 'link', 'parent', 'store');
    for (let round = 0; round < 2; round++) {
      await using store = await openSmall(location);
      await run(store, '0a', round * 3, round * 3 + 3, 100);
      if (round === 0) symlinkSync(dirname(location), join(location, 'notes'));
    }
  }),
);

test.run();
