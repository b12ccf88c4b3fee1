/** Options of `PostgresLevel` and `openPostgres`. */
import {
  boolean,
  type Check,
  type Checks,
  count,
  mismatch,
  oneOf,
  outOfRange,
  required,
  string,
  wholeNumber,
} from '../../base/options.js';
import type { StoreOptions } from '../level/options.js';

/**
 * The fields of `pg.ClientConfig` that name a server and a role. Other fields are passed on
 * unchanged.
 */
export interface PostgresAddress {
  readonly connectionString?: string;
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  readonly user?: string;
  readonly password?: string | (() => string | Promise<string>);
  /** Options of `tls.connect`, or true. */
  readonly ssl?: boolean | object;
}

/** One server: a URL, or options of `pg.Client`. Errors and logs never contain it. */
export type PostgresConnection = string | PostgresAddress;

/** Options of a {@link PostgresLevel}. */
export interface PostgresOptions {
  /** The server, or all servers of a cluster, of which exactly one must be the primary. */
  readonly connection: PostgresConnection | readonly PostgresConnection[];
  /**
   * Synchronous standbys that must have flushed a batch before it is acknowledged. 0: no standby;
   * then a failover may lose acknowledged batches.
   */
  readonly replicas: number;
  /** Name of the table; `<table>_head` holds epoch and holder. Default `lanestore`. */
  readonly table?: string;
  /** Value of `synchronous_commit` in every batch; nothing weaker is offered. Default `on`. */
  readonly durability?: 'on' | 'remote_apply';
  /** Claim the store even if its holder may be alive. The holder is then fenced. Default false. */
  readonly takeOver?: boolean;
  /**
   * Milliseconds without a write after which the holder counts as gone, 100 to 600,000. The lease
   * only prevents accidents: safety depends on the epoch alone. Default 5000.
   */
  readonly leaseMs?: number;
  /** Milliseconds to wait for an answer, 100 to 600,000. Default 10,000. */
  readonly deadlineMs?: number;
  /** Upper bound of concurrent read snapshots. Each uses one connection. Default 8. */
  readonly snapshots?: number;
  /** Milliseconds after which a snapshot ends if a batch was written since. Default 10,000. */
  readonly snapshotMs?: number;
  /** Create the tables if they are absent. Default true. */
  readonly createIfMissing?: boolean;
}

/** Options of `openPostgres`. */
export interface PostgresStoreOptions<B, Q, A> extends PostgresOptions, StoreOptions<B, Q, A> {
  /**
   * With `replicas: 0`: the operator's assurance that no other server ever takes over. Without it,
   * the store keeps no votes, because a failover could lose one. Default false.
   */
  readonly singleServer?: boolean;
}

const milliseconds = wholeNumber(100, 600_000, 'of milliseconds');
/**
 * At most 50 characters: `_head` and the suffix of its index must fit into PostgreSQL's 63 bytes.
 */
const TABLE_NAME = /^[a-z_][a-z0-9_]{0,49}$/;

const tableName: Check<string> = (value, name) => {
  if (!TABLE_NAME.test(string(value, name))) {
    throw outOfRange(name, 'up to 50 lowercase letters, digits and underscores', value);
  }
  return value as string;
};

/**
 * What `pg` reads as an address. It takes any other text, such as `user:password@host/db`, as the
 * name of a database, which the server's error repeats.
 */
const ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\/\/|socket:|\/)/i;
const SERVER_URL = /^postgres(?:ql)?:\/\//i;

/** The error omits the value: it may contain a password. */
const connection: Check<PostgresOptions['connection']> = (value, name) => {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw outOfRange(name, 'one server or more', 'an empty list');
  for (const item of list) {
    if (typeof item === 'string' ? item === '' : typeof item !== 'object' || item === null || Array.isArray(item)) {
      throw mismatch(name, 'a URL, an object for pg.Client, or a list of them', item);
    }
    if (typeof item === 'string' && !ADDRESS.test(item)) {
      throw outOfRange(name, 'a URL like postgres://user@host:port/db', 'a text of another form');
    }
  }
  return value as PostgresOptions['connection'];
};

/** As {@link connection}, of one server. */
export const checkOneServer: Check<PostgresConnection> = (value, name) => {
  if (Array.isArray(value)) throw mismatch(name, 'one server', value);
  return connection(value, name) as PostgresConnection;
};

/** The checks of {@link PostgresOptions}. */
export const POSTGRES_CHECKS: Checks<PostgresOptions> = {
  connection: required(connection),
  replicas: required(wholeNumber(0, 64, 'of standbys')),
  table: tableName,
  durability: oneOf('on', 'remote_apply'),
  takeOver: boolean,
  leaseMs: milliseconds,
  deadlineMs: milliseconds,
  snapshots: count,
  snapshotMs: milliseconds,
  createIfMissing: boolean,
};

/** Every option with its value. */
export interface PostgresSettings extends Required<Omit<PostgresOptions, 'connection'>> {
  readonly servers: readonly PostgresConnection[];
}

/** The table if none is named. */
export const DEFAULT_TABLE = 'lanestore';

/** Fills in the defaults. */
export function settingsOf(options: PostgresOptions): PostgresSettings {
  const { connection: servers } = options;
  return {
    servers: (Array.isArray(servers) ? servers : [servers]) as readonly PostgresConnection[],
    replicas: options.replicas,
    table: options.table ?? DEFAULT_TABLE,
    durability: options.durability ?? 'on',
    takeOver: options.takeOver ?? false,
    leaseMs: options.leaseMs ?? 5000,
    deadlineMs: options.deadlineMs ?? 10_000,
    snapshots: options.snapshots ?? 8,
    snapshotMs: options.snapshotMs ?? 10_000,
    createIfMissing: options.createIfMissing ?? true,
  };
}

/** The options that have a check in `checks`. */
export function picked<T extends object, Checks extends object>(
  options: T,
  checks: Checks,
): Pick<T, keyof T & keyof Checks> {
  const entries = Object.entries(options).filter(([name]) => name in checks);
  return Object.fromEntries(entries) as Pick<T, keyof T & keyof Checks>;
}

/** A readable name of the store, without password or other parameters of the connection. */
export function storeName(connection: PostgresConnection, table: string): string {
  const { connectionString, ...fields } =
    typeof connection === 'string' ? { connectionString: connection } : connection;
  const { user = '', host = '', port = '', database = '' } = fields as Record<string, string | number | undefined>;
  const base = `postgres://${user === '' ? '' : `${user}@`}${host}${port === '' ? '' : `:${port}`}/${database}`;
  const isUrl = connectionString !== undefined && SERVER_URL.test(connectionString) && URL.canParse(connectionString);
  const parsed = isUrl ? new URL(connectionString) : undefined;
  // An `@` after the host ends a password with a character that was not escaped.
  const url = parsed === undefined || /@/.test(parsed.pathname + parsed.hash) ? undefined : parsed;
  const shown =
    url === undefined ? base : `postgres://${url.username === '' ? '' : `${url.username}@`}${url.host}${url.pathname}`;
  return `${shown}?store=${table}`;
}
