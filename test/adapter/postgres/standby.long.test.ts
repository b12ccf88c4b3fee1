/**
 * A primary and a synchronous standby: conformance, and every way known in which the server reports
 * success although no standby has the batch. Each attack has its weakened control.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openPostgres, type PostgresFailure, PostgresLevel } from '../../../src/adapter/postgres/index.js';
import { Session } from '../../../src/adapter/postgres/session.js';
import { conformance } from '../../../src/conformance/index.js';
import { isLanestoreError } from '../../../src/errors.js';
import { plainTypes } from '../../conformance/subjects.js';
import { metricsDuring } from '../../support/metric-samples.js';
import { plain, plainBlock } from '../../support/plain-model.js';
import {
  hasPostgres,
  type PostgresCluster,
  type PostgresServer,
  startPair,
  streaming,
} from '../../support/postgres/cluster.js';
import { postgresSubject } from '../../support/postgres/subject.js';

const LANE = '0a';
const WAITING = "select pid from pg_stat_activity where wait_event = 'SyncRep'";

function tests(cluster: PostgresCluster, primary: PostgresServer, standby: PostgresServer): void {
  const same = suite('conformance: postgres with a synchronous standby');
  conformance({ test: same, ...postgresSubject(plainTypes, { connection: primary.url, replicas: 1 }) });
  same.run();

  const test = suite('postgres: a synchronous standby');
  let tables = 0;
  const level = async (options: { replicas: number; deadlineMs?: number }) => {
    const db = new PostgresLevel({ connection: primary.url, table: `standby_${++tables}`, ...options });
    await db.open();
    return db;
  };
  /** Stops the standby's receiver, by its pid, while `work` runs. */
  const withStoppedReceiver = async (work: () => Promise<void>) => {
    const [row] = await standby.sql('select pid from pg_stat_wal_receiver');
    const pid = row?.pid as number;
    process.kill(pid, 'SIGSTOP');
    try {
      await work();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await streaming(primary);
  };
  const waiting = async () => {
    const until = performance.now() + 60_000;
    while ((await primary.sql(WAITING)).length === 0 && performance.now() < until) await sleep(10);
  };
  const codeOf = async (write: Promise<void>) =>
    write.then(
      () => 'acknowledged',
      (error: PostgresFailure) => error.code,
    );
  test('the time until a standby has flushed a batch is measured', async () => {
    const seen = await metricsDuring(async () => {
      const db = await level({ replicas: 1 });
      await db.put('a', 'b');
      await db.close();
    });
    assert.ok((seen.get('lanestore_replication_seconds') ?? []).some((seconds) => seconds > 0));
  });

  test('a cancelled wait is not taken for success', async () => {
    const db = await level({ replicas: 1, deadlineMs: 2000 });
    await withStoppedReceiver(async () => {
      const write = codeOf(db.put('a', '1'));
      await waiting();
      await primary.sql(`select pg_cancel_backend(pid) from (${WAITING}) w`);
      assert.is(await write, 'NOT_REPLICATED');
    });
    await db.close();
  });

  test('weakened: without verification the notice alone still refuses it; without both it is acknowledged', async () => {
    const { takeNotice } = Session.prototype;
    for (const [isNoticed, outcome] of [
      [true, 'NOT_REPLICATED'],
      [false, 'acknowledged'],
    ] as const) {
      const db = await level({ replicas: 0 });
      if (!isNoticed) Session.prototype.takeNotice = () => undefined;
      try {
        await withStoppedReceiver(async () => {
          const write = codeOf(db.put('a', '1'));
          await waiting();
          await primary.sql(`select pg_cancel_backend(pid) from (${WAITING}) w`);
          assert.is(await write, outcome);
        });
      } finally {
        Session.prototype.takeNotice = takeNotice;
      }
      await db.close();
    }
  });

  for (const [replicas, outcome] of [
    [1, 'NOT_REPLICATED'],
    [0, 'acknowledged'],
  ] as const) {
    const what = replicas === 1 ? '' : 'weakened, no verification: ';
    test(`${what}synchronous_standby_names is emptied during a wait: ${outcome}`, async () => {
      const db = await level({ replicas, deadlineMs: 4000 });
      await withStoppedReceiver(async () => {
        const write = codeOf(db.put('a', '1'));
        await waiting();
        await primary.sql("alter system set synchronous_standby_names = ''");
        await primary.sql('select pg_reload_conf()');
        assert.is(await write, outcome);
        await primary.sql("alter system set synchronous_standby_names = 'standby'");
        await primary.sql('select pg_reload_conf()');
      });
      await db.close();
    });
  }

  test('a claim against a batch that waits for its standby is LANESTORE_LOCKED', async () => {
    const db = await level({ replicas: 1, deadlineMs: 30_000 });
    await withStoppedReceiver(async () => {
      const write = codeOf(db.put('a', '1'));
      await waiting();
      const second = new PostgresLevel({
        connection: primary.url,
        table: `standby_${tables}`,
        replicas: 1,
        takeOver: true,
        deadlineMs: 1000,
      });
      const error = (await second.open().catch((reason: unknown) => reason)) as Error;
      assert.ok(isLanestoreError(error.cause, 'LANESTORE_LOCKED') || isLanestoreError(error.cause, 'LANESTORE_IO'));
      await primary.sql(`select pg_terminate_backend(pid) from (${WAITING}) w`);
      assert.not.equal(await write, 'acknowledged');
    });
    await db.close();
  });

  test('the primary restarts during the wait: opening believes the batch only once the standby has it', async () => {
    const db = await level({ replicas: 1, deadlineMs: 30_000 });
    const table = `standby_${tables}`;
    await db.put('a', '1');
    const rows = async (server: PostgresServer) => (await server.sql(`select key from ${table}`)).length;
    const open = () =>
      new PostgresLevel({ connection: primary.url, table, replicas: 1, takeOver: true, deadlineMs: 3000 });
    await withStoppedReceiver(async () => {
      const write = codeOf(db.put('b', '2'));
      await waiting();
      await primary.stop('SIGKILL');
      assert.is(await write, 'UNKNOWN_OUTCOME');
      await primary.start();
      // Without the barrier an opener would take what it reads here for kept: the standby lacks it.
      assert.equal([await rows(primary), await rows(standby)], [2, 1]);
      const early = open();
      const refusal = (await early.open().catch((reason: unknown) => reason)) as Error;
      assert.ok(isLanestoreError(refusal.cause, 'LANESTORE_IO'), 'refused while no standby streams');
    });
    const late = open();
    await late.open();
    assert.is(await late.get('b'), '2');
    assert.is(await rows(standby), 2);
    await late.close();
    await db.close();
  });

  test('failover: nothing acknowledged is lost, the old node and its revived primary write no more', async () => {
    const place = { connection: [primary.url, standby.url], table: 'failover', model: plain, deadlineMs: 3000 };
    const old = await openPostgres({ ...place, replicas: 1 });
    let acknowledged = 0n;
    let failure: Error | undefined;
    const loading = (async () => {
      for (let next = 0n; ; next++) {
        await old.persist({ blocks: [plainBlock(LANE, next)] });
        acknowledged = next + 1n;
      }
    })().catch((error: Error) => {
      failure = error;
    });
    while (acknowledged < 50n && failure === undefined) await sleep(5);
    await primary.stop('SIGKILL');
    await loading;
    assert.is(((failure as Error).cause as PostgresFailure).code, 'UNKNOWN_OUTCOME');
    await standby.sql('select pg_promote()');
    const store = await openPostgres({ ...place, replicas: 0, singleServer: true, takeOver: true });
    const recovered = BigInt(store.takeRecovered().blocks.get(LANE)?.length ?? 0);
    assert.ok(recovered === acknowledged || recovered === acknowledged + 1n, `${acknowledged}, then ${recovered}`);
    await store.persist({ blocks: [plainBlock(LANE, recovered)] });
    await old.close();

    await primary.start();
    const revived = openPostgres({ ...place, connection: primary.url, replicas: 1, takeOver: true });
    const refusal = await revived.catch((reason: unknown) => reason);
    assert.ok(isLanestoreError(refusal, 'LANESTORE_IO'), 'no standby streams from it any more');
    const both = await openPostgres({ ...place, replicas: 0 }).catch((reason: unknown) => reason);
    assert.ok(isLanestoreError(both, 'LANESTORE_IO'));
    assert.match((both as Error).message, /2 of the servers are primaries/);
    await store.close();
  });

  test.after(() => cluster.close());
  test.run();
}

if (hasPostgres()) {
  const { cluster, primary, standby } = await startPair();
  tests(cluster, primary, standby);
}
