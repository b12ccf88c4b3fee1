/** Opens a store on PostgreSQL. */
import { boolean, fields } from '../../base/options.js';
import { openOwnedDatabase, STORE_CHECKS, type StoreParts } from '../level/conversion.js';
import { LevelStore } from '../level/index.js';
import { DEFAULT_TABLE, POSTGRES_CHECKS, type PostgresStoreOptions, picked } from './options.js';
import { PostgresLevel } from './postgres-level.js';

const checkOptions = fields<PostgresStoreOptions<unknown, unknown, unknown>>({
  ...POSTGRES_CHECKS,
  ...STORE_CHECKS,
  singleServer: boolean,
});

/** A node's persistence on PostgreSQL; it owns its connections, and `close` ends them. */
export class PostgresStore<B, Q, A> extends LevelStore<B, Q, A> {
  /** Number of claims of the store so far, this one included; for logs. */
  readonly epoch: bigint;

  /** Use `openPostgres`. */
  constructor(parts: StoreParts<B, Q, A>, epoch: bigint) {
    super(parts);
    this.epoch = epoch;
  }
}

/**
 * Opens the store in a table, or creates it. The store is claimed first: from then on no other node
 * can write, and everything that is read afterwards is replicated. A round is acknowledged once
 * PostgreSQL has flushed it on the primary and on `replicas` standbys.
 * @throws LANESTORE_LOCKED if another node holds the store; LANESTORE_IO for a server that cannot
 * be used, with a remedy; LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_CORRUPT.
 * @example
 * ```ts
 * import { autobahn } from 'lanestore';
 * import { openPostgres } from 'lanestore/adapter/postgres';
 *
 * const servers = ['127.0.0.1:5432', '127.0.0.1:5433'];
 * const connection = servers.map((server) => `postgres://${server}/validator`);
 * const store = await openPostgres({ connection, model: autobahn, replicas: 1 });
 * await store.persist({ inner: new Uint8Array([1]) }); // flushed on two servers from here on
 * await store.close();
 * ```
 */
export async function openPostgres<B, Q, A>(options: PostgresStoreOptions<B, Q, A>): Promise<PostgresStore<B, Q, A>> {
  checkOptions(options, 'openPostgres: options');
  const { singleServer, ...rest } = options;
  const db = new PostgresLevel<string, Uint8Array>(picked(rest, POSTGRES_CHECKS));
  const durable = rest.replicas > 0 || singleServer === true;
  return openOwnedDatabase(
    { ...picked(rest, STORE_CHECKS), db, durable },
    rest.table ?? DEFAULT_TABLE,
    (parts) => new PostgresStore(parts, db.epoch),
  );
}
