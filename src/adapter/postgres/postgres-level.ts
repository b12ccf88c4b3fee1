/**
 * An abstract-level database in one table of PostgreSQL. One process at a time writes to it:
 * opening claims the table, after which the previous process cannot write.
 */
import { type AbstractDatabaseOptions, AbstractLevel } from 'abstract-level';
import { fields } from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import { byteArrays } from './byte-arrays.js';
import { claim } from './claim.js';
import { coded } from './failure.js';
import { FencedWriter, pack, type Write } from './fenced-writer.js';
import {
  POSTGRES_CHECKS,
  type PostgresConnection,
  type PostgresOptions,
  type PostgresSettings,
  settingsOf,
} from './options.js';
import { type ByteRange, RangeIterator } from './range-iterator.js';
import { checkServer, checkTables, findPrimary } from './server.js';
import { Session } from './session.js';
import { Snapshots } from './snapshots.js';
import { type Statements, statements } from './statements.js';

/** Keys that `clear` deletes in one batch. */
const CLEAR_KEYS = 1000;

interface BatchOperation {
  readonly type: 'put' | 'del';
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

/** The parts of an open database. */
interface Running {
  readonly server: PostgresConnection;
  readonly writer: FencedWriter;
  readonly snapshots: Snapshots;
}

const checkOptions = fields(POSTGRES_CHECKS);

/**
 * An abstract-level database on PostgreSQL, which can be used without a store. Every batch is
 * atomic, and when it resolves it is as durable as {@link PostgresOptions} say. Iterators read
 * snapshots. After a write has failed, its outcome may be unknown, so all later writes fail, too:
 * close the database, and open a new one.
 *
 * Opening and reading reject with a LanestoreError. A write rejects with a {@link PostgresFailure}
 * or with the error of the server.
 * @example
 * ```ts
 * import { PostgresLevel } from 'lanestore/adapter/postgres';
 *
 * const db = new PostgresLevel({ connection: 'postgres://127.0.0.1/validator', replicas: 1 });
 * await db.batch([{ type: 'put', key: 'a', value: '1' }]); // on the primary and one standby
 * await db.close();
 * ```
 */
export class PostgresLevel<K = string, V = string> extends AbstractLevel<Buffer, K, V> {
  readonly #settings: PostgresSettings;
  readonly #sql: Statements;
  #running: Running | undefined;
  #reader: Promise<Session> | undefined;

  /** @throws TypeError, LANESTORE_INVALID for invalid options. */
  constructor(options: PostgresOptions, encodings: AbstractDatabaseOptions<K, V> = {}) {
    super({ encodings: { buffer: true }, seek: true, createIfMissing: false, errorIfExists: false }, encodings);
    this.#settings = settingsOf(checkOptions(options, 'PostgresLevel: options'));
    this.#sql = statements(this.#settings.table);
  }

  /** Number of claims of the table so far, this one included; for logs. 0 while not open. */
  get epoch(): bigint {
    return this.#running?.writer.epoch ?? 0n;
  }

  async _open(): Promise<void> {
    try {
      this.#running = await this.#start();
    } catch (error) {
      throw coded('the database cannot be opened', error);
    }
  }

  async #start(): Promise<Running> {
    const { server, session } = await findPrimary(this.#settings, this.#sql);
    try {
      await checkServer(session, this.#settings, this.#sql);
      await checkTables(session, this.#settings, this.#sql);
      const claimed = await claim(session, this.#settings, this.#sql);
      return {
        server,
        writer: new FencedWriter(session, claimed, this.#settings, this.#sql),
        snapshots: new Snapshots(this.#settings, () => Session.connect(server, this.#settings.deadlineMs)),
      };
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  async _close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.snapshots.close();
    await this.#reader?.then((session) => session.close()).catch(() => undefined);
    this.#reader = undefined;
    await running?.writer.close();
  }

  async _put(key: Uint8Array, value: Uint8Array): Promise<void> {
    await this.#write([{ key, value }]);
  }

  async _del(key: Uint8Array): Promise<void> {
    await this.#write([{ key }]);
  }

  async _batch(operations: readonly BatchOperation[]): Promise<void> {
    const writes = operations.map(({ type, key, value }) =>
      type === 'put' && value !== undefined ? { key, value } : { key },
    );
    await this.#write(writes);
  }

  async _get(key: Buffer): Promise<Buffer | undefined> {
    return (await this._getMany([key]))[0];
  }

  async _getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    const rows = await this.#read(keys);
    const values = new Map(rows.map(({ key, value }) => [(key as Buffer).toString('latin1'), value as Buffer]));
    return keys.map((key) => values.get(key.toString('latin1')));
  }

  async _clear(options: ByteRange & { readonly limit: number }): Promise<void> {
    const { reverse, limit } = options;
    const bounds = Object.fromEntries(
      (['gt', 'gte', 'lt', 'lte'] as const).flatMap((bound) =>
        options[bound] === undefined ? [] : [[bound, options[bound]]],
      ),
    );
    const range = { ...bounds, reverse: reverse === true, limit, keyEncoding: 'buffer' as const };
    const keys = this.keys<Buffer>(range);
    try {
      for (let portion = await keys.nextv(CLEAR_KEYS); portion.length > 0; portion = await keys.nextv(CLEAR_KEYS)) {
        await this.#write(portion.map((key) => ({ key })));
      }
    } finally {
      await keys.close();
    }
  }

  _iterator(options: ByteRange): RangeIterator {
    const snapshot = this.#open().snapshots.acquire();
    return new RangeIterator(this, options, snapshot, this.#sql);
  }

  /** Copies the bytes before it waits. */
  async #write(writes: readonly Write[]): Promise<void> {
    const { writer, snapshots } = this.#open();
    const packed = pack(writes);
    await snapshots.beforeWrite();
    try {
      await writer.write(packed);
    } finally {
      snapshots.afterWrite();
    }
  }

  /** Reads on a separate connection. If that is lost, retries once on a new one. */
  async #read(keys: readonly Buffer[]) {
    const query = { text: this.#sql.get, values: [byteArrays(keys)], name: 'lanestore_get' };
    const { server } = this.#open();
    for (let isSecond = false; ; isSecond = true) {
      this.#reader ??= Session.connect(server, this.#settings.deadlineMs);
      const connecting = this.#reader;
      let session: Session | undefined;
      try {
        session = await connecting;
        return await session.query(query);
      } catch (error) {
        const isLost = session?.isUsable !== true;
        if (isLost && this.#reader === connecting) this.#reader = undefined;
        if (!isLost || isSecond) throw coded('reading failed', error);
      }
    }
  }

  #open(): Running {
    if (this.#running !== undefined) return this.#running;
    throw new LanestoreError('LANESTORE_CLOSED', 'the database is closed');
  }
}
