/** The location of a store in a table, for functions that read or change its votes offline. */
import { releasing } from '../../base/close-stack.js';
import { boolean, fields, required } from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import {
  type AmendOptions,
  amended,
  coded as codedError,
  type Decide,
  Engine,
  examineEngine,
  otherFormat,
  storeLocation,
} from '../level/conversion.js';
import type { StoreLocation, StoreView } from '../level/index.js';
import { PostgresFailure } from './failure.js';
import {
  checkOneServer,
  POSTGRES_CHECKS,
  type PostgresConnection,
  type PostgresOptions,
  type PostgresStoreOptions,
  picked,
  storeName,
} from './options.js';
import { PostgresLevel } from './postgres-level.js';
import { openPostgresView } from './view.js';

/** Options of {@link postgresLocation}. */
export interface PostgresLocationOptions
  extends Pick<PostgresOptions, 'table' | 'replicas' | 'leaseMs' | 'deadlineMs'>,
    Pick<PostgresStoreOptions<unknown, unknown, unknown>, 'singleServer'> {
  /** The primary. */
  readonly connection: PostgresConnection;
}

const { table, replicas, leaseMs, deadlineMs } = POSTGRES_CHECKS;
const checkOptions = fields<PostgresLocationOptions>({
  connection: required(checkOneServer),
  table,
  replicas: required(replicas),
  leaseMs,
  deadlineMs,
  singleServer: boolean,
});

/**
 * The location of the store in a table, for `handover`, `importHistory`, `releaseStore` and the
 * other functions that take a {@link StoreLocation}. They read the store in a snapshot, without a
 * claim. To change the store, they claim it like `openPostgres`: stop the node that holds it first.
 * A node that is only paused can never write again. The change is replicated when they resolve.
 * @throws TypeError, LANESTORE_INVALID for invalid options. A change throws LANESTORE_INVALID for
 * `replicas: 0` without `singleServer`, because a failover could lose the change; LANESTORE_LOCKED
 * while a node holds the store; LANESTORE_FAILED if the change may be stored or not: then call the
 * function again.
 * @example
 * ```ts
 * import { autobahn, exportHistory } from 'lanestore';
 * import { postgresLocation } from 'lanestore/adapter/postgres';
 *
 * const location = postgresLocation({ connection: 'postgres://127.0.0.1/validator', replicas: 1 });
 * const history = await exportHistory(location, { model: autobahn, network: 'testnet-1' });
 * console.log(`batch ${history.seq}`);
 * ```
 */
export function postgresLocation(options: PostgresLocationOptions): StoreLocation {
  checkOptions(options, 'postgresLocation: options');
  const { singleServer = false, ...place } = options;
  const { connection } = place;
  const at = { connection, ...picked(place, { table, deadlineMs }) };
  const name = storeName(connection, place.table ?? 'lanestore');
  return storeLocation(name, {
    view: (model) => openPostgresView({ ...at, model }),
    async amend(amendment, decide) {
      if (place.replicas === 0 && !singleServer) throw unsafe();
      await decideOnView(await openPostgresView({ ...at, model: amendment.model }), decide);
      await amendTables(place, amendment, decide);
    },
  });
}

/** Calls `decide` before the claim, so that a change that is refused does not fence a node. */
async function decideOnView<B, Q, A>(opened: StoreView<B, Q, A>, decide: Decide<A>): Promise<void> {
  await using view = opened;
  const { location, tip, votes, refusal, schema, anchor, inner } = view;
  if (refusal !== undefined) throw refusal;
  if (votes === undefined || tip === undefined) throw otherFormat(schema?.format ?? 1);
  await decide({ location, tip, votes, singles: { anchor, inner } });
}

/**
 * Claims the store in a table, and changes it in one batch, which is replicated when this resolves.
 * @throws LANESTORE_LOCKED, LANESTORE_IO; what `decide` throws; LANESTORE_FAILED.
 */
export async function amendTables<B, Q, A>(
  place: PostgresOptions & { readonly connection: PostgresConnection },
  { model, depth = 'records' }: AmendOptions<B, Q, A>,
  decide: Decide<A>,
): Promise<void> {
  const db = new PostgresLevel<string, Uint8Array>({ ...place, createIfMissing: false });
  try {
    await releasing(
      () => db.close(),
      async () => {
        await db.open();
        const engine = new Engine(db);
        const { tip, records } = await examineEngine(engine, { model, depth });
        const location = storeName(place.connection, place.table ?? 'lanestore');
        const { votes, singles } = records;
        const { operations } = amended(tip, await decide({ location, tip, votes, singles }));
        await engine.write(operations);
      },
    );
  } catch (error) {
    throw amendError(error);
  }
}

/** The coded error of a failed change. */
function amendError(error: unknown): unknown {
  if (error instanceof PostgresFailure) {
    const what = `it is not known whether the change is stored: ${error.message}`;
    return new LanestoreError('LANESTORE_FAILED', what, {
      cause: error,
      remedy: 'check the servers, then run the same call or command again',
    });
  }
  return codedError(error);
}

function unsafe(): LanestoreError {
  return new LanestoreError(
    'LANESTORE_INVALID',
    'replicas: 0: a failover could lose the change, and the key could sign twice',
    {
      remedy: 'give the number of synchronous standbys; or singleServer: true, if no other server ever takes over',
    },
  );
}
