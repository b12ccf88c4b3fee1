/** `release`, `handover` and `votes` on locations in PostgreSQL, as an operator runs them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openPostgres, postgresLocation } from '../../src/adapter/postgres/index.js';
import {
  autobahn,
  fileWitness,
  handoverRequest,
  isLanestoreError,
  openGuard,
  openLevel,
  postgresWitness,
  releaseStore,
} from '../../src/index.js';
import { begin } from '../support/cli.js';
import { packageRoot } from '../support/fixtures.js';
import { makeNetwork } from '../support/network.js';
import { type PostgresServer, withServer } from '../support/postgres/cluster.js';
import { proposalMsg } from '../support/vote-messages.js';

const net = makeNetwork({ validators: 4 });
const QC = net.commitQC();
const NETWORK = ['--network', 'testnet-1'];
const SINGLE = ['--replicas', '0', '--single-server'];
const VOTE = proposalMsg('prepareVote', 1, 0);
const SECRET = 'hunter2';

async function tests(server: PostgresServer, dir: string, close: () => Promise<void>): Promise<void> {
  const test = suite('cli: votes in PostgreSQL');
  const at = (store: string) => `${server.url}?store=${store}`;
  const path = (name: string) => join(dir, name);
  const cli = (...args: string[]) => begin(dir, ...args);
  const done = async (...args: string[]) => {
    const result = await cli(...args);
    assert.is(result.status, 0, `${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  const openTables = (table: string) =>
    openPostgres({ connection: server.url, table, replicas: 0, singleServer: true, model: autobahn });
  const signing = async <T>(
    name: string,
    use: (guard: Awaited<ReturnType<typeof openGuard>>) => T,
    more: object = {},
  ): Promise<Awaited<T>> => {
    await using store = await (name.startsWith('in_') ? openTables(name) : openLevel(path(name), { model: autobahn }));
    await using guard = await openGuard({ store, model: autobahn as never, key: net.secret(0), ...more });
    if ('firstUse' in more) await store.persist({ commitQCs: [QC] });
    return await use(guard);
  };
  const verdict = (name: string) => signing(name, (guard) => guard.test(VOTE));

  test('a key moves from a directory to PostgreSQL, and back', async () => {
    await signing('old', (guard) => guard.round({ votes: [VOTE] }), { firstUse: true });
    await done('import', path('old'), at('in_one'), '--replicas', '0');
    assert.is(await verdict('in_one'), 'quarantined');

    const to = (await done('handover', 'request', at('in_one'))).trim();
    await done('handover', path('old'), '--to', to, '--out', path('there.json'), ...NETWORK, '--yes');
    assert.is(await verdict('old'), 'quarantined');
    const bring = ['votes', 'import', at('in_one'), path('there.json'), ...NETWORK];
    assert.match(await done(...bring, ...SINGLE, '--dry-run'), /would open +rounds, app, lanes, own/);
    assert.is(await verdict('in_one'), 'quarantined');
    assert.match(await done(...bring, ...SINGLE, '--yes'), /opened: rounds, app, lanes, own/);
    assert.is(await verdict('in_one'), 'again');
    const shown = await done('votes', 'show', at('in_one'));
    assert.match(shown, /signer +[0-9a-f]{64}\n/);
    assert.match(shown, /prepare +last vote at 1, 0/);
    assert.match(await done('votes', 'export', at('in_one'), ...NETWORK), /"kind": ?"live"/);

    await done('import', at('in_one'), path('back'));
    const again = (await done('handover', 'request', path('back'))).trim();
    const hand = ['handover', at('in_one'), '--to', again, '--out', path('back.json'), ...NETWORK, ...SINGLE];
    assert.match(await done(...hand, '--dry-run'), /^signing history, live/);
    assert.is(await verdict('in_one'), 'again');
    await done(...hand, '--yes');
    assert.is(await verdict('in_one'), 'quarantined');
    // Lost, and written again.
    writeFileSync(path('back.json'), '');
    assert.is((await cli(...hand, '--yes')).status, 2, 'a file is not written over');
    await done(...hand.map((arg) => (arg === path('back.json') ? path('again.json') : arg)), '--yes');
    await done('votes', 'import', path('back'), path('again.json'), ...NETWORK, '--yes');
    assert.is(await verdict('back'), 'again');
    const refused = await cli('release', at('in_one'), '--as-is', '--reason', 'r', '--yes', ...SINGLE);
    assert.match(refused.stderr, /handed its votes to another one/);
  });

  test('an import into PostgreSQL is released by hand, and the decision is recorded', async () => {
    await signing('source', (guard) => guard.round({ votes: [VOTE] }), { firstUse: true });
    await done('import', path('source'), at('in_two'), '--replicas', '0');
    const release = ['release', at('in_two'), '--as-is', '--reason', 'the directory is gone', ...SINGLE];
    assert.match(await done(...release, '--dry-run'), /would open +rounds, app, lanes, own/);
    const unsure = await cli(...release);
    assert.is(unsure.status, 2, unsure.stderr);
    assert.is(await verdict('in_two'), 'quarantined');
    assert.match(await done(...release, '--yes'), /recorded in the store: rounds, app, lanes, own/);
    assert.is(await verdict('in_two'), 'again');
    const events = (await done('ls', at('in_two'))).split('\n').filter((line) => line.startsWith('meta/event/'));
    const [last = ''] = events.at(-1)?.split(' ') ?? [];
    assert.match(await done('get', at('in_two'), last), /the directory is gone/);
  });

  test('answers of peers release it, too; what they do not prove stays closed', async () => {
    await signing('lost', (guard) => guard.round({ votes: [VOTE] }), { firstUse: true });
    await done('import', path('lost'), at('in_three'), '--replicas', '0');
    await signing('in_three', async (guard) => {
      for (const key of net.committee.keys.slice(1)) await guard.answer(key, { next: 1n });
    });
    writeFileSync(path('committee'), net.committee.keys.map((key) => `${Buffer.from(key).toString('hex')}\n`).join(''));
    const release = ['release', at('in_three'), '--from-peers', '--committee', path('committee'), '--reason', 'lost'];
    assert.match(await done(...release, ...SINGLE, '--yes'), /recorded in the store: rounds, lanes/);
    assert.is(await verdict('in_three'), 'floor');
  });

  test('sinks bring a store in PostgreSQL up to what they hold; sinks that are lost are forgotten', async () => {
    const sinks = () => [
      fileWitness(path('witness'), { name: 'a' }),
      postgresWitness({ connection: server.url, table: 'witness' }),
    ];
    const witnessed = () => ({ sinks: sinks(), network: 'testnet-1' });
    await signing('was', () => done('import', path('old'), at('in_four'), '--replicas', '0'), {
      firstUse: true,
      ...witnessed(),
    });
    await done('import', path('was'), at('in_five'), '--replicas', '0');
    await signing('was', (guard) => guard.round({ votes: [VOTE] }), witnessed());
    const files = [
      { file: path('witness'), name: 'a' },
      { postgres: server.url, table: 'witness' },
    ];
    writeFileSync(path('sinks.json'), JSON.stringify(files));
    const bring = ['votes', 'import', at('in_five'), '--sinks', path('sinks.json'), ...NETWORK, ...SINGLE];
    const brought = await done(...bring, '--yes');
    assert.match(brought, /sink a holds batch \d+\nsink postgres:witness holds batch \d+\n/);
    assert.match(brought, /opened: rounds, app, lanes, own/);
    assert.is(await signing('in_five', (guard) => guard.test(VOTE), witnessed()), 'again');
    assert.match(
      await done('votes', 'forget-sinks', at('in_five'), '--reason', 'burnt', '--yes', ...SINGLE),
      /forgotten/,
    );
    assert.is(await verdict('in_five'), 'again');
  });

  test('a store that a node holds is not changed, and the node goes on', async () => {
    await using store = await openTables('in_two');
    const refused = await cli(
      'release',
      at('in_two'),
      '--floor',
      'app=9',
      '--open',
      'app',
      '--reason',
      'r',
      '--yes',
      ...SINGLE,
    );
    assert.is(refused.status, 3, refused.stderr);
    assert.match(refused.stderr, /LANESTORE_LOCKED: .*its holder is alive/);
    await store.persist({ inner: new Uint8Array([1]) });
  });

  test('each verb ends as docs/locations.md says', async () => {
    const page = readFileSync(join(packageRoot, 'docs/locations.md'), 'utf8');
    const expected = new Map(
      [...page.matchAll(/^\| `([a-z -]+) postgres:\/\/` \| (.*) \|$/gm)].map(([, verb = '', cells = '']) => [
        verb,
        cells.replaceAll('`', '').split(' | '),
      ]),
    );
    const reason = ['--reason', 'r', '--open', 'app', '--floor', 'app=9'];
    const history = await done('handover', 'request', at('in_three')).then((to) => to.trim());
    const verbs: Readonly<Record<string, (place: string, n: string) => readonly string[]>> = {
      inspect: (place) => [place],
      verify: (place) => [place],
      ls: (place) => [place],
      get: (place) => [place, 'meta/tip'],
      manifest: (place) => [place],
      diff: (place) => [place, place],
      import: (place, n) => [place, path(`import-${n}`)],
      export: (place, n) => [place, path(`export-${n}`), '--layout', 'wal', '--drop-signing-state'],
      'votes show': (place) => ['show', place],
      'votes export': (place) => ['export', place, ...NETWORK],
      'handover request': (place) => ['request', place],
      'release --dry-run': (place) => [place, ...reason, ...SINGLE, '--dry-run'],
      release: (place) => [place, ...reason, ...SINGLE, '--yes'],
      handover: (place, n) => [place, '--to', history, '--out', path(`out-${n}`), ...NETWORK, ...SINGLE, '--yes'],
      'votes import': (place) => ['import', place, path('live.json'), ...NETWORK, ...SINGLE, '--yes'],
      'accept-rollback': (place) => [place, '--seq', '3', '--yes'],
      health: (place) => [place],
      snapshot: (place, n) => [place, path(`snapshot-${n}`)],
    };
    await done('votes', 'export', path('source'), '--out', path('live.json'), ...NETWORK);
    await done('import', path('source'), at('in_six'), '--replicas', '0');
    await done('import', path('source'), at('in_seven'), '--replicas', '0');
    await using _held = await openTables('in_seven');
    const found: [string, string[]][] = [];
    // Verb by verb: those that change a store refuse it while another one does.
    for (const [row, [name, argsOf]] of Object.entries(verbs).entries()) {
      const results = await Promise.all(
        ['in_six', 'absent', 'in_seven'].map((table, column) =>
          cli(name.split(' ')[0] ?? '', ...argsOf(at(table), `${row}-${column}`)),
        ),
      );
      const cells = results.map(({ status, stderr }) => {
        const [, code] = /^LANESTORE_(\w+): /m.exec(stderr) ?? [];
        return code === undefined ? String(status) : `${status} ${code}`;
      });
      found.push([name, cells]);
    }
    if (process.env.SHOW_LOCATIONS === '1')
      for (const [verb, cells] of found) process.stdout.write(`| \`${verb} postgres://\` | ${cells.join(' | ')} |\n`);
    assert.equal(found, [...expected]);
  });

  test('bad input is refused, and says what to do', async () => {
    const [before] = await server.sql('select * from in_two_head');
    const release = ['release', at('in_two'), '--floor', 'app=99', '--open', 'app', '--reason', 'r', '--yes'];
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [release, 2, /--replicas N is needed/],
      [[...release, '--replicas', '1', '--single-server'], 2, /goes with --replicas 0/],
      [[...release, '--replicas', 'x'], 2, /whole number/],
      [['release', path('old'), '--as-is', '--reason', 'r', '--replicas', '0'], 2, /for a store in PostgreSQL/],
      [[...release, '--replicas', '0'], 3, /could lose the change/],
      [[...release, '--replicas', '1'], 3, /0 synchronous standbys/],
      [['release', at('absent'), '--as-is', '--reason', 'r', '--yes', ...SINGLE], 3, /no table absent/],
      [['votes', 'show', at('absent')], 3, /no table absent/],
      [['handover', 'request', at('in_two')], 3, /the store signs already/],
      [['accept-rollback', at('in_two'), '--seq', '1', '--yes'], 2, /has no witness/],
      [['votes', 'show', `postgres://u:${SECRET}@127.0.0.1:${server.port}/postgres`], 2, /shown by ps/],
      [['handover', 'request', `postgres://127.0.0.1/x?password=${SECRET}`], 2, /shown by ps/],
    ];
    for (const [args, status, message] of cases) {
      const refused = await cli(...args);
      assert.is(refused.status, status, `${args.join(' ')}: ${refused.stderr}`);
      assert.match(refused.stderr, message);
      assert.not.match(refused.stderr, new RegExp(SECRET));
      if (status === 3) assert.match(refused.stderr, /what to do: /);
    }
    const [after] = await server.sql('select * from in_two_head');
    assert.equal(after, before, 'nothing was claimed');
  });

  test('from code: wrong options and locations', async () => {
    for (const options of [{}, { connection: server.url }, { connection: [server.url], replicas: 0 }, { tabel: 'x' }]) {
      assert.throws(
        () => postgresLocation(options as never),
        (error: Error) => error instanceof TypeError,
      );
    }
    for (const location of [undefined, {}, { name: 'x' }, 5]) {
      const error = await handoverRequest(location as never, { model: autobahn }).catch((reason: unknown) => reason);
      assert.instance(error, TypeError);
    }
    const location = postgresLocation({ connection: server.url, table: 'in_two', replicas: 0 });
    const error = await releaseStore(location, { model: autobahn, reason: 'r', asIs: true }).catch((reason) => reason);
    assert.ok(isLanestoreError(error, 'LANESTORE_INVALID'));
    assert.ok(readFileSync(path('again.json'), 'utf8').includes('sha256'));
  });

  test.after(close);
  test.run();
}

await withServer(tests);
