/**
 * The guard: which votes it signs, and that it releases no signature before the vote is durable.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openNoop } from '../../src/adapter/index.js';
import { isLanestoreError, type LanestoreError, type LanestoreErrorCode } from '../../src/errors.js';
import { openGuard } from '../../src/guard/index.js';
import { ToyDisk, ToyStore } from '../conformance/toy-store.js';
import { rejection } from '../support/faults.js';
import { type PlainSigned, plain, plainSignature, plainVote } from '../support/plain-model.js';
import { guarded, isSigned, KEY, SlowSigner } from './support.js';

const test = suite('guard: rounds');

/** Checks that a call rejects with this code, and returns the error. */
async function refused(code: LanestoreErrorCode, call: () => Promise<unknown>): Promise<LanestoreError> {
  const error = await rejection(call);
  if (!isLanestoreError(error, code)) throw error instanceof Error ? error : new Error(String(error));
  return error;
}

/** Resolves once only the disk or the signer can cause further progress. */
async function idle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

/** Records the outcome of a call. */
function watched<T>(call: Promise<T>): { value?: T; error?: unknown; isSettled: boolean } {
  const outcome: { value?: T; error?: unknown; isSettled: boolean } = { isSettled: false };
  call.then(
    (value) => Object.assign(outcome, { value, isSettled: true }),
    (error: unknown) => Object.assign(outcome, { error, isSettled: true }),
  );
  return outcome;
}

const step = (at: bigint, fill?: number) =>
  plainVote('step', [0n, at], fill === undefined ? {} : { digest: new Uint8Array(32).fill(fill) });
const innerOf = (signed: readonly PlainSigned[]) => Buffer.concat(signed.map(({ signature }) => signature));

test('votes are signed, stored with the inner state that has them, and released', async () => {
  const { guard, disk } = await guarded();
  const votes = [step(1n), plainVote('app', [4n])];
  const signed = await guard.round({ votes, inner: innerOf });
  assert.equal(
    signed.map(({ vote }) => vote),
    votes,
  );
  assert.ok(signed.every(isSigned));
  assert.equal(disk.inner, new Uint8Array(innerOf(signed)));
  assert.equal(disk.state.votes?.logs.get('app')?.watermark?.at, [4n]);
});

test('nothing leaves before it is durable', async () => {
  const { guard, store } = await guarded();
  store.pause();
  const round = watched(guard.round({ votes: [step(1n)], inner: innerOf }));
  await idle();
  assert.not.ok(round.isSettled);
  store.resume();
  await idle();
  assert.is(round.value?.length, 1);
});

test('a vote that is refused is never signed', async () => {
  const signed: Uint8Array[] = [];
  const sign = (digest: Uint8Array) => {
    signed.push(digest);
    return plainSignature(KEY, digest);
  };
  const { guard } = await guarded({ sign, signer: KEY });
  await guard.round({ votes: [step(2n)] });
  for (const votes of [[step(2n, 1)], [step(1n)], [step(3n), step(3n, 1)]]) {
    await refused('LANESTORE_CONFLICT', () => guard.round({ votes }));
  }
  await refused('LANESTORE_OUT_OF_SEQUENCE', () =>
    guard.round({ votes: [plainVote('step', [9n, 0n], { needs: 9n })] }),
  );
  await refused('LANESTORE_INVALID', () => guard.round({ votes: [plainVote('other', [9n, 0n])] }));
  assert.is(signed.length, 1);
  await guard.round({ votes: [step(2n), step(3n)] });
  assert.is(signed.length, 3);
});

test('test says what would become of a vote, and changes nothing', async () => {
  const { guard } = await guarded();
  await guard.round({ votes: [step(2n)] });
  const verdicts = [step(2n), step(2n, 1), step(1n), step(3n), step(3n, 1), plainVote('step', [9n, 0n], { needs: 1n })];
  for (let i = 0; i < 2; i++) {
    assert.equal(
      verdicts.map((vote) => guard.test(vote)),
      ['again', 'differs', 'passed', 'new', 'new', 'early'],
    );
  }
});

test('rounds are judged in the order of the calls: the second one of a place is refused while the first is signed', async () => {
  const signer = new SlowSigner();
  const { guard } = await guarded({ sign: signer.sign, signer: KEY });
  const first = watched(guard.round({ votes: [step(1n)] }));
  await refused('LANESTORE_CONFLICT', () => guard.round({ votes: [step(1n, 1)] }));
  await idle();
  assert.is(signer.waiting.length, 1);
  signer.answerAll();
  await idle();
  assert.is(first.value?.length, 1);
});

test('rounds are stored in the order of the calls, however long each takes to sign', async () => {
  const signer = new SlowSigner();
  const { guard, disk } = await guarded({ sign: signer.sign, signer: KEY });
  const later = plainVote('view', [0n, 2n], { before: [['step', [0n, 3n]]] });
  const rounds = [
    watched(guard.round({ votes: [later], inner: () => new Uint8Array([1]) })),
    watched(guard.round({ votes: [step(3n)], inner: () => new Uint8Array([2]) })),
  ];
  await idle();
  const [slow, fast] = signer.waiting;
  fast?.answer();
  await idle();
  assert.not.ok(rounds[1]?.isSettled, 'it would rule out the first one');
  slow?.answer();
  await idle();
  assert.ok(rounds.every(({ value }) => value?.length === 1));
  assert.equal(disk.inner, new Uint8Array([2]), 'the last write of inner is that of the last call');
});

const FAILURES: Readonly<Record<string, () => Uint8Array | Promise<Uint8Array>>> = {
  throws: () => {
    throw new Error('no HSM');
  },
  rejects: async () => {
    throw new Error('no HSM');
  },
  hangs: () => new Promise(() => undefined),
  'gives no bytes': () => 'signature' as never,
  'gives nothing': () => undefined as never,
  'gives too many bytes': () => new Uint8Array(5000),
};

for (const [what, failing] of Object.entries(FAILURES)) {
  test(`a sign function that ${what}: nothing is released, the vote counts as given, and may be given again`, async () => {
    let isFailing = true;
    const sign = (digest: Uint8Array) => (isFailing ? failing() : plainSignature(KEY, digest));
    const { guard, store, disk } = await guarded({ sign, signer: KEY, signMsMax: 20 });
    await refused('LANESTORE_IO', () =>
      guard.round({ votes: [step(1n)], inner: () => assert.unreachable('inner was made') as never }),
    );
    isFailing = false;
    assert.is(guard.test(step(1n, 1)), 'differs');
    await refused('LANESTORE_CONFLICT', () => guard.round({ votes: [step(1n, 1)] }));
    const [again] = await guard.round({ votes: [step(1n)] });
    assert.ok(again !== undefined && isSigned(again));
    await guard.close();
    await store.close();
    // The next process has the vote, too.
    const next = await guarded({ key: KEY }, disk);
    assert.is(next.guard.test(step(1n, 1)), 'differs');
  });
}

test('a vote whose signing failed counts as given after a restart, too', async () => {
  const { guard, store, disk } = await guarded({ sign: FAILURES.throws!, signer: KEY });
  await refused('LANESTORE_IO', () => guard.round({ votes: [step(1n)] }));
  await guard.close();
  await store.close();
  const next = await guarded({ key: KEY }, disk);
  assert.is(next.guard.test(step(1n, 1)), 'differs');
  assert.is(next.guard.test(step(1n)), 'again');
});

test('an answer that comes late is dropped, whatever it is', async () => {
  const signer = new SlowSigner();
  const { guard } = await guarded({ sign: signer.sign, signer: KEY, signMsMax: 10 });
  const error = await refused('LANESTORE_IO', () => guard.round({ votes: [step(1n)] }));
  assert.match(error.message, /10 ms/);
  await refused('LANESTORE_IO', () => guard.round({ votes: [step(2n)] }));
  const [first, second] = signer.waiting.splice(0);
  first?.answer();
  second?.fail(new Error('late as well'));
  await idle();
  const again = guard.round({ votes: [step(2n)] });
  await idle();
  signer.answerAll();
  assert.is((await again).length, 1);
});

for (const [what, inner] of Object.entries({
  throws: () => {
    throw new RangeError('inner');
  },
  'gives no bytes': () => 'text' as never,
  'gives a promise': async () => new Uint8Array(),
})) {
  test(`an inner that ${what}: nothing is released, and the votes count as given`, async () => {
    const { guard } = await guarded();
    const error = await rejection(() => guard.round({ votes: [step(1n)], inner: inner as never }));
    assert.ok(error instanceof RangeError || error instanceof TypeError, String(error));
    assert.is(guard.test(step(1n, 1)), 'differs');
    assert.is((await guard.round({ votes: [step(1n)], inner: innerOf })).length, 1);
  });
}

test('a round that the store refuses is not released; its votes may be given again, others not', async () => {
  const disk = new ToyDisk();
  const store = new ToyStore(disk, { maxInnerBytes: 8 });
  const guard = await openGuard({ store, model: plain, key: KEY, firstUse: true });
  await refused('LANESTORE_INVALID', () => guard.round({ votes: [step(1n)], inner: innerOf }));
  assert.is(disk.inner, undefined);
  assert.is(guard.test(step(1n, 1)), 'differs');
  assert.is(guard.test(step(1n)), 'again');
  assert.is((await guard.round({ votes: [step(1n)] })).length, 1);
  assert.is(disk.state.votes?.logs.size, 1);
});

test('a vote that changes while it is signed is not released', async () => {
  const signer = new SlowSigner();
  const { guard } = await guarded({ sign: signer.sign, signer: KEY });
  const digest = new Uint8Array(32).fill(1);
  const round = guard.round({ votes: [plainVote('step', [0n, 1n], { digest })] });
  await idle();
  digest.fill(2);
  signer.answerAll();
  const error = await refused('LANESTORE_INVALID', () => round);
  assert.match(error.message, /changed/);
});

test('a sign function cannot change what is stored', async () => {
  const sign = (digest: Uint8Array) => {
    const signature = plainSignature(KEY, digest);
    digest.fill(0);
    return signature;
  };
  const { guard } = await guarded({ sign, signer: KEY });
  const [signed] = await guard.round({ votes: [step(1n)] });
  assert.ok(signed !== undefined && isSigned(signed));
});

test('a part that is closed while its votes are signed or stored: they are not released', async () => {
  const signer = new SlowSigner();
  const { guard, store } = await guarded({ sign: signer.sign, signer: KEY });
  const signing = watched(guard.round({ votes: [step(1n)] }));
  await idle();
  signer.answerAll();
  store.pause();
  await idle();
  const closed = store.votes.quarantine(['rounds'], 'a copy was seen');
  store.resume();
  await closed;
  await idle();
  assert.ok(isLanestoreError(signing.error, 'LANESTORE_QUARANTINED'), String(signing.error));
  await refused('LANESTORE_QUARANTINED', () => guard.round({ votes: [step(2n)] }));
  assert.is(guard.test(step(2n)), 'quarantined');
  assert.is(guard.quarantine?.why, 'a copy was seen');
  const app = guard.round({ votes: [plainVote('app', [1n])] });
  await idle();
  signer.answerAll();
  assert.is((await app).length, 1);
});

test('a store that fails: nothing is released, then or later', async () => {
  const { guard, disk, store } = await guarded();
  disk.failing = true;
  await refused('LANESTORE_FAILED', () => guard.round({ votes: [step(1n)], inner: innerOf }));
  for (const call of [
    () => guard.round({ votes: [step(1n)] }),
    () => guard.laneVote('0b', 0n),
    () => guard.observe({ vote: step(9n), signer: KEY, signature: KEY }),
  ]) {
    await refused('LANESTORE_FAILED', call);
  }
  await guard.close();
  await store.close();
});

test('one guard a store; the next one when it has left', async () => {
  const { guard, store } = await guarded();
  const options = { store, model: plain, key: KEY };
  await refused('LANESTORE_LOCKED', () => openGuard(options));
  await guard.close();
  await guard.close();
  const next = await openGuard(options);
  await guard.close();
  await refused('LANESTORE_LOCKED', () => openGuard(options));
  for (const call of [
    async () => guard.test(step(1n)),
    () => guard.round({ votes: [step(1n)] }),
    () => guard.laneVote('0b', 0n),
  ]) {
    await refused('LANESTORE_CLOSED', call);
  }
  await next.round({ votes: [step(1n)] });
});

test('an open that is refused leaves no guard behind', async () => {
  const { guard, store } = await guarded();
  await guard.close();
  await refused('LANESTORE_INVALID', () => openGuard({ store, model: plain, key: new Uint8Array(32).fill(0x0b) }));
  await openGuard({ store, model: plain, key: KEY });
});

test('closing waits for what is under way', async () => {
  const { guard, store } = await guarded();
  store.pause();
  const round = watched(guard.round({ votes: [step(1n)] }));
  const closed = watched(guard.close());
  await idle();
  assert.not.ok(closed.isSettled);
  store.resume();
  await idle();
  assert.ok(closed.isSettled);
  assert.is(round.value?.length, 1);
});

test('without a key bound to the store nothing is signed; firstUse binds one', async () => {
  const disk = new ToyDisk();
  const { guard, store } = await guarded({ key: KEY, firstUse: false }, disk);
  assert.equal(guard.quarantine?.parts.length, 4);
  assert.is(guard.test(step(1n)), 'quarantined');
  const error = await refused('LANESTORE_QUARANTINED', () => guard.round({ votes: [step(1n)] }));
  assert.match(error.remedy, /firstUse/);
  await guard.close();
  const first = await openGuard({ store, model: plain, key: KEY, firstUse: true });
  await first.round({ votes: [step(1n)] });
  await first.close();
  await store.close();
  const later = await guarded({ key: KEY, firstUse: false }, disk);
  assert.is(later.guard.test(step(1n)), 'again');
  await refused('LANESTORE_LOCKED', () => guarded({ key: KEY }, disk));
});

test('a key that has a lane in the store has signed before: firstUse is refused', async () => {
  const store = new ToyStore(new ToyDisk(), {});
  await store.persist({ blocks: [{ lane: '0a', number: 0n, data: new Uint8Array(1) }] });
  await refused('LANESTORE_INVALID', () => openGuard({ store, model: plain, key: KEY, firstUse: true }));
  assert.is(store.votes.durable.signer, undefined);
});

test('a quarantine outlasts firstUse', async () => {
  const store = new ToyStore(new ToyDisk(), {});
  await store.votes.quarantine(['rounds'], 'an import');
  const guard = await openGuard({ store, model: plain, key: KEY, firstUse: true });
  assert.is(guard.test(step(1n)), 'quarantined');
});

test('a store without votes, another model, a key that is missing, given twice or of another length', async () => {
  const store = new ToyStore(new ToyDisk(), {});
  const sign = () => new Uint8Array(32);
  const noop = await openNoop({ model: plain });
  const bad: Parameters<typeof openGuard>[0][] = [
    { store: noop, model: plain, key: KEY },
    { store, model: { ...plain, votes: { ...plain.votes } }, key: KEY },
    { store, model: plain },
    { store, model: plain, key: KEY, sign, signer: KEY },
    { store, model: plain, key: KEY, signer: new Uint8Array(32) },
    { store, model: plain, sign, signer: new Uint8Array(0) },
    { store, model: plain, sign, signer: new Uint8Array(129) },
  ];
  for (const options of bad) await refused('LANESTORE_INVALID', () => openGuard(options));
  assert.instance(await rejection(() => openGuard({ store, model: plain, sign })), TypeError);
  await openGuard({ store, model: plain, key: KEY, firstUse: true });
});

test('what is no round is a TypeError, and signs nothing', async () => {
  const { guard } = await guarded();
  for (const round of [
    undefined,
    {},
    { votes: 5 },
    { votes: [step(1n)], inner: 5 },
    { votes: [step(1n)], blocks: [] },
  ]) {
    assert.instance(await rejection(() => guard.round(round as never)), TypeError);
  }
  assert.is(guard.test(step(1n, 1)), 'new');
});

test.run();
