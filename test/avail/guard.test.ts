/**
 * The own lane through a guard: each block is signed once, released when durable, and only the
 * guard signs.
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { openAvail } from '../../src/avail/index.js';
import { openGuard } from '../../src/guard/index.js';
import { autobahn, headerHash, type Payload, publicKeyOf, snapshot } from '../../src/index.js';
import { signHash } from '../../src/model/autobahn/ed25519.js';
import { down, three } from '../guard/sinks/memory.js';
import { refused } from '../support/faults.js';
import { bounded } from '../support/hang.js';
import { innerState } from '../support/inner.js';
import { makeNetwork } from '../support/network.js';
import { inTemp } from '../support/temp.js';

const net = makeNetwork({ validators: 4 });
const { committee } = net;
const [secret, other] = [0, 1].map((place) => net.secret(place)) as [Uint8Array, Uint8Array];
const [own = ''] = net.laneIds;
const payload = (n: number): Payload => ({
  createdAt: { seconds: 1n, nanos: n },
  totalGas: 1n,
  edgeCount: 0n,
  basefee: 1n,
  txs: [new Uint8Array(50).fill(n)],
});
const test = bounded(suite('avail: with a guard'));

test(
  'many calls at a time: one block a number, each durable when returned; after a restart the lane continues',
  inTemp(async (dir) => {
    for (let run = 0; run < 2; run++) {
      await using store = await openLevel(dir, { model: autobahn });
      await using guard = await openGuard({ store, model: autobahn, key: secret, firstUse: true });
      const state = await openAvail({ store, committee, guard });
      const made = await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const block = await state.produceBlock(payload(8 * run + i));
          assert.ok((store.cursors.lanes.get(own)?.next ?? 0n) > block.block.header.blockNumber);
          return block;
        }),
      );
      const numbers = made.map(({ block }) => Number(block.header.blockNumber));
      assert.equal(
        numbers,
        Array.from({ length: 8 }, (_, i) => 8 * run + i),
      );
      for (const [i, { block }] of made.entries()) {
        if (i > 0) assert.equal(block.header.parentHash, headerHash(made[i - 1]!.block.header));
        assert.equal(await store.block(own, block.header.blockNumber), made[i]);
      }
      await state.close();
    }
  }),
);

test(
  'a key that fails to sign: that block stays the next one, and no other takes its number',
  inTemp(async (dir) => {
    await using store = await openLevel(dir, { model: autobahn });
    let fails = true;
    const sign = (digest: Uint8Array) => {
      if (fails) throw new Error('the HSM is away');
      return signHash(secret, digest);
    };
    const signer = publicKeyOf(secret);
    await using guard = await openGuard({ store, model: autobahn, sign, signer, firstUse: true });
    const state = await openAvail({ store, committee, guard });
    await refused(state.produceBlock(payload(1)), 'LANESTORE_IO');
    await refused(state.produceBlock(payload(2)), 'LANESTORE_IO');
    assert.is(state.nextBlock(own), 0n);
    fails = false;
    const third = await state.produceBlock(payload(3));
    assert.is(third.block.header.blockNumber, 1n);
    const first = await store.block(own, 0n);
    assert.equal(first?.block.payload, payload(1));
    const aborted = AbortSignal.abort(new Error('enough'));
    await state.produceBlock(payload(4), aborted).then(
      () => assert.unreachable(),
      (error) => assert.is(error.message, 'enough'),
    );
    assert.is((await state.produceBlock(payload(5))).block.header.blockNumber, 2n);
    await store.votes!.quarantine(['own'], 'a test');
    await refused(state.produceBlock(payload(6)), 'LANESTORE_QUARANTINED');
    await state.close();
  }),
);

test(
  'with sinks, own blocks leave by no way before a quorum holds them; sinks that come back let them go',
  inTemp(async (dir) => {
    await using store = await openLevel(dir, { model: autobahn });
    const sinks = three();
    const options = { sinks, network: 'test', sinkMsMax: 300, firstUse: true };
    await using guard = await openGuard({ store, model: autobahn, key: secret, ...options });
    const state = await openAvail({ store, committee, guard });
    const stream = state.blocks(own);
    for (const sink of sinks) sink.before = down;
    let received: unknown;
    const next = stream.receive().then((block) => {
      received = block;
    });
    await refused(state.produceBlock(payload(0)), 'LANESTORE_IO', /no quorum of sinks/);
    assert.is(store.cursors.lanes.get(own)?.next, 1n, 'durable here');
    assert.is(received, undefined);
    for (const sink of sinks) sink.before = () => undefined;
    await next;
    assert.equal(received, await store.block(own, 0n));
    assert.is((await state.produceBlock(payload(1))).block.header.blockNumber, 1n);
    await state.close();
  }),
);

test(
  'nothing signs beside a guard, and nothing goes before it is durable',
  inTemp(async (dir) => {
    await using store = await openLevel(dir, { model: autobahn });
    const bare = await openAvail({ store, committee, secret });
    await refused(openGuard({ store, model: autobahn, key: secret, firstUse: true }), 'LANESTORE_LOCKED');
    await bare.close();
    await using guard = await openGuard({ store, model: autobahn, key: secret, firstUse: true });
    for (const options of [{ secret }, { guard, secret }, { guard, announce: 'received' as const }]) {
      await refused(openAvail({ store, committee, ...options }), 'LANESTORE_INVALID');
    }
    const foreign = { signer: publicKeyOf(other), ownBlock: guard.ownBlock.bind(guard), witnessed: async () => {} };
    await refused(openAvail({ store, committee, guard: foreign }), 'LANESTORE_INVALID', /not that of options.store/);
    const state = await openAvail({ store, committee });
    await refused(state.produceBlock(payload(1)), 'LANESTORE_INVALID', /guard/);
    await state.close();
  }),
);

test(
  'a bare key signs no own block once they are closed',
  inTemp(async (dir) => {
    const [live, copy] = [join(dir, 'live'), join(dir, 'copy')];
    {
      await using store = await openLevel(live, { model: autobahn });
      const state = await openAvail({ store, committee, secret });
      await state.produceBlock(payload(0));
      await snapshot(live, copy, { model: autobahn });
      await store.votes!.quarantine(['own'], 'a test');
      await refused(state.produceBlock(payload(1)), 'LANESTORE_QUARANTINED', /a test/);
      await state.close();
    }
    await using store = await openLevel(copy, { model: autobahn });
    await refused(openAvail({ store, committee, secret }), 'LANESTORE_QUARANTINED', /snapshot/);
  }),
);

test(
  'firstUse is refused for a key whose lane was dropped, and beside an inner state that holds its votes',
  inTemp(async (dir) => {
    for (const isDropped of [true, false]) {
      await using store = await openLevel(join(dir, `${isDropped}`), { model: autobahn });
      if (isDropped) {
        const state = await openAvail({ store, committee, secret });
        await state.produceBlock(payload(0));
        await state.close();
        await store.dropLanes([own]);
      } else {
        await store.persist({ inner: innerState(7) });
      }
      const text = isDropped ? /own lane/ : /inner state/;
      await refused(openGuard({ store, model: autobahn, key: secret, firstUse: true }), 'LANESTORE_INVALID', text);
      assert.is(store.votes?.planned.signer, undefined);
    }
  }),
);

test.run();
