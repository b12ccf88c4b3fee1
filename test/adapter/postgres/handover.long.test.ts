/**
 * Moves of a key between a directory and PostgreSQL, in both directions, with a crash at every
 * step: before every file operation, and before every message to and from the server. Never two
 * stores that may sign; and the move can be finished.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openPostgres, openPostgresView, postgresLocation } from '../../../src/adapter/postgres/index.js';
import {
  formatHistory,
  handover,
  handoverRequest,
  importHistory,
  importState,
  isLanestoreError,
  openGuard,
  openLevel,
  parseHistory,
  type StoreLocation,
} from '../../../src/index.js';
import { buildShim, shimUnable } from '../../faults/shim.js';
import { crashedAt, inMemory, type Stop, selectionOf, stopsOf } from '../../faults/stepped.js';
import { type Patch, patchedBuild } from '../../faults/weakened.js';
import { plain, plainBlocks, plainQC, plainVote } from '../../support/plain-model.js';
import { hasPostgres, type PostgresServer, startServer } from '../../support/postgres/cluster.js';
import { SteppingProxy } from '../../support/postgres/stepping-proxy.js';

const KEY = new Uint8Array(32).fill(7);
const GIVEN = plainVote('step', [1n, 1n]);
const OTHER = { ...GIVEN, digest: new Uint8Array(32) };
const SINGLE = { replicas: 0, singleServer: true, leaseMs: 100 } as const;
const at = { model: plain, network: 'test' };
const CLOSED = 'quarantined,quarantined';
const SIGNS = 'again,differs';
const TABLE = 'moved';
/** States that the short form looks at, and of a weakened build. */
const STOPS_SHORT = 12;
const STOPS_WEAKENED = 12;

/** The rows of both tables, without the holder: a lease delays a claim, and stops nothing. */
type Rows = Readonly<Record<string, string>>;

/** A store, wherever it is. */
interface Place {
  readonly location: string | StoreLocation;
  open(): ReturnType<typeof openLevel<never, never, never>>;
}

function directory(path: string): Place {
  return { location: path, open: () => openLevel(path, { model: plain }) as never };
}

function tables(connection: string): Place {
  const place = { connection, table: TABLE, ...SINGLE };
  return {
    location: postgresLocation(place),
    open: () => openPostgres({ ...place, model: plain, takeOver: true }) as never,
  };
}

async function signing<T>(
  { open }: Place,
  use: (guard: Awaited<ReturnType<typeof openGuard>>) => T,
  firstUse = false,
): Promise<Awaited<T>> {
  await using store = await open();
  await using guard = await openGuard({ store, model: plain as never, key: KEY, firstUse });
  if (firstUse) await store.persist({ commitQCs: [plainQC(0), plainQC(1)], blocks: plainBlocks('0a', 0, 5) } as never);
  return await use(guard);
}

/** The states that differ in what a store is, not only in the private copies of views. */
function distinct(stops: readonly Stop<Rows>[]): readonly Stop<Rows>[] {
  const states = stops.map((stop): [string, Stop<Rows>] => {
    const own = [...stop.image.files].filter(([path]) => !/\.copy-|\/(LOG|LOCK)/.test(path));
    return [JSON.stringify([own.map(([path, bytes]) => [path, bytes.toString('latin1')]), stop.seen]), stop];
  });
  return [...new Map(states).values()];
}

/** What a store would sign; undefined if it does not open. */
async function verdict(place: Place): Promise<string | undefined> {
  if (typeof place.location === 'string' && !existsSync(join(place.location, 'level'))) return undefined;
  try {
    return await signing(place, (guard) => [GIVEN, OTHER].map((vote) => guard.test(vote as never)).join());
  } catch (error) {
    if (isLanestoreError(error)) return undefined;
    throw error;
  }
}

const WEAKENED: readonly (Patch & { readonly direction: Direction })[] = [
  {
    name: 'tables that are not closed',
    direction: 'PostgreSQL to a directory',
    replacements: [
      { file: 'src/adapter/postgres/location.js', find: 'await engine.write(operations);', by: 'void operations;' },
    ],
  },
  {
    name: 'history that opens before it is final',
    direction: 'a directory to PostgreSQL',
    replacements: [
      { file: 'src/adapter/level/handover.js', find: 'if (dryRun)\n            return history;', by: 'return final;' },
    ],
  },
];

type Direction = 'a directory to PostgreSQL' | 'PostgreSQL to a directory';
const DIRECTIONS: readonly Direction[] = ['a directory to PostgreSQL', 'PostgreSQL to a directory'];

function tests(server: PostgresServer, close: () => Promise<void>): void {
  const test = suite('postgres: handover, a crash at every step');

  const look = async (): Promise<Rows> => {
    const found = await server.sql(
      `select (select json_agg(json_build_array(encode(key, 'hex'), encode(value, 'hex')) order by key) from ${TABLE})::text as rows,
        (select json_build_array(epoch, seq)::text from ${TABLE}_head) as head`,
    );
    return found[0] as Rows;
  };
  const restore = ({ rows = '', head = '' }: Rows) =>
    server.sql(
      `with gone as (delete from ${TABLE} where key not in (select decode(r->>0, 'hex') from json_array_elements($1::json) r)),
        put as (insert into ${TABLE} select decode(r->>0, 'hex'), decode(r->>1, 'hex') from json_array_elements($1::json) r
          on conflict (key) do update set value = excluded.value)
        update ${TABLE}_head set epoch = ($2::json->>0)::bigint, seq = ($2::json->>1)::bigint, holder = null`,
      [rows, head],
    );

  /** The old store, which signs, and the heir, which has all but the newest vote. */
  const placesIn = (dir: string, direction: Direction): readonly [Place, Place] => {
    const [here, there] = [directory(join(dir, 'store')), tables(server.url)];
    return direction === 'a directory to PostgreSQL' ? [here, there] : [there, here];
  };
  const makeStores = async (dir: string, direction: Direction) => {
    await server.sql(`drop table if exists ${TABLE}, ${TABLE}_head`);
    const [old, heir] = placesIn(dir, direction);
    await signing(old, (guard) => guard.round({ votes: [plainVote('step', [1n, 0n])] as never }), true);
    const options = { model: plain, checks: {} };
    const target = { connection: server.url, table: TABLE, replicas: 0 };
    if (typeof old.location === 'string') await importState(old.location, target, options);
    else {
      await using view = await openPostgresView({ connection: server.url, table: TABLE, model: plain });
      await importState(view, heir.location as string, options);
    }
    await signing(old, (guard) => guard.round({ votes: [GIVEN] as never }));
  };

  const crashes = async (dir: string, direction: Direction, build?: string) => {
    const [location, place] = [join(dir, 'stores'), join(dir, 'crashed')];
    await makeStores(location, direction);
    const name = 'test/adapter/level/handover-worker.js';
    const here = new URL('../level/handover-worker.js', import.meta.url);
    const worker = build === undefined ? here : pathToFileURL(join(build, name));
    const proxy = await SteppingProxy.before(server.port);
    try {
      const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
      const args = ['move', direction === DIRECTIONS[0] ? 'store' : '', url, TABLE];
      const watch = proxy.watch.bind(proxy);
      const library = buildShim(dir);
      const stops = await stopsOf({ worker, location, library, args, beside: { look, watch } });
      return { place, stops: distinct(stops) };
    } finally {
      await proxy.close();
    }
  };

  /** One of both may sign, or none; and the move can be finished. */
  const check = async (direction: Direction, dir: string, { seen, image }: Stop<Rows>): Promise<string> => {
    image.write(dir);
    await restore(seen);
    const [old, heir] = placesIn(dir, direction);
    const found = [await verdict(old), await verdict(heir)] as const;
    for (const one of found) assert.ok(one === SIGNS || one === CLOSED, `${found.join(' and ')}`);
    assert.not(found[0] === SIGNS && found[1] === SIGNS, 'both may sign');
    const isOut = image.files.get('history.json')?.includes('sha256') === true;
    assert.not(isOut && found[0] === SIGNS, 'the history is out, and the old store signs');
    if (found[1] === SIGNS) return 'moved';
    // Again from the beginning.
    const to = await handoverRequest(heir.location, { model: plain });
    const history = await handover(old.location, { ...at, to });
    assert.is(await verdict(old), CLOSED);
    await importHistory(heir.location, { ...at, history: parseHistory(formatHistory(history)) });
    assert.equal([await verdict(old), await verdict(heir)], [CLOSED, SIGNS]);
    return found[0] === SIGNS ? 'not begun' : 'closed';
  };

  for (const direction of DIRECTIONS) {
    test(`${direction}: never two that sign`, () =>
      inMemory(async (dir) => {
        const { place, stops: all } = await crashes(dir, direction);
        const stops = selectionOf(all, STOPS_SHORT);
        const outcomes = new Map<string, number>();
        for (const stop of stops) {
          const outcome = await check(direction, place, stop).catch(crashedAt(stop.call));
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
        process.stdout.write(`\n  ${stops.length} states: ${JSON.stringify([...outcomes])} `);
        assert.equal([...outcomes.keys()].sort(), ['closed', 'moved', 'not begun']);
      }));
  }

  for (const patch of WEAKENED) {
    test(`${patch.direction}: the same check finds a ${patch.name}`, () =>
      inMemory(async (dir) => {
        const build = patchedBuild(patch);
        const { place, stops } = await crashes(dir, patch.direction, build);
        rmSync(build, { recursive: true });
        // The last states are those in which something has happened.
        const verdicts = stops.slice(-STOPS_WEAKENED).map((stop) => () => check(patch.direction, place, stop));
        let wrong = 0;
        for (const judge of verdicts)
          wrong += await judge().then(
            () => 0,
            () => 1,
          );
        assert.ok(wrong > 0, `${stops.length} states, and none of them is wrong`);
      }));
  }

  test.after(close);
  test.run();
}

if (hasPostgres()) {
  const unable = shimUnable();
  if (unable === undefined) {
    const { cluster, server } = await startServer();
    tests(server, () => cluster.close());
  } else {
    const none = suite('postgres: handover');
    none('skipped', () => void process.stdout.write(`\n  skipped: ${unable}\n`));
    none.run();
  }
}
