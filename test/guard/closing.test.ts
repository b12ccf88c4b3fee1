/** What closes a part outlives a store that is closed right after. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openGuard, openLevel } from '../../src/index.js';
import { rejection } from '../support/faults.js';
import { plain, plainBlock, plainBlocks, plainLaneVote, plainVote } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { KEY, OWN, type PlainGuard } from './support.js';

const test = suite('guard: a store that is closed in the same turn');

const signed = (vote: object) => ({ vote, signer: KEY, signature: new Uint8Array(1) }) as never;

type Limits = { readonly maxQueuedBytes?: number };

async function openBoth(location: string, firstUse: boolean, limits: Limits = {}) {
  const store = await openLevel(location, { model: plain, ...limits });
  return { store, guard: (await openGuard({ store, model: plain as never, key: KEY, firstUse })) as PlainGuard };
}

const STRANGE = {
  rounds: signed(plainVote('step', [9n, 9n])),
  lanes: signed(plainLaneVote('lanes', plainBlock('0b', 1, 'another'))),
  own: signed(plainLaneVote('own', plainBlock(OWN, 1, 'another'))),
};

for (const [part, message] of Object.entries(STRANGE)) {
  for (const how of ['the store', 'the guard, then the store']) {
    test(
      `a message from outside closes ${part}, although ${how} is closed at once`,
      inTemp(async (dir) => {
        {
          const { store, guard } = await openBoth(dir, true);
          await store.persist({ blocks: [...plainBlocks('0b', 0, 3), ...plainBlocks(OWN, 0, 3)] });
          const seen = guard.observe(message);
          const closed = how === 'the store' ? store.close() : guard.close().then(() => store.close());
          assert.is(await seen, true);
          await closed;
          assert.match(String(await rejection(store.votes!.quarantine(['app'], 'late'))), /closed/);
        }
        await using store = await openLevel(dir, { model: plain });
        assert.equal(store.votes?.durable.quarantine?.parts, [part]);
      }),
    );
  }
}

test(
  'a quarantine is durable before the store is closed, behind a full queue and with a hung signer',
  inTemp(async (dir) => {
    {
      const store = await openLevel(dir, { model: plain, maxQueuedBytes: 200 });
      const sign = () => new Promise<never>(() => undefined);
      const guard = await openGuard({
        store,
        model: plain as never,
        signer: KEY,
        sign,
        firstUse: true,
        signMsMax: 1000,
      });
      void guard.round({ votes: [plainVote('step', [1n, 0n])] as never }).catch(() => undefined);
      const stored = store.persist({ inner: new Uint8Array(1000) });
      const closing = store.votes!.quarantine(['app'], 'a test');
      const again = store.votes!.quarantine(['app'], 'a test');
      await Promise.all([store.close(), stored, closing, again]);
    }
    await using store = await openLevel(dir, { model: plain });
    assert.equal(store.votes?.durable.quarantine?.parts, ['app']);
  }),
);

test(
  'floors of lanes that are dropped are durable before the store is closed',
  inTemp(async (dir) => {
    {
      const { store } = await openBoth(dir, true);
      await store.persist({ blocks: plainBlocks('0b', 0, 3) });
      await Promise.all([store.dropLanes(['0b']), store.close()]);
    }
    await using store = await openLevel(dir, { model: plain });
    assert.is(store.votes?.durable.laneFloors.get('0b'), 2n);
  }),
);

test.run();
