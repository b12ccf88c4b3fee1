/** Claims and the fence: no node writes or signs after another one claimed its store. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openPostgres, PostgresFailure, PostgresLevel } from '../../../src/adapter/postgres/index.js';
import { isLanestoreError, type LanestoreErrorCode } from '../../../src/errors.js';
import { openGuard } from '../../../src/guard/index.js';
import { KEY } from '../../guard/support.js';
import { metricsDuring } from '../../support/metric-samples.js';
import { plain, plainBlock, plainVote } from '../../support/plain-model.js';
import { cutConnections } from '../../support/postgres/attacks.js';
import { hasPostgres, type PostgresServer, startServer } from '../../support/postgres/cluster.js';

const LANE = '0a';
const TAKEOVERS = 10;

function tests(server: PostgresServer, close: () => Promise<void>): void {
  const test = suite('postgres: claims and the fence');
  let tables = 0;
  const at = () => ({
    connection: server.url,
    replicas: 0,
    singleServer: true,
    table: `fence_${++tables}`,
    leaseMs: 400,
  });
  const rejected = async (work: Promise<unknown>, code: LanestoreErrorCode, text: RegExp) => {
    const error = await work.then(
      () => assert.unreachable(),
      (reason: unknown) => reason,
    );
    if (!isLanestoreError(error, code)) throw error;
    assert.match(error.message, text);
    return error;
  };
  const causeOf = (error: Error) => (error.cause as PostgresFailure).code;

  test('a second opener is refused while the holder lives, and not after it closed', async () => {
    const place = at();
    const first = await openPostgres({ ...place, model: plain });
    await rejected(openPostgres({ ...place, model: plain }), 'LANESTORE_LOCKED', /its holder is alive/);
    await first.persist({ blocks: [plainBlock(LANE, 0n)] });
    await first.close();
    const second = await openPostgres({ ...place, model: plain });
    assert.is(second.epoch, first.epoch + 1n);
    assert.is(second.takeRecovered().blocks.get(LANE)?.length, 1);
    await second.close();
  });

  test('a holder that vanished is replaced after the lease', async () => {
    const place = at();
    const db = new PostgresLevel({ connection: server.url, replicas: 0, table: place.table, leaseMs: 600_000 });
    await db.open();
    const second = await openPostgres({ ...place, model: plain });
    await second.persist({ blocks: [plainBlock(LANE, 0n)] });
    const write = await db.put('a', 'b').catch((error: unknown) => error);
    assert.instance(write, PostgresFailure);
    assert.is((write as PostgresFailure).code, 'FENCED');
    await second.close();
    await db.close();
  });

  test('read snapshots are measured; replication is not, without standbys', async () => {
    const seen = await metricsDuring(async () => {
      const store = await openPostgres({ ...at(), model: plain });
      await store.persist({ blocks: [plainBlock(LANE, 0n)] });
      await store.close();
    });
    const snapshots = seen.get('lanestore_snapshots') ?? [];
    assert.equal([Math.max(...snapshots), snapshots.at(-1)], [1, 0]);
    assert.is(seen.get('lanestore_replication_seconds'), undefined);
  });

  test('of openers at the same time one claims the store', async () => {
    const place = at();
    await (await openPostgres({ ...place, model: plain })).close();
    const opened = await Promise.allSettled([1, 2, 3].map(() => openPostgres({ ...place, model: plain })));
    const stores = opened.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    assert.is(stores.length, 1);
    for (const attempt of opened) {
      if (attempt.status === 'rejected') assert.ok(isLanestoreError(attempt.reason, 'LANESTORE_LOCKED'));
    }
    await Promise.all(stores.map((store) => store.close()));
  });

  test('takeovers under load lose no acknowledged block and fence every old node', async () => {
    const place = at();
    let acknowledged = 0n;
    let isOver = false;
    const fenced: string[] = [];
    const run = async (takeOver: boolean) => {
      const store = await openPostgres({ ...place, model: plain, takeOver });
      let next = BigInt(store.takeRecovered().blocks.get(LANE)?.length ?? 0);
      assert.ok(next >= acknowledged, `${acknowledged} acknowledged, ${next} recovered`);
      const loading = (async () => {
        while (!isOver) {
          await store.persist({ blocks: [plainBlock(LANE, next)] });
          next++;
          acknowledged = next;
        }
      })().catch((error: Error) => fenced.push(causeOf(error)));
      return { store, loading };
    };
    const nodes = [await run(false)];
    for (let takeover = 0; takeover < TAKEOVERS; takeover++) {
      const before = acknowledged;
      while (acknowledged < before + 3n) await new Promise((resolve) => setTimeout(resolve, 2));
      nodes.push(await run(true));
    }
    isOver = true;
    await Promise.all(nodes.map(({ loading }) => loading));
    assert.equal(fenced, new Array(TAKEOVERS).fill('FENCED'));
    await Promise.all(nodes.map(({ store }) => store.close()));
    const after = await openPostgres({ ...place, model: plain });
    assert.is(BigInt(after.takeRecovered().blocks.get(LANE)?.length ?? 0), acknowledged);
    await after.close();
  });

  test('the fence covers the signature: an old node releases none, the new one has the votes that were given', async () => {
    const place = at();
    const step = (number: bigint, fill: number) =>
      plainVote('step', [0n, number], { digest: new Uint8Array(32).fill(fill) });
    const old = await openPostgres({ ...place, model: plain });
    const oldGuard = await openGuard({ store: old, model: plain, key: KEY, firstUse: true });
    assert.is((await oldGuard.round({ votes: [step(1n, 1)] })).length, 1);
    const next = await openPostgres({ ...place, model: plain, takeOver: true });
    const nextGuard = await openGuard({ store: next, model: plain, key: KEY });
    await rejected(nextGuard.round({ votes: [step(1n, 2)] }), 'LANESTORE_CONFLICT', /./);
    const refused = await rejected(oldGuard.round({ votes: [step(2n, 1)] }), 'LANESTORE_FAILED', /epoch/);
    assert.is(causeOf(refused), 'FENCED');
    assert.is((await nextGuard.round({ votes: [step(2n, 2)] })).length, 1);
    await Promise.all([oldGuard.close(), nextGuard.close()]);
    await Promise.all([old.close(), next.close()]);
  });

  test('without a standby and without singleServer the store keeps no votes', async () => {
    const { singleServer: _, ...place } = at();
    const store = await openPostgres({ ...place, model: plain });
    await rejected(store.persist({ votes: [plainVote('step', [0n, 1n])] }), 'LANESTORE_INVALID', /votes/);
    await store.close();
  });

  test('a cut connection fails the store with UNKNOWN_OUTCOME, and the reopened one has all or nothing', () =>
    cutConnections(server, { ...at(), model: plain }));

  test('a snapshot beyond the limit is LANESTORE_CAPACITY at once, and rounds go on', async () => {
    const place = at();
    const store = await openPostgres({ ...place, model: plain, snapshots: 2, snapshotMs: 600_000 });
    const held: AsyncIterableIterator<unknown>[] = [];
    for (let number = 0n; number < 2n; number++) {
      await store.persist({ blocks: [plainBlock(LANE, number)] });
      const reading = store.readBlocks(LANE);
      await reading.next();
      held.push(reading);
    }
    await store.persist({ blocks: [plainBlock(LANE, 2n)] });
    await rejected(store.readBlocks(LANE).next(), 'LANESTORE_CAPACITY', /2 read snapshots are in use/);
    await store.persist({ blocks: [plainBlock(LANE, 3n)] });
    await held[0]?.return?.();
    assert.equal((await store.readBlocks(LANE).next()).value, plainBlock(LANE, 0n));
    await store.close();
  });

  test('a snapshot that is held too long ends, and its iteration rejects', async () => {
    const place = at();
    const db = new PostgresLevel({ connection: server.url, replicas: 0, table: place.table, snapshotMs: 100 });
    await db.batch([
      { type: 'put', key: 'a', value: '1' },
      { type: 'put', key: 'b', value: '2' },
    ]);
    const iterator = db.iterator({ highWaterMarkBytes: 0 } as object);
    iterator.seek('a');
    await db.put('c', '3');
    const until = performance.now() + 60_000;
    let error: unknown;
    while (error === undefined && performance.now() < until) {
      iterator.seek('a');
      error = await iterator.next().then(
        () => undefined,
        (reason: unknown) => reason,
      );
    }
    assert.ok(isLanestoreError(error, 'LANESTORE_CAPACITY'));
    await db.close();
  });

  test.after(close);
  test.run();
}

if (hasPostgres()) {
  const { cluster, server } = await startServer();
  tests(server, () => cluster.close());
}
