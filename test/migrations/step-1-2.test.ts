/**
 * The step from format 1 to format 2: what it takes out of a store that kept no votes, and that a
 * crash leaves either the one or the other.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Engine } from '../../src/adapter/level/conversion.js';
import { autobahn, entryChecks, migrateStore, openLevel, openView, verify } from '../../src/index.js';
import { codecs } from '../../src/model/autobahn/index.js';
import { refused } from '../support/faults.js';
import { Random, RandomKills, spawnWorker, testSeed } from '../support/kill.js';
import { inTemp } from '../support/temp.js';
import { makeEmptyStore, unpackStore } from './stores-1580faa.js';

const OPTIONS = { model: autobahn, checks: entryChecks() };
const test = suite('migrations: format 1 to 2');

const formatOf = async (location: string): Promise<number | undefined> => {
  await using view = await openView(location, { model: autobahn });
  assert.equal(view.findings, []);
  return view.schema?.format;
};

test(
  'the votes in the inner state and the anchor are kept; a dry run reports the same and writes nothing',
  inTemp(async (dir) => {
    unpackStore('inline', dir);
    const before = await (async () => {
      await using view = await openView(dir, { model: autobahn });
      assert.equal([view.schema?.format, view.votes, view.tip?.votes], [1, undefined, null]);
      assert.match(view.notes.join(), /has format 1, which can be read/);
      return { tip: view.tip!, anchor: view.anchor!, inner: view.inner! };
    })();
    assert.equal((await verify(dir, { model: autobahn })).findings, []);
    const dry = await migrateStore(dir, { ...OPTIONS, dryRun: true });
    assert.is(await formatOf(dir), 1);
    assert.equal(await migrateStore(dir, OPTIONS), dry);
    const given = codecs.persistedInner.fromWire(before.inner).timeoutVote!.vote;
    await using store = await openLevel(dir, { model: autobahn });
    assert.equal(store.seq, before.tip.seq + 1n);
    const { signer, logs, quarantine } = store.votes!.durable;
    assert.equal(signer, given.sig.key);
    const { index, number } = given.msg.view;
    assert.equal(logs.get('timeout')?.watermark?.at, [index, number]);
    assert.equal(logs.get('proposal'), { watermark: undefined, floor: [index, number] });
    assert.equal(logs.get('app'), { watermark: undefined, floor: [before.anchor.appQC.vote.globalNumber] });
    assert.equal(quarantine?.parts, ['rounds', 'app', 'lanes', 'own']);
    assert.is(quarantine?.seq, store.seq);
    const vote = { kind: 'timeoutVote', value: given.msg } as const;
    await refused(store.persist({ votes: [vote] }), 'LANESTORE_QUARANTINED');
  }),
);

test(
  'a store that 1580faa would refuse is refused, and stays as it is',
  inTemp(async (dir) => {
    unpackStore('inline', dir);
    rmSync(join(dir, 'witness'));
    await refused(migrateStore(dir, OPTIONS), 'LANESTORE_CORRUPT', /witness/);
    await refused(migrateStore(dir, { ...OPTIONS, dryRun: true }), 'LANESTORE_CORRUPT', /witness/);
    await using view = await openView(dir, { model: autobahn });
    assert.is(view.schema?.format, 1);
  }),
);

test(
  'a store that was created and never opened, without a witness, opens afterwards',
  inTemp(async (dir) => {
    await makeEmptyStore(dir);
    await migrateStore(dir, OPTIONS);
    await using store = await openLevel(dir, { model: autobahn });
    assert.equal([store.seq, store.votes?.durable.quarantine?.parts.length], [1n, 4]);
  }),
);

test(
  'stopped before or after its batch: the store has one of the two formats, and the next run ends the same',
  inTemp(async (dir) => {
    const whole = join(dir, 'whole');
    unpackStore('values-killed', whole);
    const write = Engine.prototype.write;
    try {
      for (const isWritten of [false, true]) {
        const location = join(dir, `${isWritten}`);
        cpSync(whole, location, { recursive: true });
        Engine.prototype.write = async function (operations) {
          if (isWritten) await write.call(this, operations);
          throw new Error('stopped');
        };
        await migrateStore(location, OPTIONS).then(
          () => assert.unreachable(),
          () => undefined,
        );
        Engine.prototype.write = write;
        assert.is(await formatOf(location), isWritten ? 2 : 1);
        if (!isWritten) await refused(openLevel(location, { model: autobahn }), 'LANESTORE_SCHEMA');
        await migrateStore(location, OPTIONS);
        await using store = await openLevel(location, { model: autobahn });
        assert.equal(store.votes?.durable.quarantine?.parts.length, 4);
      }
    } finally {
      Engine.prototype.write = write;
    }
  }),
);

test(
  'killed at any moment: never open, always closed, and the next run ends it',
  inTemp(async (dir) => {
    const whole = join(dir, 'whole');
    unpackStore('values', whole);
    const seed = testSeed();
    const kills = new RandomKills(new Random(seed), 250);
    for (let run = 0; kills.again(run, 6); run++) {
      const location = join(dir, `kill-${run}`);
      cpSync(whole, location, { recursive: true });
      await kills.kill(spawnWorker(new URL('./schema-worker.js', import.meta.url), [location]));
      if ((await formatOf(location)) === 1) await migrateStore(location, OPTIONS);
      await using store = await openLevel(location, { model: autobahn });
      assert.equal(store.votes?.durable.quarantine?.parts.length, 4, `seed ${seed}`);
    }
    assert.ok(kills.killed > 0, `seed ${seed}`);
  }),
);

test.run();
