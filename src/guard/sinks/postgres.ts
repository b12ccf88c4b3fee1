/**
 * A sink in a table of any PostgreSQL server. Each claim and each put is one compare-and-set
 * statement; the row's lock orders the statements of several hosts. Needs the package `pg`, which
 * the first call loads.
 */
import { formatHistory, type SigningHistory } from '../../adapter/index.js';
import { sqlState } from '../../adapter/postgres/failure.js';
import { checkOneServer, POSTGRES_CHECKS, type PostgresConnection } from '../../adapter/postgres/options.js';
import { type Row, Session } from '../../adapter/postgres/session.js';
import { fields, required } from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import {
  checkPut,
  NO_RECORD,
  type WitnessClaim,
  type WitnessKey,
  type WitnessRecord,
  type WitnessSink,
} from '../witness.js';
import { numberOf, sinkHistory } from '../witness-text.js';
import { checkSinkName } from './file.js';

/** Options of {@link postgresWitness}. */
export interface PostgresWitnessOptions {
  /** The primary: a URL, or options of `pg.Client`. Errors of the sink never contain it. */
  readonly connection: PostgresConnection;
  /** Default `lanestore_witness`. Created if absent; the role needs the right to do so. */
  readonly table?: string;
  /**
   * The sink's name. Default: `postgres:` and the table. Give sinks on two servers different names.
   */
  readonly name?: string;
  /** Milliseconds to wait for an answer, 100 to 600,000. Default 10,000. */
  readonly deadlineMs?: number;
}

const checkOptions = fields<PostgresWitnessOptions>({
  connection: required(checkOneServer),
  table: POSTGRES_CHECKS.table,
  name: checkSinkName,
  deadlineMs: POSTGRES_CHECKS.deadlineMs,
});

const DEADLINE_MS = 10_000;
/** SQLSTATEs of a `create` while another session creates the table. */
const CREATED_MEANWHILE = new Set(['23505', '42P07', '42710']);
/**
 * Upper bound of tries of a put whose row changes between the put and the read that explains it.
 */
const RACES_MAX = 100;

/** A sink in a table. The server must sync its commits. */
export function postgresWitness(options: PostgresWitnessOptions): WitnessSink {
  checkOptions(options, 'postgresWitness: options');
  const { connection, table = 'lanestore_witness', name = `postgres:${table}`, deadlineMs = DEADLINE_MS } = options;
  return new PostgresWitness(name, statementsOf(table), () => Session.connect(connection, deadlineMs), table);
}

function statementsOf(table: string) {
  const columns = 'epoch::text, holder, last_epoch::text, history';
  const where = 'network = $1 and signer = $2';
  return {
    create: `create table if not exists ${table} (network text not null, signer bytea not null,
      epoch numeric(20) not null, holder text not null, last_epoch numeric(20), store bytea, seq numeric(20),
      history text, primary key (network, signer))`,
    server: `select pg_is_in_recovery() as standby, current_setting('fsync') as fsync,
      current_setting('full_page_writes') as pages,
      (select relpersistence from pg_class where oid = to_regclass('${table}')) as persistence`,
    read: `select ${columns} from ${table} where ${where}`,
    claim: `insert into ${table} as own (network, signer, epoch, holder) values ($1, $2, 1, $3)
      on conflict (network, signer) do update set epoch = own.epoch + 1, holder = excluded.holder
      returning ${columns}`,
    // The same conditions as in checkPut.
    put: `update ${table} set last_epoch = epoch, store = $5, seq = $6::numeric, history = $7
      where ${where} and epoch = $3::numeric and holder = $4 and (last_epoch is null
        or (store = $5 and (seq < $6::numeric or (last_epoch < epoch and seq = $6::numeric)))
        or (store <> $5 and last_epoch < epoch)) returning 1 as done`,
  };
}

class PostgresWitness implements WitnessSink {
  readonly name: string;
  readonly #sql: ReturnType<typeof statementsOf>;
  readonly #connect: () => Promise<Session>;
  readonly #table: string;
  #session: Promise<Session> | undefined;

  constructor(name: string, sql: ReturnType<typeof statementsOf>, connect: () => Promise<Session>, table: string) {
    this.name = name;
    this.#sql = sql;
    this.#connect = connect;
    this.#table = table;
  }

  read(key: WitnessKey, signal: AbortSignal): Promise<WitnessRecord> {
    return this.#within(signal, async (session) => {
      const [row] = await session.query({ text: this.#sql.read, values: valuesOf(key) });
      return row === undefined ? NO_RECORD : recordOf(row, key);
    });
  }

  claim(key: WitnessKey, holder: string, signal: AbortSignal): Promise<WitnessRecord> {
    return this.#within(signal, async (session) => {
      const [row = {}] = await session.query({ text: this.#sql.claim, values: [...valuesOf(key), holder] });
      assertSynced(session);
      return recordOf(row, key);
    });
  }

  put(claim: WitnessClaim, history: SigningHistory, signal: AbortSignal): Promise<void> {
    const { store, seq } = history;
    const own = [`${claim.epoch}`, claim.holder, Buffer.from(store), `${seq}`, formatHistory(history)];
    return this.#within(signal, async (session) => {
      for (let tries = 0; tries < RACES_MAX; tries++) {
        const done = await session.query({ text: this.#sql.put, values: [...valuesOf(history), ...own] });
        assertSynced(session);
        if (done.length > 0) return;
        const [row] = await session.query({ text: this.#sql.read, values: valuesOf(history) });
        if (!checkPut(row === undefined ? NO_RECORD : recordOf(row, history), claim, history)) return;
      }
      throw failed('other processes keep writing the record of this key');
    });
  }

  async close(): Promise<void> {
    const opening = this.#session;
    this.#session = undefined;
    await opening?.then(
      (session) => session.close(),
      () => undefined,
    );
  }

  /**
   * Runs a call on the connection. Closes the connection if the call is aborted, or if `pg` rejects
   * the call.
   */
  async #within<T>(signal: AbortSignal, step: (session: Session) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const opening = this.#session ?? this.#opened();
    this.#session = opening;
    const cut = () => void this.#drop(opening);
    signal.addEventListener('abort', cut);
    try {
      return await step(await opening);
    } catch (error) {
      if (error instanceof LanestoreError) throw error;
      cut();
      throw coded(error);
    } finally {
      signal.removeEventListener('abort', cut);
      if (opening === this.#session && !(await isUsable(opening))) this.#session = undefined;
    }
  }

  #drop(opening: Promise<Session>): void {
    if (this.#session === opening) this.#session = undefined;
    opening.then(
      (session) => session.destroy(),
      () => undefined,
    );
  }

  async #opened(): Promise<Session> {
    const session = await this.#connect();
    try {
      await session.query({ text: 'set synchronous_commit = on' });
      if ((await this.#serverOf(session)).persistence === null) {
        await session.query({ text: this.#sql.create }).catch((error: unknown) => {
          if (!CREATED_MEANWHILE.has(sqlState(error) ?? '')) throw error;
        });
      }
      const { standby, fsync, pages, persistence } = await this.#serverOf(session);
      if (standby === true) throw failed('the server is a standby');
      if (fsync !== 'on' || pages !== 'on') throw failed('the server has fsync or full_page_writes off');
      if (persistence !== 'p') throw failed(`the table ${this.#table} is not logged`);
      session.takeNotice();
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  async #serverOf(session: Session): Promise<Row> {
    const [row = {}] = await session.query({ text: this.#sql.server });
    return row;
  }
}

async function isUsable(opening: Promise<Session>): Promise<boolean> {
  return opening.then(
    (session) => session.isUsable,
    () => false,
  );
}

/**
 * Throws if the server sent a warning. A cancelled wait for a synchronous standby causes one: the
 * standby may then lack the commit.
 */
function assertSynced(session: Session): void {
  const notice = session.takeNotice();
  if (notice === undefined) return;
  session.destroy();
  throw failed(`the commit may not be synced: ${notice}`);
}

function valuesOf({ network, signer }: WitnessKey): [string, Buffer] {
  return [network, Buffer.from(signer)];
}

function recordOf({ epoch, holder, last_epoch: lastEpoch, history }: Row, key: WitnessKey): WitnessRecord {
  const claims = numberOf(epoch);
  if (claims === undefined || typeof holder !== 'string') throw failed('its row of this key is invalid');
  if (lastEpoch === null && history === null) return { epoch: claims, holder, last: undefined };
  const last = numberOf(lastEpoch);
  if (last === undefined || typeof history !== 'string') throw failed('its row of this key is invalid');
  return { epoch: claims, holder, last: { epoch: last, history: sinkHistory(history, key) } };
}

/**
 * The coded error, without the cause and without messages of the connection, because both may
 * contain the address.
 */
function coded(error: unknown): LanestoreError {
  const state = sqlState(error);
  if (state !== undefined && !state.startsWith('28') && !state.startsWith('3D')) {
    return failed(`${state}: ${(error as Error).message}`);
  }
  const { code } = error as { code?: unknown };
  return failed(`the call failed: ${state ?? (typeof code === 'string' ? code : 'the connection failed')}`);
}

function failed(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_IO', what, { remedy: 'check the server, the role, its rights and the table' });
}
