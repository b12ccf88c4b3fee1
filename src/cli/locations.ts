/**
 * The locations that commands read: a directory, or tables of PostgreSQL at
 * `postgres://user@host:port/db?store=NAME`.
 *
 * A password comes from PGPASSWORD or PGPASSFILE only, because `ps` shows arguments. No part of a
 * connection string in an argument is ever printed.
 */
import {
  type Detection,
  detectLayout,
  type Model,
  openView,
  type StoreLocation,
  type StoreView,
  type VerifyReport,
  verify,
} from '../index.js';
import { openState, type PostgresTarget, type Source, viewSource } from '../migrations/index.js';
import type { EntryChecks } from '../model/index.js';
import { UsageError } from './command-error.js';
import { type OptionValues, wholeNumber } from './verb.js';

const FORM = 'postgres://user@host:port/db?store=NAME';
/** Accepted parameters in addition to `store`. They name files and modes, not secrets. */
const PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'];

/** Tables of a server. */
type Tables = Omit<PostgresTarget, 'replicas'>;

const URL_WITH_PASSWORD = /postgres(ql)?:(\/\/)?[^@/\s]*:[^@]*@|postgres(ql)?:.*[?&]password=/i;
/** The keyword form of libpq: `host=h password=…`. */
const [PASSWORD_FIELD, OTHER_FIELD] = [
  /(^|\s)password\s*=/i,
  /(^password|(^|\s)(host|hostaddr|port|dbname|user))\s*=/i,
];

/**
 * Refuses connection strings with a password in any argument.
 * @throws UsageError, whose message contains no argument.
 */
export function refusePasswords(args: readonly string[]): void {
  const has = (text: string) => URL_WITH_PASSWORD.test(text) || (PASSWORD_FIELD.test(text) && OTHER_FIELD.test(text));
  if (args.some(has))
    throw new UsageError('a password in an argument is shown by ps: set PGPASSWORD or PGPASSFILE instead');
}

/** True if the location is in PostgreSQL. */
export function isPostgres(location: string): boolean {
  return /^\s*postgres(ql)?:/i.test(location);
}

/**
 * The server and the table of a location in PostgreSQL.
 * @throws UsageError, without any part of the location, if it has a password or is invalid.
 */
export function tablesOf(location: string): Tables {
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (url === undefined || url.hostname === '' || url.hash !== '') throw new UsageError(`write it as ${FORM}`);
  if (url.password !== '' || url.searchParams.has('password'))
    throw new UsageError('a password does not belong there: set PGPASSWORD or PGPASSFILE instead');
  const table = url.searchParams.get('store') ?? 'lanestore';
  url.searchParams.delete('store');
  if ([...url.searchParams.keys()].some((name) => !PARAMETERS.includes(name)))
    throw new UsageError(`of parameters, store and ${PARAMETERS.join(', ')} are known; write it as ${FORM}`);
  if (!/^[a-z_][a-z0-9_]{0,49}$/.test(table))
    throw new UsageError('the name of a store has up to 50 lowercase letters, digits and underscores');
  return { connection: url.href, table };
}

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

/** Options of verbs that change a store, if it is in PostgreSQL. */
export const TABLES_OPTIONS = { replicas: { type: 'string' }, 'single-server': { type: 'boolean' } } as const;

/** Their help, with the texts in column `width`. */
export function tablesHelp(width: number): readonly string[] {
  const rows = [
    ['--replicas N', 'for a store in PostgreSQL: the synchronous standbys that must have the change'],
    ['--single-server', 'with --replicas 0: no other server ever takes over'],
  ];
  return rows.map(([option = '', text = '']) => option.padEnd(width) + text);
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
