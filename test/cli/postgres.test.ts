/** Commands on `postgres://` locations, as real processes: they read, and claim nothing. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openPostgres } from '../../src/adapter/postgres/index.js';
import { autobahn } from '../../src/index.js';
import { copyState } from '../migrations/states.js';
import { begin } from '../support/cli.js';
import { entriesIn, loadExpected } from '../support/fixtures.js';
import { type PostgresServer, withServer } from '../support/postgres/cluster.js';

const SECRET = 'hunter2';

async function tests(server: PostgresServer, dir: string, close: () => Promise<void>): Promise<void> {
  const test = suite('cli: postgres');
  const source = copyState('wal-crash-after-anchor', dir, 'source');
  const level = join(dir, 'level');
  const at = (store: string) => `${server.url}?store=${store}`;
  const cli = (...args: string[]) => begin(dir, ...args);
  const done = async (...args: string[]) => {
    const result = await cli(...args);
    assert.is(result.status, 0, `${args[0]}: ${result.stderr}`);
    return result.stdout;
  };
  const tablesLeft = async () =>
    (await server.sql("select relname from pg_class where relname like '%import%' and relkind = 'r'")).length;

  test('import into PostgreSQL and back: the same content, in quarantine, and nothing is left beside it', async () => {
    assert.match(await done('import', source, at('one'), '--replicas', '0'), /-> level postgres:\/\/.*store=one\n/);
    assert.equal(
      entriesIn(await done('manifest', at('one'))),
      loadExpected('wal-crash-after-anchor', 'expected-after-start.json'),
    );
    await done('import', at('one'), level);
    assert.is(await done('manifest', level), await done('manifest', at('one')));
    assert.is(await done('diff', at('one'), level), 'equal: level, level\n');
    await done('import', level, at('two'), '--replicas', '0');
    assert.is(await done('diff', at('one'), at('two')), 'equal: level, level\n');
    const { votes } = JSON.parse(await done('inspect', at('two'), '--json'));
    assert.ok(votes.quarantine !== undefined && votes.quarantine !== null, 'its votes are closed');
    assert.is(await tablesLeft(), 0);
    const store = await openPostgres({
      connection: server.url,
      table: 'two',
      replicas: 0,
      singleServer: true,
      model: autobahn,
    });
    assert.ok(store.takeRecovered().blocks.size > 0);
    await store.close();
  });

  test('inspect, ls, get, lane, verify and export read a store that a node holds, and claim nothing', async () => {
    const [before] = await server.sql('select * from one_head');
    const found = JSON.parse(await done('inspect', at('one'), '--json'));
    assert.is(found.layout, 'level');
    assert.is(found.location, at('one'));
    assert.match(await done('inspect', at('one')), /layout +level, format/);
    const keys = (await done('ls', at('one'))).split('\n').map((line) => line.split(' ')[0]);
    assert.ok(keys.includes('meta/tip') && keys.includes('anchor'), 'keys are listed');
    assert.is(await done('get', at('one'), 'anchor', '--json'), await done('get', level, 'anchor', '--json'));
    assert.match(await done('verify', at('one')), /^OK: \d+ records/);
    await done('export', at('one'), join(dir, 'wal'), '--layout', 'wal', '--drop-signing-state');
    assert.is(await done('diff', at('one'), join(dir, 'wal')), 'equal: level, wal\n');
    const [after] = await server.sql('select * from one_head');
    assert.equal(after, before);
  });

  test('damage ends with 1; no store, a taken name and other verbs are refused', async () => {
    await server.sql("update two set value = set_byte(value, 3, get_byte(value, 3) # 1) where key = 'anchor'");
    const damaged = await cli('verify', at('two'));
    assert.is(damaged.status, 1, damaged.stderr);
    assert.match(damaged.stdout, /anchor/);
    const absent = await cli('inspect', at('absent'));
    assert.is(absent.status, 3);
    assert.match(absent.stderr, /LANESTORE_NOT_A_STORE: .*no table absent/);
    const taken = await cli('import', source, at('one'), '--replicas', '0');
    assert.is(taken.status, 3);
    assert.match(taken.stderr, /a table one already/);
    const unreplicated = await cli('import', source, at('three'), '--replicas', '1');
    assert.is(unreplicated.status, 3);
    assert.match(unreplicated.stderr, /0 synchronous standbys are streaming/);
    assert.is(await tablesLeft(), 0);
    for (const [args, message] of [
      [['import', source, at('three')], /--replicas N/],
      [['import', source, join(dir, 'x'), '--replicas', '1'], /--replicas N/],
      [['snapshot', at('one'), join(dir, 'y')], /snapshot takes no location in PostgreSQL/],
      [['inspect', '--quick', at('one')], /--quick/],
      [['ls', `${server.url}?store=One`], /lowercase/],
      [['ls', `${server.url}?options=-c`], /of parameters/],
    ] as const) {
      const refused = await cli(...args);
      assert.is(refused.status, 2, refused.stderr);
      assert.match(refused.stderr, message);
    }
  });

  test('a password comes from PGPASSWORD or PGPASSFILE, and is never printed', async () => {
    const { port } = server;
    for (const location of [
      `postgres://postgres:${SECRET}@127.0.0.1:${port}/postgres`,
      `postgresql://127.0.0.1:${port}/postgres?user=postgres&password=${SECRET}`,
      `postgres://postgres:${SECRET}@[bad`,
    ]) {
      for (const args of [
        ['inspect', location],
        ['ls', location, '--json'],
        ['health', location],
        ['diff', dir, location],
      ]) {
        const refused = await cli(...args);
        assert.is(refused.status, 2, refused.stderr);
        assert.not.match(refused.stderr + refused.stdout, new RegExp(SECRET));
      }
    }
    await server.sql(`create role guarded login password '${SECRET}'`);
    await server.sql('grant select on one, one_head to guarded');
    const hba = `local all all trust\nhost all guarded 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n`;
    writeFileSync(join(server.data, 'pg_hba.conf'), hba);
    await server.sql('select pg_reload_conf()');
    const guarded = at('one').replace('postgres@', 'guarded@');
    const until = performance.now() + 30_000;
    let refused = await cli('verify', guarded);
    while (refused.status === 0 && performance.now() < until) refused = await cli('verify', guarded);
    assert.is(refused.status, 3);
    mkdirSync(join(dir, 'home'));
    const file = join(dir, 'home', 'pgpass');
    writeFileSync(file, `127.0.0.1:${port}:postgres:guarded:${SECRET}\n`, { mode: 0o600 });
    for (const [name, value] of [
      ['PGPASSWORD', SECRET],
      ['PGPASSFILE', file],
    ] as const) {
      process.env[name] = value;
      try {
        assert.match(await done('verify', guarded), /^OK/);
      } finally {
        delete process.env[name];
      }
    }
    process.env.PGPASSWORD = `${SECRET}!`;
    const wrong = await cli('verify', guarded);
    delete process.env.PGPASSWORD;
    assert.is(wrong.status, 3);
    assert.not.match(wrong.stderr, new RegExp(SECRET));
  });

  test.after(close);
  test.run();
}

await withServer(tests);
