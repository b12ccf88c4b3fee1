/**
 * Stores that an earlier build wrote (commit 1580faa, test/fixtures/stores-1580faa): they open with the content that that build saw in them,
 * and their exports are the same to the byte.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  autobahn,
  entryChecks,
  exportState,
  migrateStore,
  type OriginalLayout,
  openLevel,
  openView,
  openWal,
} from '../../src/index.js';
import { type Manifest, manifestChunks, manifestOf, stateOfView } from '../../src/inspector/index.js';
import { ORIGINAL_LAYOUTS, openState } from '../../src/migrations/index.js';
import { refused, withRaw } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('migrations: stores of 1580faa');

const OPTIONS = { model: autobahn, checks: entryChecks() };

/** What 1580faa said of a store. */
interface Expected {
  readonly manifest: Manifest;
  /** The hash of an export; or the code and the message with which it was refused. */
  readonly exports: Readonly<Record<OriginalLayout, string>>;
}

const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(fixture('stores-1580faa', `${name}.json`), 'utf8'));

/** Writes the files of a store below `location`; gives their names. */
function unpack(name: string, location: string): string[] {
  const packed = brotliDecompressSync(readFileSync(fixture('stores-1580faa', `${name}.files.br`)));
  const head = packed.indexOf('\n');
  const files: [string, number][] = JSON.parse(packed.subarray(0, head).toString());
  let at = head + 1;
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(location, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(location, path), packed.subarray(at, at + bytes), { mode: 0o600 });
    at += bytes;
  }
  return files.map(([path]) => path);
}

/** As make.mjs computes it. */
function hashOf(directory: string): string {
  const hash = createHash('sha256');
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of entries.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    const bytes = readFileSync(path);
    hash.update(`${relative(directory, path)} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

async function manifestAt(location: string, isStore: boolean): Promise<Manifest> {
  let text = '';
  if (isStore) {
    await using view = await openView(location, { model: autobahn });
    for await (const chunk of manifestChunks(stateOfView(view))) text += chunk;
    assert.equal(view.findings, []);
  } else {
    const source = await openState(location, autobahn);
    for await (const chunk of manifestChunks(source)) text += chunk;
    await source.close();
  }
  return JSON.parse(text);
}

/** Opens the store to write, closes it, and gives what it recovered. */
async function openedAt(location: string, isStore: boolean): Promise<Manifest> {
  const options = { model: autobahn, createIfMissing: false };
  await using store = await (isStore ? openLevel(location, options) : openWal(location, options));
  return JSON.parse(JSON.stringify(manifestOf(store.takeRecovered())));
}

/** What of each store must be there, or the fixture shows nothing. */
const STORES: Record<string, (files: readonly string[]) => boolean> = {
  inline: (files) => files.includes('witness') && !files.some((file) => file.startsWith('values/')),
  values: (files) => files.filter((file) => file.startsWith('values/')).length > 3,
  'values-killed': (files) => files.filter((file) => file.startsWith('values/')).length > 1,
  sweep: (files) => files.includes('witness'),
  drops: (files) => files.includes('witness'),
  'format-0': (files) => !files.includes('witness'),
  wal: (files) => files.filter((file) => file.startsWith('commitqcs/')).length > 1,
};

for (const [name, isAsMeant] of Object.entries(STORES)) {
  test(
    `${name}: the same manifest, seen from beside and opened, and the same exports`,
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      assert.ok(isAsMeant(unpack(name, location)));
      const isStore = name !== 'wal';
      if (name === 'format-0') {
        await refused(openLevel(location, { model: autobahn }), 'LANESTORE_SCHEMA');
        await migrateStore(location, OPTIONS);
      }
      const { manifest, exports } = expectedOf(name);
      assert.equal(await manifestAt(location, isStore), manifest);
      for (const layout of ORIGINAL_LAYOUTS) {
        const target = join(dir, layout);
        const exported = exportState(location, target, layout, OPTIONS).then(
          () => hashOf(target),
          ({ code, message }) => `${code}: ${message.slice(message.indexOf(':') + 2)}`,
        );
        assert.is(await exported, exports[layout], layout);
      }
      assert.equal(await openedAt(location, isStore), manifest);
      assert.equal(await manifestAt(location, isStore), manifest);
    }),
  );
}

for (const [name, lane] of [
  ['sweep', '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c'],
  ['drops', '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c'],
] as const) {
  test(
    `${name}: the sweep that the writer did not end goes on`,
    inTemp(async (dir) => {
      unpack(name, dir);
      const keysLeft = async () =>
        withRaw(dir, async (db) => (await db.keys({ gt: `lane/${lane}/`, lt: `lane/${lane}0` }).all()).length);
      const live = expectedOf(name).manifest.lanes[lane]?.length ?? 0;
      assert.ok((await keysLeft()) > live + 4096, 'more is stale than one batch deletes');
      for (let tries = 0; (await keysLeft()) > live; tries++) {
        assert.ok(tries < 100, 'still stale');
        await openedAt(dir, true);
      }
      assert.equal(await manifestAt(dir, true), expectedOf(name).manifest);
    }),
  );
}

test.run();
