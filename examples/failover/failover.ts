/**
 * Nodes with the same key, over a primary and a synchronous standby: the primary is killed, the
 * second node takes over, and the first one comes back. Then a third node takes over from the
 * second, on the same server.
 */
import { openPostgres, PostgresFailure, type PostgresStoreOptions } from '../../src/adapter/postgres/index.js';
import { openGuard } from '../../src/guard/index.js';
import { isLanestoreError } from '../../src/index.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainBlock,
  plainVote,
} from '../../test/support/plain-model.js';
import { type PostgresServer, startPair } from '../../test/support/postgres/cluster.js';

type Place = Pick<
  PostgresStoreOptions<PlainBlock, PlainQC, PlainAnchor>,
  'connection' | 'replicas' | 'singleServer' | 'takeOver'
>;

const KEY = new Uint8Array(32).fill(0x0a);
const LANE = '0b';
const TABLE = 'validator';
const ROUNDS = 30n;

/** Prints a line of the story. */
export type Tell = (text: string, kind?: 'step' | 'good' | 'bad') => void;

/** What the story came to. */
export interface Outcome {
  readonly acknowledged: bigint;
  /** Acknowledged rounds that the second node did not find. */
  readonly lost: bigint;
  /** Views in which two nodes signed, and not the same. */
  readonly twice: number;
}

/** A node stores a block and votes in each view, for a digest of its own. */
async function startNode(number: number, place: Place, firstUse = false) {
  const store = await openPostgres({ ...place, table: TABLE, model: plain, deadlineMs: 3000, leaseMs: 600_000 });
  const guard = await openGuard({ store, model: plain, key: KEY, ...(firstUse ? { firstUse } : {}) });
  const found = BigInt(store.takeRecovered().blocks.get(LANE)?.length ?? 0);
  const signed = new Set<bigint>();
  return {
    epoch: store.epoch,
    found,
    signed,
    /** Resolves once the block is acknowledged and the signature may leave. */
    round: async (view: bigint) => {
      await store.persist({ blocks: [plainBlock(LANE, view)] });
      await guard.round({ votes: [plainVote('step', [0n, view], { digest: new Uint8Array(32).fill(number) })] });
      signed.add(view);
    },
    /** A vote alone. */
    vote: async (view: bigint) => {
      await guard.round({ votes: [plainVote('step', [0n, view], { digest: new Uint8Array(32).fill(number) })] });
      signed.add(view);
    },
    close: async () => {
      await guard.close();
      await store.close();
    },
  };
}

/** The reason of a refusal, in a few words; undefined if there was none. */
async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => {
      if (!isLanestoreError(error)) throw error;
      return error.cause instanceof PostgresFailure
        ? `${error.code}, ${error.cause.code}`
        : `${error.code}: ${error.message}`;
    },
  );
}

async function attempt(tell: Tell, what: string, work: Promise<unknown>): Promise<boolean> {
  const refusal = await refusalOf(work);
  if (refusal === undefined) tell(`${what}: done`, 'bad');
  else tell(`${what}: refused (${refusal})`, 'good');
  return refusal === undefined;
}

/** Runs the story. `isWeakened`: without the checks that make it safe. Leaves nothing behind. */
export async function failover(tell: Tell, isWeakened: boolean): Promise<Outcome> {
  tell('A primary and a synchronous standby, as real servers', 'step');
  const { cluster, primary, standby } = await startPair();
  try {
    return await story(tell, isWeakened, primary, standby);
  } finally {
    await cluster.close();
  }
}

async function story(
  tell: Tell,
  isWeakened: boolean,
  primary: PostgresServer,
  standby: PostgresServer,
): Promise<Outcome> {
  tell(`primary: pid ${primary.pid}, port ${primary.port}; standby: pid ${standby.pid}, port ${standby.port}`);

  tell('Node 1 runs; the primary is killed with SIGKILL', 'step');
  const servers = [primary.url, standby.url];
  const first = await startNode(1, { connection: servers, replicas: 1 }, true);
  tell(`node 1 claimed the store: epoch ${first.epoch}`);
  let acknowledged = 0n;
  const running = (async () => {
    for (let view = 0n; ; view++) {
      await first.round(view);
      acknowledged = view + 1n;
    }
  })();
  running.catch(() => undefined);
  while (acknowledged < ROUNDS) await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 5))]);
  const { pid } = primary;
  await primary.stop('SIGKILL');
  tell(`pid ${pid} is gone; node 1 had ${acknowledged} rounds acknowledged, and is told: ${await refusalOf(running)}`);

  tell('The standby is promoted, and node 2 takes over', 'step');
  await standby.sql('select pg_promote()');
  const second = await startNode(2, { connection: servers, replicas: 0, singleServer: true, takeOver: true });
  const lost = second.found < acknowledged ? acknowledged - second.found : 0n;
  tell(
    `node 2 claimed it: epoch ${second.epoch}; of ${acknowledged} acknowledged rounds it found ${acknowledged - lost}`,
    lost === 0n ? 'good' : 'bad',
  );
  await attempt(
    tell,
    `node 2 votes otherwise in view ${acknowledged - 1n}, in which node 1 signed`,
    second.vote(acknowledged - 1n),
  );
  // Of a round that node 1 did not release, the block may be stored.
  const view = second.found;
  await second.round(view);
  tell(`node 2 stores and signs from view ${view} on`);

  tell('The old primary is started again, with node 1', 'step');
  await attempt(tell, 'node 1, which never stopped, signs', first.vote(view));
  await first.close();
  await primary.start();
  const old = isWeakened ? { replicas: 0, singleServer: true } : { replicas: 1 };
  if (isWeakened) {
    tell('weakened: the manager empties synchronous_standby_names there, and node 1 counts no standbys');
    await primary.sql("alter system set synchronous_standby_names = ''");
    await primary.sql('select pg_reload_conf()');
  }
  const revived: Awaited<ReturnType<typeof startNode>>[] = [];
  const isBack = await attempt(
    tell,
    'node 1 opens its store on the old primary',
    startNode(1, { connection: primary.url, ...old, takeOver: true }).then((node) => revived.push(node)),
  );
  const again = revived[0];
  if (isBack && again !== undefined)
    await attempt(tell, `node 1 signs in view ${view}, as node 2 did`, again.vote(view));
  await again?.close();
  await attempt(
    tell,
    'a node that knows both servers opens the store',
    startNode(9, { connection: servers, replicas: 0 }),
  );

  tell('Node 3 takes over from node 2, which does not notice', 'step');
  const [before] = await standby.sql(`select seq from ${TABLE}_head`);
  const third = await startNode(3, { connection: standby.url, replicas: 0, singleServer: true, takeOver: true });
  tell(`node 3 claimed it: epoch ${third.epoch}`);
  await third.vote(view + 5n);
  if (isWeakened) {
    tell('weakened: the row of the fence is set back by hand, as if no claim had raised the epoch');
    await standby.sql(`update ${TABLE}_head set epoch = ${second.epoch}, seq = ${String(before?.seq)}`);
  }
  await attempt(tell, `node 2 signs in view ${view + 5n}, as node 3 did`, second.vote(view + 5n));
  await Promise.all([second.close(), third.close()]);

  const twice = [
    ...[...(again?.signed ?? [])].filter((signed) => second.signed.has(signed)),
    ...[...second.signed].filter((signed) => third.signed.has(signed)),
  ].length;
  return { acknowledged, lost, twice };
}
