/** Finds the primary among the servers, and checks that a crash does not lose its commits. */
import { LanestoreError } from '../../errors.js';
import { coded } from './failure.js';
import type { PostgresConnection, PostgresSettings } from './options.js';
import { Session } from './session.js';
import { LAYOUT, type Statements } from './statements.js';

/** The primary: its address for further connections, and one connection. */
export interface Primary {
  readonly server: PostgresConnection;
  readonly session: Session;
}

/** Finds the one primary. @throws LANESTORE_IO for none, or for two; no connection stays open. */
export async function findPrimary({ servers, deadlineMs }: PostgresSettings, sql: Statements): Promise<Primary> {
  const tried = await Promise.allSettled(servers.map((server) => probe(server, deadlineMs, sql)));
  const found = tried.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  const failed = tried.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason as Error] : []));
  const primaries = found.filter(({ isStandby }) => !isStandby);
  const [primary] = primaries;
  if (primary !== undefined && primaries.length === 1) {
    await Promise.all(found.map((probed) => (probed === primary ? undefined : probed.session.close())));
    return primary;
  }
  await Promise.all(found.map(({ session }) => session.close()));
  if (primaries.length > 1) {
    throw new LanestoreError('LANESTORE_IO', `${primaries.length} of the servers are primaries`, {
      remedy: 'stop the old primary, or make it a standby of the new one; then open again',
    });
  }
  if (found.length > 0) {
    throw new LanestoreError('LANESTORE_IO', 'no server is a primary: the reachable ones are standbys', {
      ...(failed[0] === undefined ? {} : { cause: failed[0] }),
      remedy: 'name every server of the cluster, and promote one if the primary is gone',
    });
  }
  throw coded('no server can be used', failed[0]);
}

async function probe(server: PostgresConnection, deadlineMs: number, sql: Statements) {
  const session = await Session.connect(server, deadlineMs);
  try {
    const [row] = await session.query({ text: sql.server });
    return { server, session, isStandby: row?.standby === true };
  } catch (error) {
    session.destroy();
    throw error;
  }
}

/** @throws LANESTORE_IO if the server may lose acknowledged batches. */
export async function checkServer(session: Session, { replicas }: PostgresSettings, sql: Statements): Promise<void> {
  const [row] = await session.query({ text: sql.server });
  for (const [setting, value] of [
    ['fsync', row?.fsync],
    ['full_page_writes', row?.pages],
  ] as const) {
    if (value === 'on') continue;
    throw new LanestoreError('LANESTORE_IO', `the server has ${setting} = ${String(value)}: a crash may lose batches`, {
      remedy: `alter system set ${setting} = on; select pg_reload_conf()`,
    });
  }
  if (replicas === 0) return;
  const [stats] = await session.query({ text: sql.stats });
  if (stats?.allowed !== true) {
    throw new LanestoreError('LANESTORE_IO', 'the role may not see how far the standbys are', {
      remedy: 'grant pg_read_all_stats to the role of the store, as a superuser',
    });
  }
  const [{ standbys = 0 } = {}] = await session.query({ text: sql.standbys });
  if ((standbys as number) < replicas) {
    throw new LanestoreError(
      'LANESTORE_IO',
      `${String(standbys)} synchronous standbys are streaming, replicas: ${replicas} are needed`,
      { remedy: 'set synchronous_standby_names on the primary, and start the standbys; or lower `replicas`' },
    );
  }
}

const COLUMNS = {
  table: 'key bytea, value bytea',
  head: 'id integer, layout integer, epoch bigint, seq bigint, holder text, since timestamp with time zone',
};

/** Creates missing tables if the options allow it, and checks that they are tables of a store. */
export async function checkTables(session: Session, settings: PostgresSettings, sql: Statements): Promise<void> {
  const { table, createIfMissing } = settings;
  let found = await session.query({ text: sql.tables });
  if (found.length === 0) {
    if (!createIfMissing) throw notAStore(`the database has no table ${table}`);
    for (const text of sql.create) await session.query({ text });
    for (const text of sql.tune) await session.query({ text }).catch(() => undefined);
    found = await session.query({ text: sql.tables });
  }
  // Each name is looked up along search_path: two heads of one table would be two writers.
  if (new Set(found.map(({ schema }) => schema)).size > 1) {
    throw notAStore(`${table} and ${table}_head are in two schemas of the search_path`);
  }
  for (const [name, columns, key] of [
    [table, COLUMNS.table, 'key'],
    [`${table}_head`, COLUMNS.head, 'id'],
  ] as const) {
    const row = found.find((candidate) => candidate.name === name);
    if (row === undefined) throw notAStore(`the database has no table ${name}, but the other one of the store`);
    if (row.kind !== 'r' || row.columns !== columns || row.primary !== key) {
      throw notAStore(`${name} is no table of a store: it has (${String(row.columns)})`);
    }
    if (row.triggers === true) throw notAStore(`${name} has triggers, which may change what is stored`);
    if (row.persistence === 'p') continue;
    throw new LanestoreError('LANESTORE_IO', `${name} is unlogged: a crash empties it`, {
      remedy: `alter table ${name} set logged`,
    });
  }
}

function notAStore(message: string): LanestoreError {
  return new LanestoreError('LANESTORE_NOT_A_STORE', message, {
    remedy: 'check the database and the option `table`; choose a name that no table has for a new store',
  });
}

/** The row with the epoch and the holder that may write. */
export interface Head {
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly holder: string | undefined;
  readonly since: Date | undefined;
}

/** @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA. */
export async function readHead(session: Session, sql: Statements): Promise<Head> {
  const [row] = await session.query({ text: sql.head });
  if (row === undefined) throw notAStore('the row of the head table is gone: somebody edited it');
  if (row.layout !== LAYOUT) {
    throw new LanestoreError('LANESTORE_SCHEMA', `the tables have layout ${String(row.layout)}, known is ${LAYOUT}`);
  }
  return {
    epoch: BigInt(row.epoch as string),
    seq: BigInt(row.seq as string),
    holder: (row.holder as string | null) ?? undefined,
    since: (row.since as Date | null) ?? undefined,
  };
}
