/** The long part of `postgres.test.ts`: damage, refusals, passwords. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyState } from '../migrations/states.js';
import { type PostgresServer, withServer } from '../support/postgres/cluster.js';
import { commandsOn } from './postgres-support.js';

const SECRET = 'hunter2';

async function tests(server: PostgresServer, dir: string, close: () => Promise<void>): Promise<void> {
  const test = suite('cli: postgres, refusals');
  const source = copyState('wal-crash-after-anchor', dir, 'source');
  const { at, cli, done, tablesLeft } = commandsOn(server, dir);

  test.before(async () => {
    for (const store of ['one', 'two']) await done('import', source, at(store), '--replicas', '0');
  });
  test.after(close);

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

  test.run();
}

await withServer(tests);
