/** What PostgreSQL must be, and what openPostgres says if it is not. */
import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeRecord } from '../../../src/adapter/level/format/record.js';
import { byteArrays } from '../../../src/adapter/postgres/byte-arrays.js';
import { openPostgres, type PostgresStoreOptions, postgresLocation } from '../../../src/adapter/postgres/index.js';
import { LanestoreError, type LanestoreErrorCode } from '../../../src/errors.js';
import { type PlainAnchor, type PlainBlock, type PlainQC, plain, plainBlock } from '../../support/plain-model.js';
import { hasPostgres, type PostgresServer, startPair, startServer } from '../../support/postgres/cluster.js';

type Options = PostgresStoreOptions<PlainBlock, PlainQC, PlainAnchor>;
const SECRET = 'hunter2';
const NAME = 'postgres://u@h:5/x?store=lanestore';

function tests(server: PostgresServer, close: () => Promise<void>): void {
  const test = suite('postgres: refusals');
  const open = (options: Partial<Options>) =>
    openPostgres({ connection: server.url, replicas: 0, model: plain, deadlineMs: 20_000, leaseMs: 200, ...options });
  const refused = async (options: Partial<Options>, code: LanestoreErrorCode, text: RegExp, remedy = /./) => {
    const error = await open(options).then(
      (store) => store.close().then(() => assert.unreachable(`opened: ${inspect(options)}`)),
      (reason: unknown) => reason,
    );
    if (!(error instanceof LanestoreError)) throw error;
    assert.is(error.code, code);
    assert.match(error.message, text);
    assert.match(error.remedy, remedy);
    assert.not.match(inspect(error, { depth: 9 }), new RegExp(SECRET));
  };

  test('wrong options', async () => {
    for (const [options, message] of [
      [{ replicas: undefined }, /replicas is missing/],
      [{ connection: 5 }, /connection must be a URL/],
      [{ tabel: 'x' }, /tabel is unknown/],
    ] as const) {
      const error = await open(options as never).catch((reason: unknown) => reason);
      assert.instance(error, TypeError);
      assert.match((error as Error).message, message);
    }
    await refused({ table: 'a; drop table b' }, 'LANESTORE_INVALID', /table must be/);
    await refused({ connection: `postgres://u:${SECRET}@[bad` }, 'LANESTORE_INVALID', /pg\.Client/);
  });

  test('a connection that is no URL is refused, and no name of a location has a part of a password', async () => {
    for (const connection of [
      `u:${SECRET}@127.0.0.1/x`,
      `host=127.0.0.1 password=${SECRET}`,
      `postgres:u:${SECRET}@h/x`,
    ])
      await refused({ connection }, 'LANESTORE_INVALID', /must be a URL like/);
    for (const connection of [
      `postgres://u:1/${SECRET}@h/x`,
      `postgres://u:1#${SECRET}@h/x`,
      `postgres://u:${SECRET}@h/x`,
    ])
      assert.not.match(postgresLocation({ connection, replicas: 1 }).name, new RegExp(`${SECRET}|:1`));
    assert.is(postgresLocation({ connection: `postgres://u:${SECRET}@h:5/x`, replicas: 1 }).name, NAME);
  });

  test('no server, no role', async () => {
    await refused({ connection: `postgres://u:${SECRET}@127.0.0.1:1/x` }, 'LANESTORE_IO', /ECONNREFUSED/);
    const other = `postgres://absent:${SECRET}@127.0.0.1:${server.port}/postgres`;
    await refused({ connection: other }, 'LANESTORE_IO', /absent/);
  });

  test('the same primary twice in the list is two primaries', async () => {
    await refused({ connection: [server.url, server.url] }, 'LANESTORE_IO', /2 of the servers are primaries/);
  });

  test('a second head, in a schema that comes first in the search_path', async () => {
    await server.sql('create role wanderer login; grant create, usage on schema public to wanderer');
    const place = { connection: server.url.replace('postgres@', 'wanderer@'), table: 'wandering' };
    const first = await open(place);
    await server.sql(`create schema before; create table before.wandering_head as select * from wandering_head;
      alter table before.wandering_head add primary key (id);
      grant usage on schema before to wanderer; grant all on all tables in schema before to wanderer;
      alter role wanderer set search_path = before, public`);
    await refused(place, 'LANESTORE_NOT_A_STORE', /wandering and wandering_head are in two schemas/);
    await first.persist({ blocks: [plainBlock('0a', 0n)] });
    await first.close();
  });

  test('too few standbys; statistics that the role may not see', async () => {
    await refused({ replicas: 1 }, 'LANESTORE_IO', /0 synchronous standbys/, /synchronous_standby_names/);
    await server.sql('create role modest login; grant create, usage on schema public to modest');
    const connection = server.url.replace('postgres@', 'modest@');
    await refused({ connection, replicas: 1 }, 'LANESTORE_IO', /may not see/, /grant pg_read_all_stats/);
    await (await open({ connection, table: 'modest' })).close();
    await (await open({ table: 'owned' })).close();
    await refused({ connection, table: 'owned' }, 'LANESTORE_IO', /permission denied/, /grant the role/);
  });

  test('a server that a crash may leave with less', async () => {
    await server.sql('alter system set full_page_writes = off');
    await server.sql('select pg_reload_conf()');
    const until = performance.now() + 30_000;
    const isOff = async () => (await server.sql('show full_page_writes'))[0]?.full_page_writes === 'off';
    while (!(await isOff()) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    await refused({}, 'LANESTORE_IO', /full_page_writes = off/, /alter system/);
    await server.sql('alter system reset full_page_writes');
    await server.sql('select pg_reload_conf()');
    while ((await isOff()) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  test('tables that are no store, or that were edited', async () => {
    await server.sql('create table people (name text)');
    await refused({ table: 'people' }, 'LANESTORE_NOT_A_STORE', /people is no table of a store: it has \(name text\)/);
    await refused({ table: 'absent', createIfMissing: false }, 'LANESTORE_NOT_A_STORE', /no table absent/);
    await (await open({ table: 'edited' })).close();
    await server.sql('alter table edited set unlogged');
    await refused({ table: 'edited' }, 'LANESTORE_IO', /edited is unlogged/, /set logged/);
    await server.sql('alter table edited set logged');
    await server.sql('update edited_head set layout = 9');
    await refused({ table: 'edited' }, 'LANESTORE_SCHEMA', /layout 9/);
    await server.sql('update edited_head set layout = 1');
    await server.sql("update edited set value = '\\x00' where key = 'meta/tip'");
    await refused({ table: 'edited' }, 'LANESTORE_CORRUPT', /meta\/tip/);
    await server.sql('delete from edited_head');
    await refused({ table: 'edited' }, 'LANESTORE_NOT_A_STORE', /head table is gone/);
    await server.sql('drop table edited_head');
    await refused({ table: 'edited' }, 'LANESTORE_NOT_A_STORE', /no table edited_head/);
  });

  test('a store of another format, or of another model', async () => {
    const store = await open({ table: 'other' });
    await store.close();
    await refused({ table: 'other', model: { ...plain, name: 'other/1' } }, 'LANESTORE_SCHEMA', /plain\/1/);
    const record = encodeRecord('meta/schema', {
      format: 99,
      model: 'plain/1',
      store: new Uint8Array(16),
      createdAt: '',
    });
    await server.sql("update other set value = $1 where key = 'meta/schema'", [Buffer.from(record.bytes)]);
    await refused({ table: 'other' }, 'LANESTORE_SCHEMA', /99/);
    await server.sql('alter table other add column more int');
    await refused({ table: 'other' }, 'LANESTORE_NOT_A_STORE', /other is no table of a store/);
  });

  test('byte strings arrive as they were sent', async () => {
    const items = [new Uint8Array(), new Uint8Array([0, 255, 92, 39]), new Uint8Array(70_000).fill(7)];
    const [row] = await server.sql('select $1::bytea[] as items', [byteArrays(items)]);
    assert.equal(
      (row as { items: Buffer[] }).items.map((item) => [...item]),
      items.map((item) => [...item]),
    );
    const [empty] = await server.sql('select $1::bytea[] as items', [byteArrays([])]);
    assert.equal(empty?.items, []);
  });

  test.after(close);
  test.run();
}

/** Servers that are refused as a whole. */
function whole(): void {
  const test = suite('postgres: servers that are refused');
  const refusal = async (server: PostgresServer) => {
    const opening = openPostgres({ connection: server.url, replicas: 0, model: plain });
    const error = await opening.catch((reason: unknown) => reason);
    if (!(error instanceof LanestoreError)) throw error;
    return error;
  };

  test('fsync = off', async () => {
    const { cluster, server } = await startServer({ fsync: 'off' });
    const { code, message, remedy } = await refusal(server);
    await cluster.close();
    assert.is(code, 'LANESTORE_IO');
    assert.match(message, /fsync = off/);
    assert.match(remedy, /alter system set fsync = on/);
  });

  test('a standby is the only host', async () => {
    const { cluster, standby } = await startPair();
    const { code, message, remedy } = await refusal(standby);
    await cluster.close();
    assert.is(code, 'LANESTORE_IO');
    assert.match(message, /no server is a primary/);
    assert.match(remedy, /name every server/);
  });

  test.run();
}

if (hasPostgres()) {
  whole();
  const { cluster, server } = await startServer();
  tests(server, () => cluster.close());
}
