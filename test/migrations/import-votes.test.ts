/**
 * An import keeps what the state tells of the votes of its key, and closes them before the store
 * has its name.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeAB } from '../../src/adapter/wal/ab-format.js';
import { autobahn, importState, openView, releaseStore } from '../../src/index.js';
import { innerState } from '../support/inner.js';
import { inTemp } from '../support/temp.js';
import { copyState, OPTIONS } from './states.js';

const test = suite('migrations: votes of an import');
const ALL = ['rounds', 'app', 'lanes', 'own'];

async function votesAt(location: string) {
  await using view = await openView(location, { model: autobahn });
  assert.equal(view.findings, []);
  return view.votes!;
}

test(
  'of a directory: from inner state and anchor; of a store: its own; both are closed',
  inTemp(async (dir) => {
    const [source, store, copy] = [copyState('wal', dir), join(dir, 'store'), join(dir, 'copy')];
    writeFileSync(join(source, 'inner_a.pb'), encodeAB('wrapper', 5n, innerState(7)));
    await importState(source, store, OPTIONS);
    const imported = await votesAt(store);
    assert.equal(imported.quarantine?.parts, ALL);
    assert.ok(imported.signer !== undefined && imported.logs.has('proposal') && imported.logs.has('app'));
    const floors = new Map([['app', [1_000_000n]]]);
    await releaseStore(store, { model: autobahn, reason: 'a test', floors, open: ALL.slice(1, 2) as never });
    const released = await votesAt(store);
    assert.equal(released.quarantine?.parts, ['rounds', 'lanes', 'own']);
    await importState(store, copy, OPTIONS);
    const again = await votesAt(copy);
    assert.equal([...(again.quarantine?.parts ?? [])].sort(), [...ALL].sort());
    assert.equal(again.logs, released.logs);
    assert.equal(again.signer, released.signer);
  }),
);

test(
  'without an inner state no key is known, and nothing is signed',
  inTemp(async (dir) => {
    await importState(copyState('wal-no-anchor', dir), join(dir, 'store'), OPTIONS);
    const { signer, quarantine, logs } = await votesAt(join(dir, 'store'));
    assert.equal([signer, quarantine?.parts, logs.size], [undefined, ALL, 0]);
  }),
);

test.run();
