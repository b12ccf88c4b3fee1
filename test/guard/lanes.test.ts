/**
 * The guard and lanes: votes for durable blocks only, own blocks once each, and messages of another
 * copy under the same key.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isLanestoreError, LanestoreError, type LanestoreErrorCode } from '../../src/errors.js';
import { openGuard } from '../../src/guard/index.js';
import { ToyDisk, ToyStore } from '../conformance/toy-store.js';
import { rejection } from '../support/faults.js';
import {
  type PlainBlock,
  type PlainSigned,
  plain,
  plainAnchor,
  plainBlock,
  plainBlocks,
  plainLaneVote,
  plainSignature,
  plainVote,
} from '../support/plain-model.js';
import { guarded, isSigned, KEY, OWN, type PlainGuard, SlowSigner } from './support.js';

const test = suite('guard: lanes');

async function refused(code: LanestoreErrorCode, call: () => Promise<unknown>): Promise<void> {
  const error = await rejection(call);
  assert.ok(isLanestoreError(error, code), String(error));
}

async function idle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

const own = (number: number, data?: string) => plainLaneVote('own', plainBlock(OWN, number, data));

// --- votes for blocks

test('a block of the durable lane is voted for, in any order, again and after a restart', async () => {
  const disk = new ToyDisk();
  const { guard, store } = await guarded({ key: KEY }, disk);
  await store.persist({ blocks: plainBlocks('0b', 3, 6) });
  const votes = [];
  for (const number of [5n, 3n, 3n]) votes.push(await guard.laneVote('0b', number));
  assert.ok(votes.every((vote) => vote !== undefined && isSigned(vote)));
  await guard.close();
  await store.close();
  const next = await guarded({ key: KEY }, disk);
  assert.equal(await next.guard.laneVote('0b', 3n), votes[1]);
  for (const number of [2n, 6n]) assert.is(await next.guard.laneVote('0b', number), undefined);
  assert.is(await next.guard.laneVote('0c', 0n), undefined);
});

test('a block that is not durable yet is not voted for', async () => {
  const { guard, store } = await guarded();
  store.pause();
  const stored = store.persist({ blocks: plainBlocks('0b', 0, 1) });
  await idle();
  assert.is(await guard.laneVote('0b', 0n), undefined);
  store.resume();
  await stored;
  assert.ok((await guard.laneVote('0b', 0n)) !== undefined);
});

test('a pruned block is not voted for any more', async () => {
  const { guard, store } = await guarded();
  await store.persist({ blocks: plainBlocks('0b', 0, 3) });
  await store.anchor.persist(plainAnchor(0, { '0b': 2 }));
  assert.is(await guard.laneVote('0b', 1n), undefined);
  assert.ok((await guard.laneVote('0b', 2n)) !== undefined);
});

test('a lane that comes back is voted for above the floor that it left', async () => {
  const { guard, store } = await guarded();
  await store.persist({ blocks: plainBlocks('0b', 0, 3) });
  await store.dropLanes(['0b']);
  assert.is(await guard.laneVote('0b', 1n), undefined);
  await store.persist({ blocks: [0, 1, 2, 3].map((number) => plainBlock('0b', number, 'another')) });
  for (const number of [0n, 2n]) assert.is(await guard.laneVote('0b', number), undefined);
  assert.ok((await guard.laneVote('0b', 3n)) !== undefined);
});

test('a lane that is dropped and comes back while its block is read: no vote for the other block', async () => {
  const { guard, store } = await guarded();
  await store.persist({ blocks: [plainBlock('0b', 0, 'first')] });
  const { block } = store.votes;
  store.votes.block = async (lane, number) => {
    store.votes.block = block;
    await store.dropLanes([lane]);
    await store.persist({ blocks: [plainBlock('0b', 0, 'second')] });
    return block(lane, number);
  };
  assert.is(await guard.laneVote('0b', 0n), undefined);
});

test('lanes and own blocks are parts of their own', async () => {
  const { guard, store } = await guarded();
  await store.persist({ blocks: plainBlocks('0b', 0, 1) });
  const keep = (block: PlainBlock) => store.persist({ blocks: [block] });
  await store.votes.quarantine(['rounds'], 'a test');
  await guard.laneVote('0b', 0n);
  await guard.ownBlock(own(0), keep);
  await store.votes.quarantine(['lanes'], 'a test');
  await refused('LANESTORE_QUARANTINED', () => guard.laneVote('0b', 0n));
  await guard.ownBlock(own(1), keep);
  await store.votes.quarantine(['own'], 'a test');
  await refused('LANESTORE_QUARANTINED', () => guard.ownBlock(own(2), keep));
});

test('a part that is closed while a vote is signed: it is not released', async () => {
  const signer = new SlowSigner();
  const { guard, store } = await guarded({ sign: signer.sign, signer: KEY });
  await store.persist({ blocks: plainBlocks('0b', 0, 1) });
  const vote = rejection(() => guard.laneVote('0b', 0n));
  await idle();
  await store.votes.quarantine(['lanes'], 'a test');
  signer.answerAll();
  assert.ok(isLanestoreError(await vote, 'LANESTORE_QUARANTINED'));
});

test('votes for blocks do not hold up consensus, however slow the signer', async () => {
  const signer = new SlowSigner();
  const { guard, store } = await guarded({ sign: signer.sign, signer: KEY });
  await store.persist({ blocks: plainBlocks('0b', 0, 100) });
  const votes = Array.from({ length: 100 }, (_, number) => guard.laneVote('0b', BigInt(number)));
  await idle();
  assert.is(signer.waiting.length, 16, 'calls of the sign function are bounded');
  const round = guard.round({ votes: [plainVote('step', [0n, 1n])] });
  await idle();
  assert.is(signer.waiting.length, 17);
  while (signer.waiting.length > 0) {
    signer.answerAll();
    await idle();
  }
  assert.is((await round).length, 1);
  assert.is((await Promise.all(votes)).length, 100);
});

test('what is no lane, and no number', async () => {
  const { guard } = await guarded();
  await refused('LANESTORE_INVALID', () => guard.laneVote('no hex', 0n));
  await refused('LANESTORE_INVALID', () => guard.laneVote('0b', -1n));
  assert.instance(await rejection(() => guard.laneVote('0b', 1 as never)), TypeError);
});

// --- own blocks

test('own blocks are signed in order, and released when the durable lane holds them', async () => {
  const { guard, store } = await guarded();
  const keep = (block: PlainBlock) => store.persist({ blocks: [block] });
  store.pause();
  let isReleased = false;
  const first = guard.ownBlock(own(0), keep).then((block) => {
    isReleased = true;
    return block;
  });
  const second = guard.ownBlock(own(1), keep);
  await idle();
  assert.not.ok(isReleased);
  store.resume();
  assert.equal([(await first).number, (await second).number], [0n, 1n]);
  await refused('LANESTORE_CONFLICT', () => guard.ownBlock(own(1, 'another'), keep));
  await refused('LANESTORE_CONFLICT', () => guard.ownBlock(own(0), keep));
  await refused('LANESTORE_OUT_OF_SEQUENCE', () => guard.ownBlock(own(3), keep));
});

test('a block that was not stored may be signed again, another one in its place not', async () => {
  const { guard, store } = await guarded();
  const keep = (block: PlainBlock) => store.persist({ blocks: [block] });
  const failing = async () => {
    throw new RangeError('no room');
  };
  assert.instance(await rejection(() => guard.ownBlock(own(0), failing)), RangeError);
  await refused('LANESTORE_CONFLICT', () => guard.ownBlock(own(0, 'another'), keep));
  assert.is((await guard.ownBlock(own(0), keep)).number, 0n);
});

test('after a restart a block that was not durable is free again: nothing of it was released', async () => {
  const disk = new ToyDisk();
  const { guard, store } = await guarded({ key: KEY }, disk);
  await rejection(() => guard.ownBlock(own(0), () => Promise.reject(new Error('no room'))));
  await guard.close();
  await store.close();
  const next = await guarded({ key: KEY, firstUse: false }, disk);
  const block = await next.guard.ownBlock(own(0, 'another'), (kept) => next.store.persist({ blocks: [kept] }));
  assert.is(Buffer.from(block.data).toString(), 'another');
});

test('a keep that stored nothing, or something else: the block is not released', async () => {
  const { guard, store } = await guarded();
  await refused('LANESTORE_CONFLICT', () => guard.ownBlock(own(0), async () => undefined));
  await refused('LANESTORE_CONFLICT', () =>
    guard.ownBlock(own(0), () => store.persist({ blocks: [plainBlock(OWN, 0, 'of a peer')] })),
  );
});

test('own blocks go on above the floor of a lane that was dropped, and where an anchor moved it', async () => {
  const { guard, store } = await guarded();
  const keep = (block: PlainBlock) => store.persist({ blocks: [block] });
  await guard.ownBlock(own(0), keep);
  await guard.ownBlock(own(1), keep);
  await store.dropLanes([OWN]);
  for (const number of [0, 1]) await refused('LANESTORE_CONFLICT', () => guard.ownBlock(own(number, 'b'), keep));
  await guard.ownBlock(own(4), keep);
  await store.anchor.persist(plainAnchor(0, { [OWN]: 9 }));
  await refused('LANESTORE_CONFLICT', () => guard.ownBlock(own(5), keep));
  await guard.ownBlock(own(9), keep);
});

test('a lane that came back below its floor gets no own block there', async () => {
  const { guard, store } = await guarded();
  await guard.ownBlock(own(0), (block) => store.persist({ blocks: [block] }));
  await store.persist({ blocks: plainBlocks(OWN, 1, 6) });
  await store.dropLanes([OWN]);
  await store.persist({ blocks: plainBlocks(OWN, 0, 3) });
  await refused('LANESTORE_CONFLICT', () => guard.ownBlock(own(3, 'another'), async () => undefined));
});

test('blocks of other lanes, votes and what is no function are refused', async () => {
  const { guard } = await guarded();
  const keep = async () => undefined;
  for (const vote of [
    plainLaneVote('own', plainBlock('0b', 0)),
    plainLaneVote('lanes', plainBlock(OWN, 0)),
    plainVote('step', [0n, 0n]),
  ]) {
    await refused('LANESTORE_INVALID', () => guard.ownBlock(vote, keep));
  }
  assert.instance(await rejection(() => guard.ownBlock(own(0), undefined as never)), TypeError);
  await refused('LANESTORE_INVALID', () => guard.round({ votes: [own(0)] }));
});

test('a sign function that fails: the own block counts as signed', async () => {
  let isFailing = true;
  const sign = (digest: Uint8Array) => {
    if (isFailing) throw new Error('no HSM');
    return plainSignature(KEY, digest);
  };
  const { guard, store } = await guarded({ sign, signer: KEY });
  const keep = (block: PlainBlock) => store.persist({ blocks: [block] });
  await refused('LANESTORE_IO', () => guard.ownBlock(own(0), keep));
  isFailing = false;
  await refused('LANESTORE_CONFLICT', () => guard.ownBlock(own(0, 'another'), keep));
  await guard.ownBlock(own(0), keep);
});

// --- strangers

const signed = (vote: PlainSigned['vote'], signer = KEY): PlainSigned => ({
  vote,
  signer,
  signature: plainSignature(signer, plain.votes.digest(vote)),
});

/**
 * A node that gave the votes step 5 and app 7, voted for the stored blocks 2 and 3 of lane 0b, made
 * own blocks 0 and 1, and dropped lane 0c at 4.
 */
async function experienced() {
  const made = await guarded();
  const { guard, store } = made;
  await guard.round({ votes: [plainVote('step', [0n, 5n]), plainVote('app', [7n])] });
  await store.persist({ blocks: [...plainBlocks('0b', 0, 4), ...plainBlocks('0c', 0, 5)] });
  await store.anchor.persist(plainAnchor(0, { '0b': 2 }));
  await store.dropLanes(['0c']);
  for (const number of [0, 1]) await guard.ownBlock(own(number), (block) => store.persist({ blocks: [block] }));
  return made;
}

const laneVote = (lane: string, number: number, data?: string) =>
  plainLaneVote('lanes', plainBlock(lane, number, data));

const FAMILIAR: Readonly<Record<string, PlainSigned>> = {
  'its last vote': signed(plainVote('step', [0n, 5n])),
  'a vote below the last one: not known any more': signed(plainVote('step', [0n, 4n])),
  'a vote of another key': signed(plainVote('step', [0n, 9n]), new Uint8Array(32)),
  'a vote for a block that it holds': signed(laneVote('0b', 3)),
  'a vote for a pruned block': signed(laneVote('0b', 1)),
  'a vote in a lane that was dropped': signed(laneVote('0c', 4)),
  'its own block': signed(own(1)),
};

for (const [what, message] of Object.entries(FAMILIAR)) {
  test(`not a stranger: ${what}`, async () => {
    const { guard } = await experienced();
    assert.is(await guard.observe(message), false);
    assert.is(guard.quarantine, undefined);
  });
}

const STRANGE: Readonly<Record<string, [string, PlainSigned]>> = {
  'another vote in the place of its last one': ['rounds', signed(plainVote('step', [0n, 5n], { digest: KEY }))],
  'a vote above its last one': ['rounds', signed(plainVote('step', [0n, 6n]))],
  'a vote in a log in which it gave none': ['rounds', signed(plainVote('view', [0n, 0n]))],
  'an app vote above its last one': ['app', signed(plainVote('app', [8n]))],
  'a vote for another block than it holds': ['lanes', signed(laneVote('0b', 3, 'another'))],
  'a vote for a block that it lacks': ['lanes', signed(laneVote('0b', 4))],
  'a vote in a lane that it never had': ['lanes', signed(laneVote('0d', 0))],
  'a vote above the floor of a dropped lane': ['lanes', signed(laneVote('0c', 5))],
  'another own block than it holds': ['own', signed(own(1, 'another'))],
  'an own block that it lacks': ['own', signed(own(2))],
};

for (const [what, [part, message]] of Object.entries(STRANGE)) {
  test(`a stranger: ${what}; its part is closed for good`, async () => {
    const { guard, store, disk } = await experienced();
    assert.is(await guard.observe(message), true);
    assert.equal(guard.quarantine?.parts, [part]);
    await guard.close();
    await store.close();
    assert.equal(disk.state.votes?.quarantine?.parts, [part]);
    const next = await guarded({ key: KEY }, disk);
    assert.equal(next.guard.quarantine?.parts, [part]);
    assert.is(await next.guard.observe(message), true);
  });
}

test('an own block that is on its way is familiar, another one in its place is not', async () => {
  const { guard, store } = await guarded();
  store.pause();
  const made = rejection(guard.ownBlock(own(0), (block) => store.persist({ blocks: [block] })));
  await idle();
  assert.is(await guard.observe(signed(own(0))), false);
  const closing = guard.observe(signed(own(0, 'another')));
  store.resume();
  assert.is(await closing, true);
  assert.ok(isLanestoreError(await made, 'LANESTORE_QUARANTINED'));
});

test('a lane that is dropped while its block is read leaves no stranger', async () => {
  const { guard, store } = await guarded();
  await store.persist({ blocks: [...plainBlocks('0a', 0, 2), ...plainBlocks('0b', 0, 2)] });
  const { block } = store.votes;
  for (const [lane, message] of [
    ['0b', signed(laneVote('0b', 1))],
    ['0a', signed(own(1))],
  ] as const) {
    store.votes.block = async (named, number) => {
      store.votes.block = block;
      await store.dropLanes([lane]);
      return block(named, number);
    };
    assert.is(await guard.observe(message), false);
  }
  assert.is(guard.quarantine, undefined);
});

test('what a guard has begun to sign counts as given for the next guard of the store', async () => {
  const { guard, store } = await guarded();
  await rejection(() => guard.ownBlock(own(0), () => Promise.reject(new Error('no room'))));
  store.persist = () => Promise.reject(new LanestoreError('LANESTORE_CAPACITY', 'no room'));
  await rejection(() => guard.round({ votes: [plainVote('step', [1n, 0n])] }));
  await guard.close();
  const next = (await openGuard({ store, model: plain, key: KEY })) as PlainGuard;
  const keep = (block: PlainBlock) => ToyStore.prototype.persist.call(store, { blocks: [block] });
  await refused('LANESTORE_CONFLICT', () => next.ownBlock(own(0, 'another'), keep));
  assert.is(next.test(plainVote('step', [1n, 0n])), 'again');
  assert.is(next.test(plainVote('step', [1n, 0n], { digest: new Uint8Array(32) })), 'differs');
});

test('a vote for a block that is not durable yet was not given by this store', async () => {
  const { guard, store } = await guarded();
  await store.persist({ blocks: plainBlocks('0b', 0, 1) });
  store.pause();
  const stored = store.persist({ blocks: plainBlocks('0b', 1, 2) });
  await idle();
  const strange = guard.observe(signed(laneVote('0b', 1)));
  await idle();
  store.resume();
  await stored;
  assert.is(await strange, true);
});

test.run();
