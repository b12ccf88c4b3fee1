/**
 * Tables of PostgreSQL as the target of a migration. Loaded only for such a target: it needs
 * abstract-level, and `pg`.
 */
import { randomBytes } from 'node:crypto';
import type { StoredVotes } from '../adapter/level/conversion.js';
import { dropTables, refuseTables, renameTables, storeName } from '../adapter/postgres/conversion.js';
import { openPostgres, openPostgresView } from '../adapter/postgres/index.js';
import { amendTables } from '../adapter/postgres/location.js';
import type { Model } from '../model/model.js';
import { importedVotes, LevelSink } from './level-sink.js';
import { viewSource } from './level-source.js';
import type { Place, PostgresTarget } from './place.js';
import type { Sink } from './sink.js';

/** Claims a name in a database. @throws LANESTORE_INVALID if it is taken; LANESTORE_IO. */
export async function claimTables<B, Q, A>(to: PostgresTarget, model: Model<B, Q, A>): Promise<Place<B, Q, A>> {
  const { connection, table, replicas } = to;
  await refuseTables({ connection, table, replicas });
  const built = { connection, replicas, table: `${table.slice(0, 35)}_import_${randomBytes(3).toString('hex')}` };
  let isPublished = false;
  return {
    target: storeName(connection, table),
    sink: (votes) => openPostgresSink(built, model, votes),
    reopen: async () =>
      viewSource(await openPostgresView({ connection, table: built.table, model, examine: false }), model),
    publish: async () => {
      await renameTables(built, table);
      isPublished = true;
    },
    abandon: () => (isPublished ? undefined : dropTables(built)),
  };
}

/** Opens a new store in tables, which must not exist. */
async function openPostgresSink<B, Q, A>(
  place: PostgresTarget,
  model: Model<B, Q, A>,
  votes: StoredVotes | undefined,
): Promise<Sink<B, Q, A>> {
  const store = await openPostgres({ ...place, model, load: false });
  return new LevelSink(store, () =>
    amendTables(place, { model, depth: 'singles' }, ({ singles }) => importedVotes(model, singles, votes)),
  );
}
