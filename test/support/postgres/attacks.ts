/**
 * Attacks on a store in PostgreSQL. Most have a control: the same attack on a weakened engine must
 * detect a loss.
 */
import { type Claim, claim } from '../../../src/adapter/postgres/claim.js';
import { FencedWriter, pack } from '../../../src/adapter/postgres/fenced-writer.js';
import {
  openPostgres,
  type PostgresFailure,
  type PostgresLevel,
  type PostgresStoreOptions,
  postgresLocation,
} from '../../../src/adapter/postgres/index.js';
import { settingsOf } from '../../../src/adapter/postgres/options.js';
import { checkTables } from '../../../src/adapter/postgres/server.js';
import { type Query, Session } from '../../../src/adapter/postgres/session.js';
import { statements } from '../../../src/adapter/postgres/statements.js';
import { isLanestoreError } from '../../../src/errors.js';
import { handover, openGuard } from '../../../src/index.js';
import { type PlainAnchor, type PlainBlock, type PlainQC, plain, plainBlock, plainVote } from '../plain-model.js';
import type { PostgresServer } from './cluster.js';
import { type PostgresPair, until } from './pair.js';
import { storm, WEAKENED, type Weaken } from './storm.js';

/** Acknowledged data was lost or contradicted. */
export class Loss extends Error {}

/** An attack did not end as promised, although nothing was lost. */
export class Unexpected extends Error {}

/** Runs an attack. @throws Loss, Unexpected. */
export type Attack = (pair: PostgresPair) => Promise<void>;

const LANE = '0a';
const KEY = new Uint8Array(32).fill(0x0a);
const TAKEOVERS = 10;
const CUTS = 5;
const CUT = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lanestore'";
/** Upper bound of the storms in which the attack must detect a weakened fence. */
const STORMS_MAX = 20;

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Unexpected(what);
}

/** The code of the failure of a write; `acknowledged` if there is none. */
function outcomeOf(write: Promise<unknown>): Promise<string> {
  return write.then(
    () => 'acknowledged',
    (error: PostgresFailure) => error.code,
  );
}

const causeOf = (error: Error) => (error.cause as PostgresFailure | undefined)?.code;
const failureOf = (work: Promise<unknown>): Promise<Error | undefined> =>
  work.then(
    () => undefined,
    (error: Error) => error,
  );

function takeovers(weaken: Weaken, storms = 1): Attack {
  return async (pair) => {
    for (let n = 0; n < storms; n++) {
      const place = { connection: pair.primary.url, replicas: 0, table: pair.table() };
      const { acknowledged, lost, twice, fenced } = await storm(place, TAKEOVERS, weaken);
      expect(acknowledged > 0, 'nothing was acknowledged');
      if (lost + twice > 0) throw new Loss(`of ${acknowledged} rows ${lost} lost, ${twice} of two nodes`);
      if (storms === 1) expect(fenced === TAKEOVERS, `${fenced} of ${TAKEOVERS} old nodes were fenced`);
    }
  };
}

/**
 * Cuts connections around a batch: the reopened store must have the whole batch, or nothing of it.
 */
export async function cutConnections(
  server: Pick<PostgresServer, 'sql'>,
  place: PostgresStoreOptions<PlainBlock, PlainQC, PlainAnchor>,
): Promise<void> {
  let store = await openPostgres(place);
  let acknowledged = 0n;
  for (let cut = 0; cut < CUTS; cut++) {
    let failure: Error | undefined;
    const loading = (async () => {
      for (let next = acknowledged; ; next++) {
        await store.persist({ blocks: [plainBlock(LANE, next)] });
        acknowledged = next + 1n;
      }
    })().catch((error: Error) => {
      failure = error;
    });
    const before = acknowledged;
    await until(() => acknowledged >= before + 5n || failure !== undefined);
    await server.sql(CUT);
    await loading;
    expect(causeOf(failure as unknown as Error) === 'UNKNOWN_OUTCOME', `a cut connection: ${failure}`);
    await store.close();
    store = await openPostgres({ ...place, takeOver: true });
    const recovered = BigInt(store.takeRecovered().blocks.get(LANE)?.length ?? 0);
    if (recovered < acknowledged) throw new Loss(`${acknowledged} acknowledged, then ${recovered}`);
    expect(recovered <= acknowledged + 1n, `${acknowledged} acknowledged, then ${recovered}`);
    acknowledged = recovered;
  }
  await store.close();
}

/**
 * `no verification`: standbys are not counted. `notices ignored`: in addition, notices are not
 * read.
 */
function cancelledWait(weak: 'no verification' | 'notices ignored' | undefined): Attack {
  return async (pair) => {
    const { takeNotice } = Session.prototype;
    const db = await pair.level({ replicas: weak === undefined ? 1 : 0, deadlineMs: 3000 });
    if (weak === 'notices ignored') Session.prototype.takeNotice = () => undefined;
    try {
      await pair.whileStopped(async () => {
        const write = outcomeOf(db.put('a', '1'));
        await pair.waiting();
        await pair.onWaiting('pg_cancel_backend');
        assertRefused(await write, 'NOT_REPLICATED');
      });
    } finally {
      Session.prototype.takeNotice = takeNotice;
      await db.close();
    }
  };
}

function assertRefused(outcome: string, expected: string): void {
  if (outcome === 'acknowledged') throw new Loss('a batch is acknowledged that no standby has');
  expect(outcome === expected, `${outcome}, not ${expected}`);
}

function emptiedNames(isVerified: boolean): Attack {
  return async (pair) => {
    const db = await pair.level({ replicas: isVerified ? 1 : 0, deadlineMs: 3000 });
    try {
      await pair.whileStopped(async () => {
        const write = outcomeOf(db.put('a', '1'));
        await pair.waiting();
        await pair.setStandbyNames('');
        try {
          assertRefused(await write, 'NOT_REPLICATED');
        } finally {
          await pair.setStandbyNames('standby');
        }
      });
    } finally {
      await db.close();
    }
  };
}

/**
 * Claims the store while a batch waits for its standby and holds the lock on the row of the fence.
 */
const claimAgainstLock: Attack = async (pair) => {
  const table = pair.table();
  const db = await pair.level({ table, deadlineMs: 30_000 });
  await pair.whileStopped(async () => {
    const write = outcomeOf(db.put('a', '1'));
    await pair.waiting();
    const error = await failureOf(pair.level({ table, takeOver: true, deadlineMs: 1000 }));
    expect(isRefusal(error, 'LANESTORE_LOCKED') || isRefusal(error, 'LANESTORE_IO'), `the claim: ${error}`);
    await pair.onWaiting('pg_terminate_backend');
    assertRefused(await write, 'UNKNOWN_OUTCOME');
  });
  await db.close();
};

function isRefusal(error: Error | undefined, code: 'LANESTORE_LOCKED' | 'LANESTORE_IO'): boolean {
  return isLanestoreError(error, code) || isLanestoreError(error?.cause, code);
}

/**
 * Restarts the primary while a batch waits for its standby: then a plain read shows the batch. A
 * batch that an opener reads must survive a failover.
 */
function restartedPrimary(hasBarrier: boolean): Attack {
  return async (pair) => {
    const table = pair.table();
    const db = await pair.level({ table, deadlineMs: 30_000 });
    await db.put('a', '1');
    const rowsAt = async (server: PostgresPair['primary']) => (await server.sql(`select key from ${table}`)).length;
    const { primary, standby } = pair;
    let believed: string | undefined;
    await pair.withStoppedReceiver(async (receiver) => {
      const write = outcomeOf(db.put('b', '2'));
      await pair.waiting();
      await primary.stop('SIGKILL');
      assertRefused(await write, 'UNKNOWN_OUTCOME');
      await primary.start();
      expect((await rowsAt(primary)) === 2 && (await rowsAt(standby)) === 1, 'a plain read shows the batch');
      const opening = () => pair.level({ table, takeOver: true, deadlineMs: 3000, replicas: hasBarrier ? 1 : 0 });
      const opened = await (hasBarrier ? opening() : withoutBarrier(opening)).catch((error: Error) => error);
      if (opened instanceof Error) {
        expect(isRefusal(opened, 'LANESTORE_IO'), `the opener: ${opened}`);
        return;
      }
      believed = await opened.get('b');
      await opened.close();
      // A failover. The kill also discards the data in the socket of the stopped receiver.
      await primary.stop('SIGKILL');
      process.kill(receiver, 'SIGKILL');
    });
    await db.close();
    if (believed === undefined) {
      const late = await opened(pair, table);
      expect((await late.get('b')) === '2' && (await rowsAt(standby)) === 2, 'both servers have the batch in the end');
      await late.close();
      return;
    }
    await until(() =>
      standby.sql('select pg_promote()').then(
        () => true,
        () => false,
      ),
    );
    const rows = await rowsAt(standby);
    await pair.restart();
    if (rows < 2) throw new Loss('the opener read a batch that the failover lost');
  };
}

/** Retries to open a table until the standby streams. */
async function opened(pair: PostgresPair, table: string): Promise<PostgresLevel> {
  let db: PostgresLevel | undefined;
  await until(async () => {
    db = await pair.level({ table, takeOver: true }).catch(() => undefined);
    return db !== undefined;
  });
  if (db === undefined) throw new Unexpected('the store does not open although the standby is back');
  return db;
}

/**
 * Opens with a claim that waits for no standby, as if no failover could lose data of the primary.
 */
async function withoutBarrier<T>(open: () => Promise<T>): Promise<T> {
  const { query } = Session.prototype;
  Session.prototype.query = function (this: Session, asked: Query) {
    const isClaim = asked.text.includes('set epoch = epoch + 1');
    return query.call(this, isClaim ? { ...asked, values: [...(asked.values ?? []).slice(0, -1), 'local'] } : asked);
  };
  try {
    return await open();
  } finally {
    Session.prototype.query = query;
  }
}

/** Holds snapshots open: batches continue, and one more snapshot is refused at once. */
const heldSnapshots: Attack = async (pair) => {
  const place = { connection: pair.primary.url, table: pair.table(), replicas: 1, model: plain };
  const store = await openPostgres({ ...place, snapshots: 2, snapshotMs: 600_000 });
  const held: AsyncIterableIterator<unknown>[] = [];
  for (let number = 0n; number < 2n; number++) {
    await store.persist({ blocks: [plainBlock(LANE, number)] });
    const reading = store.readBlocks(LANE);
    await reading.next();
    held.push(reading);
  }
  await store.persist({ blocks: [plainBlock(LANE, 2n)] });
  const error = await failureOf(store.readBlocks(LANE).next());
  expect(isLanestoreError(error, 'LANESTORE_CAPACITY'), `one snapshot more: ${error}`);
  await store.persist({ blocks: [plainBlock(LANE, 3n)] });
  await Promise.all(held.map((reading) => reading.return?.()));
  await store.close();
};

/** Kills the primary, promotes the standby, and restarts the old primary. */
const failover: Attack = async (pair) => {
  const { primary, standby } = pair;
  const place = { connection: [primary.url, standby.url], table: pair.table(), model: plain, deadlineMs: 3000 };
  try {
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
    await until(() => acknowledged >= 50n || failure !== undefined);
    await primary.stop('SIGKILL');
    await loading;
    expect(causeOf(failure as unknown as Error) === 'UNKNOWN_OUTCOME', `the old node: ${failure}`);
    await standby.sql('select pg_promote()');
    const store = await openPostgres({ ...place, replicas: 0, singleServer: true, takeOver: true });
    const recovered = BigInt(store.takeRecovered().blocks.get(LANE)?.length ?? 0);
    if (recovered < acknowledged) throw new Loss(`${acknowledged} acknowledged, then ${recovered}`);
    expect(recovered <= acknowledged + 1n, `${acknowledged} acknowledged, then ${recovered}`);
    await store.persist({ blocks: [plainBlock(LANE, recovered)] });
    await old.close();
    await primary.start();
    const revived = openPostgres({ ...place, connection: primary.url, replicas: 1, takeOver: true });
    const refusal = await failureOf(revived);
    if (refusal === undefined) throw new Loss('a node opens the store on the old primary');
    expect(isRefusal(refusal, 'LANESTORE_IO'), `on the old primary: ${refusal}`);
    const both = await failureOf(openPostgres({ ...place, replicas: 0 }));
    expect(/2 of the servers are primaries/.test(both?.message ?? ''), `two primaries: ${both}`);
    await store.close();
  } finally {
    await pair.restart();
  }
};

/** `isRetried`: a node sends a batch of unknown outcome again, under the newest epoch. */
function unknownOutcome(isRetried: boolean): Attack {
  return async (pair) => {
    const settings = settingsOf({ connection: pair.primary.url, replicas: 0, table: pair.table() });
    const sql = statements(settings.table);
    const start = async (claimed?: Claim) => {
      const session = await Session.connect(pair.primary.url, settings.deadlineMs);
      await checkTables(session, settings, sql);
      const held = claimed ?? (await claim(session, { ...settings, takeOver: true }, sql));
      return { session, writer: new FencedWriter(session, held, settings, sql) };
    };
    const key = Buffer.from('row');
    const old = await start();
    old.session.destroy();
    const batch = pack([{ key, value: Buffer.from('old') }]);
    assertRefused(await outcomeOf(old.writer.write(batch)), 'UNKNOWN_OUTCOME');
    const next = await start();
    await next.writer.write(pack([{ key, value: Buffer.from('new') }]));
    const [head] = await pair.primary.sql(`select epoch, seq from ${settings.table}_head`);
    const claimed = { epoch: BigInt(String(head?.epoch)), seq: BigInt(String(head?.seq)) };
    const again = isRetried ? await start(claimed) : old;
    await outcomeOf(again.writer.write(batch));
    const [row] = await pair.primary.sql(`select value from ${settings.table}`);
    await Promise.all([old, next, again].map(({ writer }) => writer.close()));
    if (String(row?.value) !== 'new') throw new Loss('an acknowledged row of the new node is overwritten');
  };
}

/**
 * A handover waits for the standby: its history must not leave before the standby has the batch.
 */
const handoverInWait: Attack = async (pair) => {
  const place = { connection: pair.primary.url, table: pair.table(), replicas: 1, leaseMs: 100, deadlineMs: 2000 };
  {
    await using store = await openPostgres({ ...place, model: plain });
    await using guard = await openGuard({ store, model: plain as never, key: KEY, firstUse: true });
    await guard.round({ votes: [plainVote('step', [0n, 1n])] as never });
  }
  const location = postgresLocation(place);
  const to = { store: new Uint8Array(16).fill(1), seq: 1n };
  const handOver = () => handover(location, { model: plain, network: 'test', to });
  await pair.withStoppedReceiver(async () => {
    for (let tries = 0; tries < 2; tries++) {
      const error = await failureOf(handOver());
      if (error === undefined) throw new Loss('the history is out, and a failover opens the old store');
      expect(isLanestoreError(error), `the handover: ${error}`);
    }
    await pair.onWaiting('pg_terminate_backend');
  });
  let error: Error | undefined;
  await until(async () => {
    error = await failureOf(handOver());
    return error === undefined;
  });
  if (error !== undefined) throw error;
  const [row] = await pair.standby.sql(`select count(*)::int as n from ${place.table} where key like 'meta/event/%'`);
  expect((row?.n as number) > 0, 'the standby has the handover');
};

/** The attacks, and their outcome on a sound engine. */
export const ATTACKS: readonly (readonly [verdict: string, attack: Attack])[] = [
  ['takeovers under load: 0 lost, every old node fenced', takeovers((sql) => sql)],
  [
    'cut connections: all or nothing of a batch',
    (pair) =>
      cutConnections(pair.primary, {
        ...{ connection: pair.primary.url, table: pair.table(), replicas: 1 },
        ...{ model: plain, leaseMs: 400 },
      }),
  ],
  ['cancelled wait: NOT_REPLICATED', cancelledWait(undefined)],
  ['emptied standby names: NOT_REPLICATED', emptiedNames(true)],
  ['claim against a row lock: refused', claimAgainstLock],
  ['held snapshots: rounds go on, one more is CAPACITY', heldSnapshots],
  ['unknown outcome: final', unknownOutcome(false)],
  ['handover in the wait: no history before the standby has it', handoverInWait],
  ['primary restarted in the wait: believed once the standby has it', restartedPrimary(true)],
  ['failover: 0 lost, old node and old primary refused', failover],
];

/** Weakened engines, and the attack that must detect each weakness. */
export const WEAKENED_ATTACKS: readonly (readonly [weakened: string, attack: Attack])[] = [
  ...Object.entries(WEAKENED).map(([name, weaken]) => [name, takeovers(weaken, STORMS_MAX)] as const),
  ['notices ignored, no verification', cancelledWait('notices ignored')],
  ['no verification', emptiedNames(false)],
  ['a batch of unknown outcome is sent again', unknownOutcome(true)],
  ['no barrier', restartedPrimary(false)],
];
