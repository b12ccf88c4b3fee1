/** Functions of this backend for migrations, in addition to its public entry. */
import { LanestoreError } from '../../errors.js';
import { coded } from './failure.js';
import { type PostgresOptions, settingsOf } from './options.js';
import { assertReplicated } from './replication.js';
import { checkServer, findPrimary } from './server.js';
import { statements } from './statements.js';

export { POSTGRES_CHECKS, storeName } from './options.js';

/** Runs statements in one transaction on the primary; replicated when it resolves. */
async function change(options: PostgresOptions, texts: readonly string[]): Promise<void> {
  const settings = settingsOf(options);
  const sql = statements(settings.table);
  try {
    const { session } = await findPrimary(settings, sql);
    try {
      await checkServer(session, settings, sql);
      const all = ['begin', `set local synchronous_commit = ${settings.durability}`, ...texts, 'commit'];
      session.takeNotice();
      await session.query({ text: all.join('; ') });
      await assertReplicated(session, settings, sql);
    } finally {
      await session.close();
    }
  } catch (error) {
    throw coded('the tables cannot be changed', error);
  }
}

/** @throws LANESTORE_INVALID if a table of that name exists; LANESTORE_IO. */
export async function refuseTables(options: PostgresOptions): Promise<void> {
  const settings = settingsOf(options);
  const sql = statements(settings.table);
  try {
    const { session } = await findPrimary(settings, sql);
    try {
      await checkServer(session, settings, sql);
      const found = await session.query({ text: sql.tables });
      if (found.length === 0) return;
    } finally {
      await session.close();
    }
  } catch (error) {
    throw coded('the server cannot be used', error);
  }
  throw new LanestoreError('LANESTORE_INVALID', `the database has a table ${settings.table} already`, {
    remedy: 'name a store that does not exist (?store=NAME)',
  });
}

/** Renames the tables of a store, both or neither. @throws LANESTORE_IO. */
export function renameTables(options: PostgresOptions, to: string): Promise<void> {
  const { table } = settingsOf(options);
  const suffixes = ['', '_head'];
  return change(
    options,
    suffixes.map((suffix) => `alter table ${table}${suffix} rename to ${to}${suffix}`),
  );
}

/** Removes the tables of a store. */
export function dropTables(options: PostgresOptions): Promise<void> {
  const { table } = settingsOf(options);
  return change({ ...options, replicas: 0 }, [`drop table if exists ${table}`, `drop table if exists ${table}_head`]);
}
