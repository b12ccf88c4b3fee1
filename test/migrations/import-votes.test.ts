/**
 * An import keeps what the state tells of the votes of its key, and closes them before the store
 * has its name.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { amendStore, NO_STORED_VOTES, type StoredVotes } from '../../src/adapter/level/conversion.js';
import { encodeAB } from '../../src/adapter/wal/ab-format.js';
import { autobahn, importState, openLevel, openView, releaseStore } from '../../src/index.js';
import { refused } from '../support/faults.js';
import { innerState } from '../support/inner.js';
import { makeNetwork } from '../support/network.js';
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

test(
  'of a store that no key is bound to: floors of lanes, and why it is closed, are kept',
  inTemp(async (dir) => {
    const [source, copy] = [join(dir, 'source'), join(dir, 'copy')];
    const net = makeNetwork({ validators: 1 });
    const [lane = ''] = net.laneIds;
    const votes: StoredVotes = {
      ...NO_STORED_VOTES,
      laneFloors: new Map([[lane, 7n]]),
      sinks: { names: ['a'], quorum: 1 },
      quarantine: { parts: ['own'], why: 'handed over', when: 'then', seq: 1n, heir: new Uint8Array(16), lost: true },
    };
    await (await openLevel(source, { model: autobahn })).close();
    await amendStore(source, { model: autobahn }, () => ({ votes, event: { event: 'a test' } }));
    await importState(source, copy, OPTIONS);
    const { laneFloors, sinks, quarantine, signer } = await votesAt(copy);
    assert.equal([[...laneFloors], sinks, signer], [[[lane, 7n]], votes.sinks, undefined]);
    assert.equal(
      [quarantine?.heir, quarantine?.lost, [...quarantine!.parts].sort()],
      [new Uint8Array(16), true, [...ALL].sort()],
    );
    await refused(
      releaseStore(copy, { model: autobahn, reason: 'a test', asIs: true, signer: new Uint8Array(32) }),
      'LANESTORE_INVALID',
      /handed its votes/,
    );
  }),
);

test.run();
