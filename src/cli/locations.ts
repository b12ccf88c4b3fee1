/** The locations that commands read: a directory, or tables of PostgreSQL. */
import { openView, verify } from '../adapter/level/index.js';
import type { Detection, Model, StoreLocation, StoreView, VerifyReport } from '../index.js';
import { detectLayout, openState, type Source, viewSource } from '../migrations/index.js';
import type { EntryChecks } from '../model/index.js';
import { UsageError } from './command-error.js';
import { isPostgres, tablesOf } from './postgres-url.js';
import { type OptionValues, wholeNumber } from './verb.js';

/** As `openView`; in PostgreSQL it reads a snapshot, without a claim. @throws as `openView`. */
export async function openViewAt<B, Q, A>(
  location: string,
  options: { readonly model: Model<B, Q, A>; readonly examine?: boolean },
): Promise<StoreView<B, Q, A>> {
  if (!isPostgres(location)) return openView(location, options);
  const { openPostgresView } = await postgres();
  return openPostgresView({ ...tablesOf(location), ...options });
}

/** As `verify`. @throws as `verify`. */
export async function verifyAt<B, Q, A>(
  location: string,
  options: { readonly model: Model<B, Q, A>; readonly checks: EntryChecks<B, Q, A> },
): Promise<VerifyReport> {
  if (!isPostgres(location)) return verify(location, options);
  const { verifyPostgres } = await postgres();
  return verifyPostgres({ ...tablesOf(location), ...options });
}

/** As `openState`. @throws as `openState`. */
export async function openStateAt<B, Q, A>(location: string, model: Model<B, Q, A>): Promise<Source<B, Q, A>> {
  return isPostgres(location) ? viewSource(await openViewAt(location, { model }), model) : openState(location, model);
}

/** As `detectLayout`; tables always have the layout of a store. @throws as `detectLayout`. */
export async function detectLayoutAt(location: string): Promise<Detection> {
  if (!isPostgres(location)) return detectLayout(location);
  return { location, layout: 'level', evidence: ['tables of PostgreSQL'] };
}

/** A store of which a verb only reads the votes. @throws UsageError. */
export async function storeAt(location: string): Promise<string | StoreLocation> {
  if (!isPostgres(location)) return location;
  const { postgresLocation } = await postgres();
  return postgresLocation({ ...tablesOf(location), replicas: 0 });
}

/** A store whose votes a verb changes, or would change. @throws UsageError. */
export async function changedStoreAt(location: string, options: OptionValues): Promise<string | StoreLocation> {
  const isSingle = options['single-server'] === true;
  if (!isPostgres(location)) {
    if (options.replicas === undefined && !isSingle) return location;
    throw new UsageError('--replicas and --single-server are for a store in PostgreSQL');
  }
  if (options.replicas === undefined) throw new UsageError('--replicas N is needed for a store in PostgreSQL');
  const replicas = wholeNumber(options, 'replicas', 0, 0);
  if (isSingle && replicas > 0) throw new UsageError('--single-server goes with --replicas 0');
  const { postgresLocation } = await postgres();
  return postgresLocation({ ...tablesOf(location), replicas, singleServer: isSingle });
}

/** Loaded only for locations in PostgreSQL. */
function postgres() {
  return import('../adapter/postgres/index.js');
}
