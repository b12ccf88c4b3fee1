/**
 * How an earlier build (commit 1580faa, which supports formats 0 and 1) handles stores of format 2:
 * it refuses each with LANESTORE_SCHEMA, which names both formats. Its views, `verify` and
 * `snapshot` change no byte. Its `openLevel` and `migrateStore` let LevelDB open the database
 * before they read the schema, so LevelDB replaces its log and MANIFEST; every record stays, and
 * this version opens the store afterwards.
 */
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, entryChecks, migrateStore, openGuard, openLevel, openView, releaseStore } from '../../src/index.js';
import { publicKeyOf } from '../../src/model/autobahn/index.js';
import { copyOpen } from '../support/copy-open.js';
import { dump, rejection, tree } from '../support/faults.js';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { proposalMsg } from '../support/vote-messages.js';
import { treeHash } from './states.js';
import { unpackStore } from './stores-1580faa.js';

const test = suite('stores of format 2 and the build 1580faa');

const OPTIONS = { model: autobahn, checks: entryChecks() };
const SECRET = new Uint8Array(32).fill(1);

/** The code of 1580faa, with the dependencies of this version. */
async function olderBuild(dir: string): Promise<typeof import('../../src/index.js')> {
  unpackStore('build', dir);
  symlinkSync(join(packageRoot, 'node_modules'), join(dir, 'node_modules'), 'junction');
  return import(pathToFileURL(join(dir, 'index.mjs')).href);
}

async function migrated(name: string, location: string): Promise<string> {
  unpackStore(name, location);
  await migrateStore(location, OPTIONS);
  return location;
}

/** Stores of format 2 in `dir`, by what they are. */
async function makeStores(dir: string): Promise<Record<string, string>> {
  const at = (name: string) => join(dir, name);
  await (await openLevel(at('created'), { model: autobahn })).close();
  const voting = await migrated('values-killed', at('voting'));
  await releaseStore(voting, { model: autobahn, reason: 'a test', asIs: true, signer: publicKeyOf(SECRET) });
  {
    await using store = await openLevel(voting, { model: autobahn });
    await using guard = await openGuard({ store, model: autobahn, key: SECRET });
    const vote = proposalMsg('prepareVote', Number(store.cursors.commitQCs.next), 0, 0);
    await guard.round({ votes: [vote], inner: () => new Uint8Array(0) });
    copyOpen(voting, at('killed'));
  }
  return {
    'just created': at('created'),
    'migrated from small records': await migrated('inline', at('inline')),
    'migrated from value files': await migrated('values', at('values')),
    'with votes, closed': voting,
    'with votes, killed': at('killed'),
  };
}

test(
  'each is refused with LANESTORE_SCHEMA, no record changes, and this version opens it afterwards',
  inTemp(async (dir) => {
    const old = await olderBuild(join(dir, 'build'));
    const options = { model: old.autobahn, checks: old.entryChecks() };
    const { model } = options;
    // Control: the build opens a packed store of its own format.
    unpackStore('inline', join(dir, 'own'));
    await (await old.openLevel(join(dir, 'own'), { model })).close();
    const reads = {
      openView: async (path: string) => {
        await using view = await old.openView(path, { model });
        if (view.refusal !== undefined) throw view.refusal;
      },
      verify: (path: string) => old.verify(path, { model }),
      snapshot: (path: string) => old.snapshot(path, `${path}-snapshot`, { model }),
    };
    const writes = {
      openLevel: (path: string) => old.openLevel(path, { model }),
      acceptRollback: (path: string) => old.openLevel(path, { model, acceptRollback: { seq: 1n } }),
      'migrateStore, dry run': (path: string) => old.migrateStore(path, { ...options, dryRun: true }),
      migrateStore: (path: string) => old.migrateStore(path, options),
    };
    for (const [what, location] of Object.entries(await makeStores(join(dir, 'stores')))) {
      const refuses = async (name: string, call: (path: string) => Promise<unknown>) => {
        const error = (await rejection(call(location))) as { code: string; message: string };
        assert.is(error.code, 'LANESTORE_SCHEMA', `${name}, ${what}: ${error.message}`);
        assert.match(error.message, /has format 2; this version (reads|has) format 1/);
      };
      const bytes = treeHash(location);
      for (const [name, call] of Object.entries(reads)) {
        await refuses(name, call);
        assert.is(treeHash(location), bytes, `${name}, ${what}`);
      }
      const votes = async () => {
        await using view = await openView(location, { model: autobahn });
        assert.equal(view.findings, []);
        return view.votes;
      };
      const [files, given] = [tree(location), await votes()];
      const copy = join(dir, 'copy', what);
      cpSync(location, copy, { recursive: true });
      const records = await dump(copy);
      for (const [name, call] of Object.entries(writes)) await refuses(name, call);
      for (const [path, digest] of tree(location)) {
        if (!path.startsWith('level')) assert.is(digest, files.get(path), `${path}, ${what}`);
      }
      assert.equal(await votes(), given);
      await using store = await openLevel(location, { model: autobahn });
      assert.equal(store.votes?.durable, given);
      await store.close();
      assert.equal(await dump(location), records, what);
    }
  }),
);

test.run();
