/** Edge cases of a signing store: opening it in another way must not lose its votes. */
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { openGuard } from '../../src/guard/index.js';
import { exportState } from '../../src/migrations/index.js';
import { refused } from '../support/faults.js';
import { type PlainVote, plain, plainBlocks, plainSignature, plainVote } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { three } from './sinks/memory.js';
import { KEY } from './support.js';

const test = suite('guard: the edges of a signing store');

test(
  "a caller's database that a key signed in is refused without durable: true, and so is one with closed parts",
  inTemp(async (dir) => {
    const db = new ClassicLevel<string, Uint8Array>(join(dir, 'db'), { valueEncoding: 'view' });
    const durable = { db, model: plain, durable: true };
    const first = await openLevel(durable);
    await first.votes!.quarantine(['own'], 'seen elsewhere', true);
    await first.close();
    await refused(openLevel({ db, model: plain }), 'LANESTORE_INVALID', /signing state/);
    await db.close();
    const other = new ClassicLevel<string, Uint8Array>(join(dir, 'other'), { valueEncoding: 'view' });
    const bound = await openLevel({ ...durable, db: other });
    const guard = await openGuard({ store: bound, model: plain, key: KEY, firstUse: true });
    await guard.close();
    await bound.close();
    await refused(openLevel({ db: other, model: plain }), 'LANESTORE_INVALID', /signing state/);
    const again = await openLevel({ ...durable, db: other });
    assert.ok(again.votes?.durable.signer);
    await again.close();
    await other.close();
  }),
);

test(
  'a store without a key but with lost votes is exported only on request',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const store = await openLevel(location, { model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 2) });
    await store.votes!.quarantine(['own', 'rounds'], 'seen elsewhere', true);
    await store.close();
    const options = { model: plain, checks: {} };
    await refused(exportState(location, join(dir, 'wal'), 'wal-crc', options), 'LANESTORE_IMPORT', /may sign twice/);
    await exportState(location, join(dir, 'wal'), 'wal-crc', { ...options, dropSigningState: true });
  }),
);

test(
  'a vote that changes while it is signed: neither it nor the inner state with its signature is stored',
  inTemp(async (dir) => {
    const store = await openLevel(join(dir, 'store'), { model: plain });
    const vote = { ...plainVote('step', [2n, 0n]) } as { digest: Uint8Array } & PlainVote;
    const sign = async (digest: Uint8Array) => {
      Object.assign(vote, { digest: new Uint8Array(32).fill(9) });
      return plainSignature(KEY, digest);
    };
    const guard = await openGuard({ store, model: plain, sign, signer: KEY, firstUse: true });
    await refused(guard.round({ votes: [vote], inner: () => new Uint8Array(3) }), 'LANESTORE_INVALID', /changed/);
    assert.is(store.votes?.durable.logs.get('step')?.watermark, undefined);
    assert.is(await store.votes?.inner(), undefined);
    await guard.close();
    await store.close();
  }),
);

test(
  'a time for signing that no timer can wait for is refused',
  inTemp(async (dir) => {
    const store = await openLevel(join(dir, 'store'), { model: plain });
    const options = { store, model: plain, key: KEY, firstUse: true, signMsMax: 2 ** 31 };
    await refused(openGuard(options), 'LANESTORE_INVALID', /signMsMax/);
    await store.close();
  }),
);

test(
  'an array with an endless iterator of its own is read by its length',
  inTemp(async (dir) => {
    const store = await openLevel(join(dir, 'store'), { model: plain });
    const blocks = plainBlocks('0a', 0, 2);
    let read = 0;
    Object.defineProperty(blocks, Symbol.iterator, {
      *value() {
        while (read++ < 100_000) yield blocks[0];
      },
    });
    await store.persist({ blocks });
    assert.is(read, 0);
    assert.equal(store.cursors.lanes.get('0a'), { first: 0n, next: 2n });
    await store.votes?.bind(KEY);
    const votes = Object.assign([plainVote('step', [1n, 0n])], { [Symbol.iterator]: () => assert.unreachable() });
    await store.persist({ votes });
    assert.equal(store.votes?.durable.logs.get('step')?.watermark?.at, [1n, 0n]);
    await store.close();
  }),
);

test(
  'a guard records its sinks when it is opened: without them none opens later, though nothing was signed',
  inTemp(async (dir) => {
    const [sink] = three();
    const open = () => openLevel(join(dir, 'store'), { model: plain });
    const store = await open();
    const options = { model: plain, key: KEY, firstUse: true };
    const guard = await openGuard({ ...options, store, sinks: [sink], quorum: 1, network: 'test', mode: 'before' });
    await guard.close();
    await store.close();
    const again = await open();
    assert.equal(again.votes?.durable.sinks?.names, [sink.name]);
    await refused(openGuard({ ...options, store: again }), 'LANESTORE_INVALID', /sinks are missing/);
    await again.close();
  }),
);

test.run();
