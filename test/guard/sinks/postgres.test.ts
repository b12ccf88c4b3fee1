/** The sink in a table of PostgreSQL, on a real server. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { postgresWitness } from '../../../src/guard/index.js';
import { hasPostgres, type PostgresServer, startServer } from '../../support/postgres/cluster.js';
import { history, holder, KEY_OF_HISTORIES as KEY, NEVER, refused, sinkContract } from './contract.js';

function tests(server: PostgresServer, close: () => Promise<void>): void {
  let tables = 0;
  const named = () => `sink_${++tables}`;
  const sinkOf = (table: string, connection = server.url) => postgresWitness({ connection, table, deadlineMs: 20_000 });

  const contract = suite('sinks: a table of PostgreSQL');
  sinkContract(contract, async () => {
    const table = named();
    return { sink: sinkOf(table), again: () => sinkOf(table) };
  });

  const test = suite('sinks: PostgreSQL');

  test('a server that crashes keeps what it acknowledged, and is used again', async () => {
    const sink = sinkOf(named());
    const own = holder();
    const { epoch } = await sink.claim(KEY, own, NEVER);
    for (let seq = 1n; seq < 20n; seq++) await sink.put({ epoch, holder: own }, history(seq), NEVER);
    await server.stop('SIGQUIT');
    await refused('LANESTORE_IO', sink.put({ epoch, holder: own }, history(20n), NEVER));
    await server.start();
    assert.equal((await sink.read(KEY, NEVER)).last?.history, history(19n));
    await sink.put({ epoch, holder: own }, history(20n), NEVER);
  });

  test('a connection that is cut is replaced; a call that is given up ends', async () => {
    const table = named();
    const sink = sinkOf(table);
    const own = holder();
    const { epoch } = await sink.claim(KEY, own, NEVER);
    await server.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lanestore'");
    let puts = 0;
    for (; puts < 3; puts++) {
      const isPut = await sink.put({ epoch, holder: own }, history(1n), NEVER).then(
        () => true,
        () => false,
      );
      if (isPut) break;
    }
    assert.ok(puts < 3);
    // The row is locked by another session.
    const locked = server.sql(`begin; select 1 from ${table} for update; select pg_sleep(3)`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('late')), 100);
    await refused('LANESTORE_IO', sink.put({ epoch, holder: own }, history(2n), controller.signal));
    await locked;
    await sink.put({ epoch, holder: own }, history(3n), NEVER);
  });

  test('refused: a server that loses commits, a table that does, rows that are none', async () => {
    const table = named();
    await sinkOf(table).claim(KEY, holder(), NEVER);
    await server.sql(`alter table ${table} set unlogged`);
    await refused('LANESTORE_IO', sinkOf(table).read(KEY, NEVER), /not logged/);
    await server.sql(`alter table ${table} set logged`);
    await server.sql(`update ${table} set last_epoch = 1, history = 'garbage'`);
    await refused('LANESTORE_IO', sinkOf(table).read(KEY, NEVER), /no JSON object/);
    await server.sql(`alter table ${table} drop column history`);
    await refused('LANESTORE_IO', sinkOf(table).read(KEY, NEVER), /42703/);
    await server.sql('alter system set fsync = off');
    await server.sql('select pg_reload_conf()');
    const until = performance.now() + 20_000;
    while (performance.now() < until && (await server.sql('show fsync'))[0]?.fsync !== 'off');
    await refused('LANESTORE_IO', sinkOf(named()).read(KEY, NEVER), /fsync/);
    await server.sql('alter system reset fsync');
    await server.sql('select pg_reload_conf()');
    while (performance.now() < until && (await server.sql('show fsync'))[0]?.fsync !== 'on');
  });

  test('no error shows the connection', async () => {
    const secret = 'hunter2-secret';
    const places = [
      `postgres://nobody:${secret}@127.0.0.1:${server.port}/nowhere`,
      `postgres://nobody:${secret}@127.0.0.1:1/nowhere`,
      `postgres://nobody:${secret}@host-${secret}.invalid/nowhere`,
      `postgres://nobody:${secret}@127.0.0.1:${server.port}/%zz`,
    ];
    for (const place of places) {
      const error = await sinkOf(named(), place)
        .read(KEY, NEVER)
        .catch((thrown: unknown) => thrown as Error);
      assert.instance(error, Error);
      const shown = `${(error as Error).stack} ${JSON.stringify(error)} ${String((error as Error).cause)}`;
      assert.not(shown.includes(secret), shown);
    }
  });

  test.after(close);
  contract.run();
  test.run();
}

if (hasPostgres()) {
  const { cluster, server } = await startServer();
  tests(server, () => cluster.close());
}
