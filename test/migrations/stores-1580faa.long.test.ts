/**
 * Stores that an earlier build wrote (commit 1580faa, test/fixtures/stores-1580faa), in format 1
 * and before. Views, manifests and exports read them unchanged, with exactly the content that the
 * earlier build read. After a migration they open with the same content, and with every part of
 * their votes closed.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
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
import { unpackStore } from './stores-1580faa.js';

const test = suite('migrations: stores of 1580faa');

const OPTIONS = { model: autobahn, checks: entryChecks() };

/** The results of 1580faa for a store. */
interface Expected {
  readonly manifest: Manifest;
  /** The hash of an export; or the code and the message with which it was refused. */
  readonly exports: Readonly<Record<OriginalLayout, string>>;
}

const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(fixture('stores-1580faa', `${name}.json`), 'utf8'));

/** Computed as in make.mjs. */
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

/** Opens the store for writing, closes it, and returns the recovered entries. */
async function openedAt(location: string, isStore: boolean): Promise<Manifest> {
  const options = { model: autobahn, createIfMissing: false };
  await using store = await (isStore ? openLevel(location, options) : openWal(location, options));
  return JSON.parse(JSON.stringify(manifestOf(store.takeRecovered())));
}

/** The content that each store must have for the fixture to be useful. */
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
      assert.ok(isAsMeant(unpackStore(name, location)));
      const isStore = name !== 'wal';
      const format = name === 'format-0' ? 0 : 1;
      const migrated = async () => {
        const error = await refused(openLevel(location, { model: autobahn }), 'LANESTORE_SCHEMA');
        assert.match(error.message, new RegExp(`has format ${format}; .*lanestore migrate`));
        const dry = await migrateStore(location, { ...OPTIONS, dryRun: true });
        const report = await migrateStore(location, OPTIONS);
        assert.equal([report.from, report.to, report.steps], [format, 2, dry.steps]);
        assert.equal((await migrateStore(location, OPTIONS)).steps, []);
      };
      if (name === 'format-0') await migrated();
      const { manifest, exports } = expectedOf(name);
      const { votes: before, ...found } = await manifestAt(location, isStore);
      assert.equal([found, before === undefined], [manifest, name !== 'format-0']);
      for (const layout of ORIGINAL_LAYOUTS) {
        const target = join(dir, layout);
        const exported = exportState(location, target, layout, {
          ...OPTIONS,
          dropSigningState: name === 'format-0',
        }).then(
          () => hashOf(target),
          ({ code, message }) => `${code}: ${message.slice(message.indexOf(':') + 2)}`,
        );
        assert.is(await exported, exports[layout], layout);
      }
      if (isStore && name !== 'format-0') await migrated();
      assert.equal(await openedAt(location, isStore), manifest);
      const { votes, ...entries } = await manifestAt(location, isStore);
      assert.equal(entries, manifest);
      assert.equal(votes?.closed, isStore ? ['app', 'lanes', 'own', 'rounds'] : undefined);
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
      unpackStore(name, dir);
      await migrateStore(dir, OPTIONS);
      const keysLeft = async () =>
        withRaw(dir, async (db) => (await db.keys({ gt: `lane/${lane}/`, lt: `lane/${lane}0` }).all()).length);
      const live = expectedOf(name).manifest.lanes[lane]?.length ?? 0;
      assert.ok((await keysLeft()) > live + 4096, 'more is stale than one batch deletes');
      for (let tries = 0; (await keysLeft()) > live; tries++) {
        assert.ok(tries < 100, 'still stale');
        await openedAt(dir, true);
      }
      const { votes: _, ...entries } = await manifestAt(dir, true);
      assert.equal(entries, expectedOf(name).manifest);
    }),
  );
}

test.run();
