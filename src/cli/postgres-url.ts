/**
 * Locations in PostgreSQL: `postgres://user@host:port/db?store=NAME`.
 *
 * A password comes from PGPASSWORD or PGPASSFILE only, because `ps` shows arguments. No part of a
 * connection string in an argument is ever printed.
 */
import type { PostgresTarget } from '../migrations/index.js';
import { UsageError } from './command-error.js';

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
