/**
 * What sinks hold, brought to a store that was restored or made anew: it is raised to what was
 * signed, the signer before is fenced, and parts are opened only if nothing else can have left.
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  forgetSinks,
  type GuardOptions,
  handover,
  handoverRequest,
  importFromSinks,
  importHistory,
  importState,
  openGuard,
  openLevel,
  openView,
  releaseStore,
  snapshot,
  type WitnessSink,
} from '../../../src/index.js';
import { plain, plainBlock, plainBlocks, plainLaneVote, plainQC, plainVote } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';
import { KEY, OWN, type PlainGuard } from '../support.js';
import { refused } from './contract.js';
import { down, MemoryWitness, three } from './memory.js';

const test = suite('guard: import from sinks');

const PARTS = ['rounds', 'app', 'lanes', 'own'];
const OTHER = new Uint8Array(32);
const at = { model: plain, network: 'test' };
const step = (road: bigint, digest?: Uint8Array) =>
  plainVote('step', [road, 0n], digest === undefined ? {} : { digest });
type Options = Partial<GuardOptions<never, never, never>>;

async function signing<T>(
  location: string,
  sinks: readonly WitnessSink[] | undefined,
  use: (guard: PlainGuard, store: Awaited<ReturnType<typeof openPlain>>) => Promise<T>,
  more: Options = {},
): Promise<T> {
  await using store = await openPlain(location);
  const witnessed = sinks === undefined ? {} : { sinks, network: 'test', sinkMsMax: 500 };
  const guard = (await openGuard({ store, model: plain, key: KEY, ...witnessed, ...more } as never)) as PlainGuard;
  try {
    return await use(guard, store);
  } finally {
    await guard.close();
  }
}

function openPlain(location: string) {
  return openLevel(location, { model: plain });
}

/** A store that has signed in roads 1 and 2, and a snapshot from after road 1. */
async function lostAfter(dir: string, sinks: readonly WitnessSink[], more: Options = {}): Promise<[string, string]> {
  const [old, backup] = [join(dir, 'old'), join(dir, 'backup')];
  await signing(
    old,
    sinks,
    async (guard, store) => {
      await store.persist({ commitQCs: [plainQC(0)], blocks: plainBlocks('0b', 0, 3) });
      await guard.round({ votes: [step(1n)], inner: () => new Uint8Array([1]) });
      await snapshot(old, backup, { model: plain });
      await guard.round({ votes: [step(2n)], inner: () => new Uint8Array([2]) });
      await guard.ownBlock(plainLaneVote('own', plainBlock(OWN, 0)), (block) => store.persist({ blocks: [block] }));
      await store.persist({ blocks: plainBlocks('0b', 3, 5) });
      await guard.laneVote('0b', 4n);
    },
    { firstUse: true, ...more },
  );
  return [old, backup];
}

test(
  'a snapshot is opened by a quorum of sinks that were written before: nothing signed can be signed otherwise',
  inTemp(async (dir) => {
    const sinks = three();
    const [old, backup] = await lostAfter(dir, sinks);
    const plan = await importFromSinks(backup, { ...at, sinks, dryRun: true });
    assert.equal([plan.opened, plan.closed], [PARTS, []]);
    const report = await importFromSinks(backup, { ...at, sinks, seq: plan.seq });
    assert.equal(report.opened, PARTS);
    assert.is(report.pending, undefined);
    await signing(backup, sinks, async (guard, store) => {
      assert.equal(store.takeRecovered().inner, new Uint8Array([2]), 'the state of the lost store');
      await refused('LANESTORE_CONFLICT', guard.round({ votes: [step(2n, OTHER)] }), /another one than/);
      assert.is(await guard.laneVote('0b', 2n), undefined, 'below the floor');
      const own = plainLaneVote('own', plainBlock(OWN, 0, 'another'));
      await refused(
        'LANESTORE_CONFLICT',
        guard.ownBlock(own, (block) => store.persist({ blocks: [block] })),
        /floor/,
      );
      await guard.round({ votes: [step(3n)] });
    });
    // The lost machine comes back: it is behind.
    await refused(
      'LANESTORE_ROLLED_BACK',
      signing(old, sinks, async () => undefined),
    );
  }),
);

test(
  'the signer before is fenced by the import, and releases nothing any more',
  inTemp(async (dir) => {
    const sinks = three();
    const [old, backup] = await lostAfter(dir, sinks);
    await signing(old, sinks, async (guard) => {
      await importFromSinks(backup, { ...at, sinks });
      await refused('LANESTORE_FENCED', guard.round({ votes: [step(3n)] }));
      await refused('LANESTORE_QUARANTINED', guard.laneVote('0b', 4n));
    });
    await signing(backup, sinks, (guard) => guard.round({ votes: [step(3n, OTHER)] }));
  }),
);

test(
  'a new store of the key takes over; of the old one nothing is left',
  inTemp(async (dir) => {
    const sinks = three();
    const [, backup] = await lostAfter(dir, sinks);
    const made = join(dir, 'made');
    await importState(backup, made, { model: plain, checks: {} });
    await signing(made, sinks, (guard) => refused('LANESTORE_QUARANTINED', guard.round({ votes: [step(3n)] })));
    const report = await importFromSinks(made, { ...at, sinks, signer: KEY });
    assert.equal(report.opened, PARTS);
    await signing(made, sinks, (guard) => guard.round({ votes: [step(3n)] }));
    await using view = await openView(made, { model: plain });
    assert.is(view.votes?.heirOf?.length, 1);
    assert.equal(view.votes?.sinks, { names: ['a', 'b', 'c'], quorum: 2 });
  }),
);

const DOUBTS: Record<
  string,
  { more?: Options; asked?: (sinks: readonly MemoryWitness[]) => WitnessSink[]; why: RegExp }
> = {
  'sinks that were written after the release': { more: { mode: 'after' }, why: /after signatures were released/ },
  'one sink of three': {
    asked: ([a]) => [a as WitnessSink],
    why: /1 of 3 sinks hold the key, 2 are needed; missing: b, c/,
  },
  'two sinks of three of which one is down': {
    asked: ([a, b]) => {
      b!.before = down;
      return [a as WitnessSink, b as WitnessSink];
    },
    why: /missing: b, c/,
  },
  'sinks of which two forgot': {
    asked: (all) => {
      for (const sink of all.slice(1)) sink.records = new Map();
      return [...all];
    },
    why: /1 of 3/,
  },
};

for (const [name, { more = {}, asked = (all: readonly MemoryWitness[]) => [...all], why }] of Object.entries(DOUBTS)) {
  test(
    `raises, and opens nothing: ${name}`,
    inTemp(async (dir) => {
      const sinks = three();
      const [, backup] = await lostAfter(dir, sinks, more);
      const report = await importFromSinks(backup, { ...at, sinks: asked(sinks) });
      assert.equal([report.opened, report.closed.length], [[], 4]);
      assert.match(report.pending ?? '', why);
      assert.ok(report.raised.includes('step'));
      await using view = await openView(backup, { model: plain });
      assert.equal(view.votes?.logs.get('step')?.watermark?.at, [2n, 0n]);
    }),
  );
}

test(
  'refused: no sink answers, none knows the key, another network, a store without a key, a wrong key',
  inTemp(async (dir) => {
    const sinks = three();
    const [, backup] = await lostAfter(dir, sinks);
    const stranger = new MemoryWitness('a');
    await refused('LANESTORE_INVALID', importFromSinks(backup, { ...at, sinks: [stranger] }), /know nothing/);
    await refused('LANESTORE_INVALID', importFromSinks(backup, { ...at, network: 'other', sinks }), /know nothing/);
    await refused('LANESTORE_INVALID', importFromSinks(backup, { ...at, sinks, signer: OTHER }), /is of the key/);
    const empty = join(dir, 'empty');
    await (await openPlain(empty)).close();
    await refused('LANESTORE_INVALID', importFromSinks(empty, { ...at, sinks }), /no key is bound/);
    await refused('LANESTORE_INVALID', importFromSinks(backup, { ...at, sinks, seq: 99n }), /newest batch/);
    for (const sink of sinks) sink.before = down;
    await refused('LANESTORE_IO', importFromSinks(backup, { ...at, sinks }), /a: ECONNREFUSED; b: .*c: /);
  }),
);

test(
  'after a handover the sinks know the heir, even one that was away all the time; a clone of the old store is stopped',
  inTemp(async (dir) => {
    const sinks = three();
    const [old, heir, third, clone] = ['old', 'heir', 'third', 'clone'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
      string,
    ];
    await signing(old, sinks, async (guard) => void (await guard.round({ votes: [step(1n)] })), { firstUse: true });
    await importState(old, clone, { model: plain, checks: {} });
    // By hand, and wrong: it is not the last state of the key.
    await releaseStore(clone, { model: plain, reason: 'wrong', asIs: true });
    const hand = async (from: string, to: string) => {
      await importState(from, to, { model: plain, checks: {} });
      const request = await handoverRequest(to, { model: plain });
      const history = await handover(from, { ...at, to: request });
      await importHistory(to, { ...at, history });
    };
    sinks[2].before = down;
    await hand(old, heir);
    await refused(
      'LANESTORE_INVALID',
      signing(heir, undefined, async () => undefined),
      /sinks are missing: a, b, c/,
    );
    await signing(heir, sinks, (guard) => guard.round({ votes: [step(2n)] }));
    await hand(heir, third);
    sinks[2].before = () => undefined;
    await signing(third, sinks, (guard) => guard.round({ votes: [step(3n)] }));
    await signing(clone, sinks, async (guard) => {
      await refused('LANESTORE_QUARANTINED', guard.round({ votes: [step(3n, OTHER)] }), /did not hand over/);
    });
  }),
);

test(
  'sinks that are lost for good are forgotten by hand, and recorded',
  inTemp(async (dir) => {
    const sinks = three();
    const [old] = await lostAfter(dir, sinks);
    await refused('LANESTORE_INVALID', forgetSinks(old, { model: plain, reason: '' }));
    await refused('LANESTORE_INVALID', forgetSinks(old, { model: plain, reason: 'x', seq: 1n }), /newest batch/);
    const plan = await forgetSinks(old, { model: plain, reason: 'burnt', dryRun: true });
    const done = await forgetSinks(old, { model: plain, reason: 'burnt', seq: plan.seq });
    assert.equal(done.sinks, { names: ['a', 'b', 'c'], quorum: 2 });
    await refused('LANESTORE_INVALID', forgetSinks(old, { model: plain, reason: 'burnt' }), /records no sinks/);
    const [fresh] = three();
    await signing(old, [fresh], (guard) => guard.round({ votes: [step(3n)] }));
  }),
);

test.run();
