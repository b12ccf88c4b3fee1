/** One connection to a server, with a deadline on every query. */
import { isRefusedByNode, messageOf } from '../../base/permission-model.js';
import { LanestoreError } from '../../errors.js';
import type { PostgresConnection } from './options.js';

/** A row of a result, by column. */
export type Row = Readonly<Record<string, unknown>>;

/** A query: its text and parameters; with a `name` it is parsed once per connection. */
export interface Query {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly name?: string;
}

/**
 * The part of `pg.Client` that is used. Declared here, so that our typings need no typings of `pg`.
 */
interface Client {
  connect(): Promise<unknown>;
  query(query: Query): Promise<{ rows: Row[] }>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'notice', listener: (notice: { code?: string; message?: string }) => void): unknown;
  readonly connection: { readonly stream: { destroy(): void } };
}

/**
 * Settings of every connection. They override those of the role and the database. Notices of class
 * WARNING must arrive: one of them reports that a wait for a standby was cancelled.
 */
const SETTINGS = [
  'client_min_messages = warning',
  'statement_timeout = 0',
  'idle_in_transaction_session_timeout = 0',
  "default_transaction_isolation = 'read committed'",
  'default_transaction_read_only = off',
];

/** @throws LANESTORE_IO if `pg` is not installed. */
async function loadClient(): Promise<new (config: object) => Client> {
  try {
    return (await import('pg')).default.Client as unknown as new (
      config: object,
    ) => Client;
  } catch (error) {
    throw new LanestoreError('LANESTORE_IO', `PostgreSQL's client (pg) cannot be loaded: ${messageOf(error)}`, {
      cause: error,
      remedy: isRefusedByNode(error) ? 'let Node.js read the package pg' : 'npm install pg',
    });
  }
}

/**
 * An open connection. Queries are sent at once, without waiting for earlier ones. Each is its own
 * transaction.
 */
export class Session {
  readonly #client: Client;
  readonly #deadlineMs: number;
  #failure: Error | undefined;
  #notice: string | undefined;

  private constructor(client: Client, deadlineMs: number) {
    this.#client = client;
    this.#deadlineMs = deadlineMs;
    // Without a listener, an error of the connection would end the process.
    client.on('error', (error) => {
      this.#failure ??= error;
    });
    client.on('notice', ({ code = '', message = '' }) => {
      // SQLSTATE class 01: the wait for a standby was cancelled. Class 57: the server is going
      // down. The text is localised, so it is not compared.
      if (code.startsWith('01') || code.startsWith('57')) this.#notice ??= `${code} ${message}`;
    });
  }

  /** @throws LANESTORE_IO, LANESTORE_INVALID; errors of `pg`. */
  static async connect(server: PostgresConnection, deadlineMs: number): Promise<Session> {
    const PgClient = await loadClient();
    const session = new Session(clientOf(PgClient, server, deadlineMs), deadlineMs);
    try {
      await session.#within(session.#client.connect(), 'connecting');
      await session.query({ text: SETTINGS.map((setting) => `set ${setting}`).join('; ') });
      await session.query({ text: `set lock_timeout = ${deadlineMs}` });
    } catch (error) {
      session.destroy();
      throw error;
    }
    return session;
  }

  /** False once the connection is known to be lost. */
  get isUsable(): boolean {
    return this.#failure === undefined;
  }

  /** The first warning or shutdown notice since the last call. */
  takeNotice(): string | undefined {
    const notice = this.#notice;
    this.#notice = undefined;
    return notice;
  }

  /**
   * Resolves once the server reports that the transaction has ended, its wait for standbys
   * included. After the deadline the connection is cut: what the query did is unknown.
   */
  async query(query: Query): Promise<readonly Row[]> {
    if (this.#failure !== undefined) throw new Error('the connection is lost', { cause: this.#failure });
    return (await this.#within(this.#client.query(query), 'the server')).rows;
  }

  /** Ends the session; cuts the connection if the server does not answer in time. */
  async close(): Promise<void> {
    if (!this.isUsable) return this.destroy();
    await this.#within(this.#client.end(), 'closing').catch(() => undefined);
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#failure ??= new Error('the connection was cut');
    this.#client.connection.stream.destroy();
  }

  async #within<T>(work: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`${what} did not answer within ${this.#deadlineMs} ms`));
        this.destroy();
      }, this.#deadlineMs);
    });
    // The rejection of an abandoned query is handled.
    work.catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function clientOf(PgClient: new (config: object) => Client, server: PostgresConnection, deadlineMs: number): Client {
  const address = typeof server === 'string' ? { connectionString: server } : server;
  const own = { keepAlive: true, pipeline: true, connectionTimeoutMillis: deadlineMs };
  try {
    return new PgClient({ application_name: 'lanestore', ...address, ...own });
  } catch {
    // Thrown without the cause, which contains the connection string.
    throw new LanestoreError('LANESTORE_INVALID', 'the connection is not one that pg.Client accepts');
  }
}
