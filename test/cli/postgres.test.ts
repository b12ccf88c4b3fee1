/** Commands on `postgres://` locations, as real processes: they read, and claim nothing. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openPostgres } from '../../src/adapter/postgres/index.js';
import { autobahn } from '../../src/index.js';
import { copyState } from '../migrations/states.js';
import { entriesIn, loadExpected } from '../support/fixtures.js';
import { type PostgresServer, withServer } from '../support/postgres/cluster.js';
import { commandsOn } from './postgres-support.js';

async function tests(server: PostgresServer, dir: string, close: () => Promise<void>): Promise<void> {
  const test = suite('cli: postgres');
  const source = copyState('wal-crash-after-anchor', dir, 'source');
  const level = join(dir, 'level');
  const { at, done, tablesLeft } = commandsOn(server, dir);

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

  test.after(close);
  test.run();
}

await withServer(tests);
