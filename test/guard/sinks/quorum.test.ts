/** A guard with sinks: what it waits for, what it does when they fail, and what stops it. */
import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isLanestoreError, type LanestoreErrorCode } from '../../../src/errors.js';
import type { GuardOptions, WitnessRecord, WitnessSink } from '../../../src/guard/index.js';
import { copyOf, ToyDisk } from '../../conformance/toy-store.js';
import { plainBlock, plainLaneVote, plainQC, plainVote } from '../../support/plain-model.js';
import { guarded, KEY, OWN } from '../support.js';
import { down, hangs, MemoryWitness, three } from './memory.js';

const test = suite('guard: sinks');

const MS = 300;
const OTHER = new Uint8Array(32);
const step = (road: bigint, digest?: Uint8Array) =>
  plainVote('step', [road, 0n], digest === undefined ? {} : { digest });
type Options = Partial<GuardOptions<never, never, never>>;
const withSinks = (sinks: readonly WitnessSink[], more: Options = {}) =>
  ({ key: KEY, sinks, network: 'test', sinkMsMax: MS, ...more }) as Parameters<typeof guarded>[0];

/** A copy of a disk; with `store` that of another store. */
function copied(disk: ToyDisk, store = disk.store): ToyDisk {
  const copy = new ToyDisk(store);
  copy.state = copyOf(disk.state);
  copy.seq = disk.seq;
  copy.inner = disk.inner;
  copy.commitQCs = [...disk.commitQCs];
  copy.blocks = new Map([...disk.blocks].map(([lane, list]) => [lane, [...list]]));
  return copy;
}

async function refused(code: LanestoreErrorCode, work: Promise<unknown>, text = /./): Promise<string> {
  const error = await work.then(
    () => assert.unreachable(`it was not refused with ${code}`),
    (thrown: unknown) => thrown,
  );
  if (!isLanestoreError(error, code)) throw error;
  assert.match(error.message, text);
  return error.message;
}

test('a vote is released once a quorum holds it, and not before', async () => {
  const sinks = three();
  const { guard, store } = await guarded(withSinks(sinks));
  assert.equal(store.votes.planned.sinks, { names: ['a', 'b', 'c'], quorum: 2 });
  const gates: (() => void)[] = [];
  for (const sink of sinks) sink.before = () => new Promise<void>((resolve) => gates.push(resolve));
  let isReleased = false;
  const vote = guard.round({ votes: [step(1n)], inner: () => new Uint8Array([7]) }).finally(() => {
    isReleased = true;
  });
  while (gates.length < 3) await turn();
  assert.ok(store.votes.durable.logs.has('step'), 'durable here first');
  gates.shift()!();
  for (let i = 0; i < 20; i++) await turn();
  assert.not(isReleased, 'one of three is no quorum');
  gates.shift()!();
  await vote;
  const held = sinks.filter(({ last }) => last?.logs.get('step')?.watermark?.at[0] === 1n);
  assert.is(held.length, 2);
  assert.equal(held[0]?.last?.inner, new Uint8Array([7]));
  assert.equal(held[0]?.last?.sinks, { names: ['a', 'b', 'c'], quorum: 2, mode: 'before' });
  for (const gate of gates) gate();
  await guard.close();
});

test('lane votes and own blocks wait for the sinks, blocks and CommitQCs do not', async () => {
  const sinks = three();
  const { guard, store } = await guarded(withSinks(sinks));
  for (const sink of sinks) sink.before = hangs;
  await store.persist({ blocks: [plainBlock('0b', 0)], commitQCs: [plainQC(0)] });
  const block = plainBlock(OWN, 0);
  await Promise.all([
    refused('LANESTORE_IO', guard.laneVote('0b', 0n), /a: it did not take batch.*b: .*c: /),
    refused(
      'LANESTORE_IO',
      guard.ownBlock(plainLaneVote('own', block), (made) => store.persist({ blocks: [made] })),
    ),
  ]);
  await refused('LANESTORE_IO', guard.witnessed());
  await guard.close();
});

test('puts are merged: a sink that is slow gets the newest state only', async () => {
  const [sink] = three();
  const { guard } = await guarded(withSinks([sink], { sinkMsMax: 20_000 }));
  await turn();
  let open: () => void = () => undefined;
  sink.before = () =>
    new Promise<void>((resolve) => {
      open = resolve;
    });
  const before = sink.calls.put;
  const votes = Array.from({ length: 50 }, (_, road) => guard.round({ votes: [step(BigInt(road))] }));
  while (sink.calls.put === before) await turn();
  for (let i = 0; i < 400; i++) await turn();
  sink.before = () => undefined;
  open();
  await Promise.all(votes);
  assert.ok(sink.calls.put - before <= 3, `${sink.calls.put - before} puts for 50 votes`);
  await guard.close();
});

const FAILURES: Record<string, (sink: MemoryWitness) => void> = {
  'is down': (sink) => {
    sink.before = down;
  },
  hangs: (sink) => {
    sink.before = hangs;
  },
  'is full': (sink) => {
    sink.before = () => {
      throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    };
  },
  'throws no error': (sink) => {
    sink.before = () => {
      throw 'no';
    };
  },
  'takes the claim, and no put': (sink) => {
    sink.before = (call) => (call === 'put' ? down() : undefined);
  },
  'answers garbage': (sink) => {
    sink.read = async () => ({ epoch: '1' }) as unknown as WitnessRecord;
  },
  'answers nothing': (sink) => {
    sink.claim = async () => undefined as unknown as WitnessRecord;
  },
  'answers with the claim of another': (sink) => {
    sink.claim = async () => ({ epoch: 4n, holder: '0'.repeat(32), last: undefined });
  },
};

for (const [name, breaks] of Object.entries(FAILURES)) {
  test(`one sink of three ${name}: votes go on; two: each is named, and nothing is signed`, async () => {
    const sinks = three();
    breaks(sinks[1]);
    const { guard, store, disk } = await guarded(withSinks(sinks));
    await guard.round({ votes: [step(1n)] });
    // A sink that only cannot be read is claimed late, and takes part.
    const failing = guard.sinks.filter(({ error }) => error !== undefined).map((sink) => sink.name);
    assert.ok(
      failing.every((sink) => sink === 'b') && (failing.length === 1 || name === 'answers garbage'),
      `${failing}`,
    );
    await guard.close();
    await store.close();
    breaks(sinks[2]);
    await refused('LANESTORE_IO', guarded(withSinks(sinks), copied(disk)), /2 of 3 needed.*b: .*c: /);
  });
}

test('a sink that is back is used again, and a vote that was not released is given again', async () => {
  const [sink] = three();
  const { guard } = await guarded(withSinks([sink]));
  sink.before = down;
  await refused('LANESTORE_IO', guard.round({ votes: [step(1n)] }), /a: ECONNREFUSED/);
  await refused('LANESTORE_CONFLICT', guard.round({ votes: [step(1n, OTHER)] }));
  sink.before = () => undefined;
  const [signed] = await guard.round({ votes: [step(1n)] });
  assert.ok(signed !== undefined && sink.last?.logs.get('step')?.watermark?.at[0] === 1n);
  await guard.close();
});

test('an emptied sink, and one that went back, are claimed anew while the guard runs', async () => {
  const [sink] = three();
  const { guard } = await guarded(withSinks([sink], { sinkMsMax: 5_000 }));
  await guard.round({ votes: [step(1n)] });
  const old = new Map(sink.records);
  await guard.round({ votes: [step(2n)] });
  sink.records = old;
  await guard.round({ votes: [step(3n)] });
  sink.records = new Map();
  await guard.round({ votes: [step(4n)] });
  assert.is(sink.last?.logs.get('step')?.watermark?.at[0], 4n);
  await guard.close();
});

test('a second copy fences the first one, which is closed for good; one that is behind fences no one', async () => {
  const sinks = three();
  const { guard, disk } = await guarded(withSinks(sinks));
  const older = copied(disk);
  await guard.round({ votes: [step(1n)] });
  const same = copied(disk);
  await refused('LANESTORE_ROLLED_BACK', guarded(withSinks(sinks), older), /sink a: it holds batch/);
  await guard.round({ votes: [step(2n)] });
  await refused('LANESTORE_ROLLED_BACK', guarded(withSinks(sinks), copied(same)));
  const twin = await guarded(withSinks(sinks), copied(disk));
  const [signed] = await twin.guard.round({ votes: [step(3n)] });
  assert.ok(signed !== undefined);
  await refused('LANESTORE_FENCED', guard.round({ votes: [step(3n, OTHER)] }), /sink [abc]: another opener/);
  await refused('LANESTORE_QUARANTINED', guard.round({ votes: [step(4n)] }), /another opener/);
  assert.is(disk.state.votes?.quarantine?.parts.length, 4);
  // It is closed on disk: it does not claim the sinks back.
  const again = await guarded(withSinks(sinks), copied(disk));
  assert.equal(again.guard.sinks, []);
  await refused('LANESTORE_QUARANTINED', again.guard.round({ votes: [step(4n)] }));
  await twin.guard.round({ votes: [step(4n)] });
  await twin.guard.close();
});

test('two copies that wrote the same batch are told apart', async () => {
  const sinks = three();
  const first = await guarded(withSinks(sinks));
  const twin = copied(first.disk);
  await first.guard.round({ votes: [step(1n)] });
  await first.guard.close();
  // The other one wrote as many batches, with another vote.
  const alone = await guarded({ key: KEY }, copied(twin)).catch((error: unknown) => error);
  assert.ok(isLanestoreError(alone, 'LANESTORE_INVALID'), String(alone));
  twin.seq = first.disk.seq;
  await refused('LANESTORE_ROLLED_BACK', guarded(withSinks(sinks), twin), /a vote at \(1, 0\) of log step/);
});

test('another store, and a sink set that forgot, are closed; an heir is not', async () => {
  const sinks = three();
  const { guard, disk } = await guarded(withSinks(sinks));
  await guard.round({ votes: [step(1n)] });
  await guard.close();
  const restored = copied(disk, new Uint8Array(16).fill(9));
  const stranger = await guarded(withSinks(sinks), restored);
  await refused('LANESTORE_QUARANTINED', stranger.guard.round({ votes: [step(2n)] }), /did not hand over/);
  const heir = copied(disk, new Uint8Array(16).fill(8));
  heir.state.votes = { ...heir.state.votes!, heirOf: [{ store: disk.store, seq: disk.seq }] };
  heir.seq = 3n;
  const legal = await guarded(withSinks(sinks), heir);
  await legal.guard.round({ votes: [step(2n)] });
  await legal.guard.close();
  for (const sink of sinks.slice(1)) sink.records = new Map();
  const forgotten = await guarded(withSinks(sinks), copied(heir));
  await refused('LANESTORE_QUARANTINED', forgotten.guard.round({ votes: [step(3n)] }), /forgot what it signed: b, c/);
});

test('one emptied sink of three neither closes the store nor counts; with another one away there is no quorum', async () => {
  const sinks = three();
  const { guard, disk } = await guarded(withSinks(sinks));
  await guard.round({ votes: [step(1n)] });
  await guard.close();
  sinks[0].records = new Map();
  sinks[1].before = down;
  await refused('LANESTORE_IO', guarded(withSinks(sinks), copied(disk)), /a: it forgot this key.*b: ECONNREFUSED/);
  sinks[1].before = () => undefined;
  const again = await guarded(withSinks(sinks), copied(disk));
  await again.guard.round({ votes: [step(2n)] });
  await again.guard.close();
  while (sinks[0].last?.logs.get('step')?.watermark?.at[0] !== 2n) await turn();
});

test('mode after: nothing waits, the sinks follow, and a store that is behind is found at open', async () => {
  const sinks = three();
  const { guard, disk } = await guarded(withSinks(sinks, { mode: 'after' }));
  const older = copied(disk);
  for (const sink of sinks) sink.before = hangs;
  await guard.round({ votes: [step(1n)] });
  await guard.close();
  for (const sink of sinks) sink.before = () => undefined;
  const again = await guarded(withSinks(sinks, { mode: 'after' }), copied(disk));
  await again.guard.round({ votes: [step(2n)] });
  await again.guard.close();
  assert.is(sinks[0].last?.logs.get('step')?.watermark?.at[0], 2n);
  assert.is(sinks[0].last?.sinks?.mode, 'after');
  await refused('LANESTORE_ROLLED_BACK', guarded(withSinks(sinks, { mode: 'after' }), older));
});

test('the set is recorded: other sinks are refused, and replaced with those that leave', async () => {
  const [a, b, c] = three();
  const [d, e] = [new MemoryWitness('d'), new MemoryWitness('e')];
  const { guard, disk } = await guarded(withSinks([a, b, c]));
  await guard.round({ votes: [step(1n)] });
  await guard.close();
  const before = copied(disk);
  const open = (sinks: readonly WitnessSink[] | undefined, more: Options = {}) =>
    guarded(sinks === undefined ? { key: KEY } : withSinks(sinks, more), copied(disk));
  await refused('LANESTORE_INVALID', open(undefined), /sinks are missing: a, b, c/);
  await refused('LANESTORE_INVALID', open([a]), /2 of a, b, c/);
  await refused('LANESTORE_INVALID', open([a, b, c], { quorum: 3 }), /other sinks/);
  await refused('LANESTORE_IO', open([c, d, e], { changeSinks: true }), /a|needed/);
  const changed = await guarded(withSinks([c, d, e], { changeSinks: true, formerSinks: [a, b] }), copied(disk));
  assert.equal(changed.store.votes.planned.sinks, { names: ['c', 'd', 'e'], quorum: 2 });
  await changed.guard.round({ votes: [step(2n)] });
  await changed.guard.close();
  // A copy from before the change reads the old set, and finds that it is behind.
  await refused('LANESTORE_ROLLED_BACK', guarded(withSinks([a, b, c]), before));
});

test('a change of sinks that is cut short is ended by the next open', async () => {
  const [a, b, c] = three();
  const { guard, disk } = await guarded(withSinks([a, b]));
  await guard.close();
  // The new set is recorded, and the sinks that leave do not take the batch after that.
  const stops = (call: string) => (call === 'put' && a.calls.put > 2 ? down() : undefined);
  a.before = stops;
  const cut = copied(disk);
  await refused('LANESTORE_IO', guarded(withSinks([c], { changeSinks: true, formerSinks: [a, b] }), cut), /a: ECONN/);
  assert.equal(cut.state.votes?.sinks, { names: ['c'], quorum: 1, former: { names: ['a', 'b'], quorum: 2 } });
  a.before = () => undefined;
  const open = (more: Options) => guarded(withSinks([c], more), copied(cut));
  await refused('LANESTORE_IO', open({}), /2 of 2/);
  const ended = await open({ changeSinks: true, formerSinks: [a, b] });
  assert.equal(ended.store.votes.planned.sinks, { names: ['c'], quorum: 1 });
  await ended.guard.close();
});

test('firstUse is refused if a sink knows the key; a closed store asks no sink', async () => {
  const sinks = three();
  const { guard } = await guarded(withSinks(sinks));
  await guard.round({ votes: [step(1n)] });
  await guard.close();
  await refused('LANESTORE_INVALID', guarded(withSinks(sinks)), /firstUse, but sink a holds/);
  const asked = sinks[0].calls.read;
  const closed = await guarded(withSinks(sinks, { firstUse: false }));
  assert.is(sinks[0].calls.read, asked);
  await refused('LANESTORE_QUARANTINED', closed.guard.round({ votes: [step(1n)] }));
});

const BAD: Record<string, [Options, RegExp]> = {
  'no network': [{ network: undefined as never }, /network is missing/],
  'a quorum that two halves have': [{ quorum: 1 }, /quorum must be 2 to 3/],
  'a quorum of more than all': [{ quorum: 4 }, /quorum must be 2 to 3/],
  'a name twice': [{ sinks: [new MemoryWitness('a'), new MemoryWitness('a')] }, /two sinks have the name a/],
  'a name with a space': [{ sinks: [new MemoryWitness('a b')] }, /visible ASCII/],
  'former sinks without a change': [{ formerSinks: [new MemoryWitness('z')] }, /without changeSinks/],
  'a mode without sinks': [{ sinks: undefined as never, network: undefined as never, mode: 'after' }, /without sinks/],
};
for (const [name, [options, text]] of Object.entries(BAD)) {
  test(`refused: ${name}`, async () => {
    await refused('LANESTORE_INVALID', guarded(withSinks(three(), options)), text);
  });
}

test.run();
