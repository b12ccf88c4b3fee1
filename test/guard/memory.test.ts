/**
 * Memory that two sides could share: what the guard gives to sinks belongs to them, and what its
 * caller reuses during a call changes nothing that is stored or released.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { openGuard, type WitnessKey, type WitnessSink } from '../../src/guard/index.js';
import { autobahn, messageHash, type SignedBlock, verifySignature } from '../../src/model/autobahn/index.js';
import { refused } from '../support/faults.js';
import { makeNetwork } from '../support/network.js';
import { plain, plainBlock, plainLaneVote, plainSignature, plainVote } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { three } from './sinks/memory.js';
import { guarded, isSigned, KEY, OWN } from './support.js';

const test = suite('guard: memory');

/** Overwrites and transfers all bytes in a value. */
function taken(value: unknown): void {
  // A view of memory that was transferred already has no bytes.
  if (value instanceof Uint8Array && value.length > 0)
    structuredClone(value.fill(0xee), { transfer: [value.buffer as ArrayBuffer] });
  else if (value instanceof Map) for (const item of value.values()) taken(item);
  else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) taken(item);
}

test(
  'a sink that overwrites and transfers what it gets changes neither the store nor another sink',
  inTemp(async (dir) => {
    const [first, second, third] = three();
    // Copies: the sink in memory keeps what it gets.
    const greedy: WitnessSink = {
      name: first.name,
      async read(key: WitnessKey) {
        const record = await first.read(structuredClone(key));
        taken(key);
        return record;
      },
      async claim(key, holder) {
        const record = await first.claim(structuredClone(key), holder);
        taken(key);
        return record;
      },
      async put(claim, history) {
        await first.put(claim, structuredClone(history));
        taken(history);
      },
    };
    const open = () => openLevel(dir, { model: plain });
    const options = { model: plain, key: KEY, sinks: [greedy, second, third], network: 'test' };
    let store = await open();
    let guard = await openGuard({ ...options, store, firstUse: true });
    for (let road = 0n; road < 4n; road++)
      await guard.round({ votes: [plainVote('step', [road, 0n])], inner: () => new Uint8Array([Number(road)]) });
    await guard.close();
    await store.close();
    store = await open();
    guard = await openGuard({ ...options, store });
    assert.is(guard.quarantine, undefined);
    await guard.round({ votes: [plainVote('step', [3n, 0n])] });
    assert.equal(second.last?.logs.get('step')?.watermark?.at, [3n, 0n]);
    await guard.close();
    await store.close();
  }),
);

const MOMENTS: Record<string, { readonly signing?: true; readonly storing?: true; readonly stored?: true }> = {
  'while it is signed': { signing: true },
  'before it is stored': { storing: true },
  'before it is released': { stored: true },
};

for (const [moment, { signing, storing, stored }] of Object.entries(MOMENTS)) {
  test(
    `an own block whose payload changes ${moment} is not released`,
    inTemp(async (dir) => {
      const net = makeNetwork({ validators: 1 });
      const { block } = net.block(0);
      const kept = structuredClone(block);
      const change = (isNow: true | undefined) => isNow && void block.payload.txs[0]?.fill(0xee);
      const own = autobahn.votes.keyOf(net.secret(0));
      const sign = async (digest: Uint8Array) => {
        await turn();
        change(signing);
        return own.sign(digest);
      };
      await using store = await openLevel(dir, { model: autobahn });
      const guard = await openGuard({ store, model: autobahn, signer: own.signer, sign, firstUse: true });
      const keep = async (made: SignedBlock) => {
        change(storing);
        await store.persist({ blocks: [made] });
        change(stored);
      };
      await refused(guard.ownBlock({ kind: 'laneProposal', value: block }, keep), 'LANESTORE_INVALID', /changed/);
      if (signing) {
        // Nothing was stored, so the block that was signed may still be given.
        const made = await guard.ownBlock({ kind: 'laneProposal', value: kept }, (again) =>
          store.persist({ blocks: [again] }),
        );
        assert.ok(verifySignature(made.sig, messageHash({ kind: 'laneProposal', value: made.block })));
      }
      await guard.close();
    }),
  );
}

test('memory that `inner` returns may be reused by what hashes a vote', async () => {
  const scratch = new Uint8Array(3);
  const { guard, store } = await guarded();
  const vote = {
    ...plainVote('step', [0n, 0n]),
    get at() {
      scratch.fill(0xee);
      return [0n, 0n];
    },
  };
  await guard.round({ votes: [vote], inner: () => scratch.fill(7) });
  assert.equal(await store.votes.inner(), new Uint8Array(3).fill(7));
});

test('the sign function gets a digest that it may take, and nothing else', async () => {
  const calls: unknown[] = [];
  const { guard } = await guarded({
    sign(this: unknown, ...given: Uint8Array[]) {
      const signature = plainSignature(KEY, given[0]!);
      taken(given[0]);
      calls.push(this, given.length);
      return signature;
    },
    signer: KEY,
  });
  const vote = plainVote('step', [0n, 0n]);
  const [signed] = await guard.round({ votes: [vote] });
  assert.ok(isSigned(signed!));
  assert.equal(calls, [undefined, 1]);
});

test('memory that `inner` returns may be reused in the next turn', async () => {
  const { guard, store } = await guarded();
  const scratch = new Uint8Array(3).fill(7);
  const given = guard.round({
    votes: [plainVote('step', [0n, 0n])],
    inner: () => {
      queueMicrotask(() => scratch.fill(0xee));
      return scratch;
    },
  });
  await given;
  assert.equal(await store.votes.inner(), new Uint8Array(3).fill(7));
});

test('an echo of an own block whose memory is reused meanwhile closes nothing', async () => {
  const { guard, store } = await guarded();
  await guard.ownBlock(plainLaneVote('own', plainBlock(OWN, 0)), (made) => store.persist({ blocks: [made] }));
  const vote = plainLaneVote('own', structuredClone(plainBlock(OWN, 0)));
  const echo = { vote, signer: KEY, signature: plainSignature(KEY, plain.votes.digest(vote)) };
  const seen = guard.observe(echo);
  taken(echo.vote);
  assert.not(await seen);
  assert.is(guard.quarantine, undefined);
});

test('a model that keeps the secret that it gets has a copy of it', async () => {
  const secret = new Uint8Array(KEY);
  const { guard, store } = await guarded({ key: secret });
  secret.fill(0xee);
  const [signed] = await guard.round({ votes: [plainVote('step', [0n, 0n])] });
  assert.equal(signed?.signature, plainSignature(KEY, plainVote('step', [0n, 0n]).digest));
  assert.equal(store.votes.durable.signer, KEY);
});

test.run();
