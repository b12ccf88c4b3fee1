/**
 * Reads a store without claiming it, in one snapshot on a separate connection. A node may run on
 * the store. Any server of the cluster can be read. A snapshot on a standby does not slow the node,
 * unless `hot_standby_feedback` is on.
 */
import { AbstractLevel } from 'abstract-level';
import { CloseStack } from '../../base/close-stack.js';
import { boolean, fields } from '../../base/options.js';
import { checkEntryChecks, MODEL_CHECK } from '../../model/option-checks.js';
import { Engine, examineView, verifyView } from '../level/conversion.js';
import type { StoreView, VerifyOptions, VerifyReport, ViewOptions } from '../level/index.js';
import { byteArrays } from './byte-arrays.js';
import { coded } from './failure.js';
import { POSTGRES_CHECKS, type PostgresConnection, settingsOf, storeName } from './options.js';
import { type ByteRange, RangeIterator } from './range-iterator.js';
import { checkTables, readHead } from './server.js';
import { type Query, Session } from './session.js';
import { beginSnapshot, type Snapshot } from './snapshots.js';
import { type Statements, statements } from './statements.js';

/** Options of {@link openPostgresView}. */
export interface PostgresViewOptions<B, Q, A> extends Pick<ViewOptions<B, Q, A>, 'model'> {
  /** The server to read from: the primary or a standby. */
  readonly connection: PostgresConnection;
  /** As in `openPostgres`. */
  readonly table?: string;
  /** As in `openPostgres`. */
  readonly deadlineMs?: number;
  /** @internal False: entries are not checked, because the caller reads each of them. */
  readonly examine?: boolean;
}

/** Options of {@link verifyPostgres}. */
export interface VerifyPostgresOptions<B, Q, A>
  extends PostgresViewOptions<B, Q, A>,
    Pick<VerifyOptions<B, Q, A>, 'checks'> {}

const { connection, table, deadlineMs } = POSTGRES_CHECKS;
const VIEW_CHECKS = { connection, table, deadlineMs, examine: boolean, ...MODEL_CHECK };
const checkViewOptions = fields<PostgresViewOptions<unknown, unknown, unknown>>(VIEW_CHECKS);
const checkVerifyOptions = fields<VerifyPostgresOptions<unknown, unknown, unknown>>({
  ...VIEW_CHECKS,
  checks: checkEntryChecks,
});

/**
 * Opens a view of the store in a table. Nothing is claimed, written or locked. The view holds a
 * snapshot until it is closed. Until then a node that writes to the same server is slower, so close
 * the view soon, or read from a standby. All live records are read and checked.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_IO. Damage is in `findings`.
 * @example
 * ```ts
 * import { autobahn } from 'lanestore';
 * import { openPostgresView } from 'lanestore/adapter/postgres';
 *
 * const connection = 'postgres://127.0.0.1:5433/validator';
 * const view = await openPostgresView({ connection, model: autobahn });
 * console.log(`${view.records} records at seq ${view.tip?.seq}`);
 * await view.close();
 * ```
 */
export async function openPostgresView<B, Q, A>(options: PostgresViewOptions<B, Q, A>): Promise<StoreView<B, Q, A>> {
  checkViewOptions(options, 'openPostgresView: options');
  const settings = settingsOf({
    connection: options.connection,
    replicas: 0,
    createIfMissing: false,
    ...(options.table === undefined ? {} : { table: options.table }),
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
  });
  const sql = statements(settings.table);
  const held = new CloseStack();
  try {
    const session = await Session.connect(options.connection, settings.deadlineMs);
    held.add(() => session.close());
    await beginSnapshot(session);
    await checkTables(session, settings, sql);
    await readHead(session, sql);
    const db = new SnapshotLevel(session, sql);
    held.add(() => db.close());
    await db.open();
    const location = storeName(options.connection, settings.table);
    const isExamined = options.examine ?? true;
    return await examineView(new Engine(db), {
      model: options.model,
      location,
      isExamined,
      release: () => held.close(),
    });
  } catch (error) {
    await held.close().catch(() => undefined);
    throw coded('the store cannot be read', error);
  }
}

/**
 * Checks the store in a table completely, as {@link openPostgresView} reads it. PostgreSQL checks
 * its own pages; there is no witness.
 * @throws as {@link openPostgresView}.
 */
export async function verifyPostgres<B, Q, A>(options: VerifyPostgresOptions<B, Q, A>): Promise<VerifyReport> {
  checkVerifyOptions(options, 'verifyPostgres: options');
  const { checks = {}, ...rest } = options;
  await using view = await openPostgresView(rest);
  return await verifyView(view, checks);
}

/** A read-only database over one snapshot. */
class SnapshotLevel extends AbstractLevel<Buffer, string, Uint8Array> {
  readonly #snapshot: Snapshot;
  readonly #sql: Statements;

  constructor(session: Session, sql: Statements) {
    super({ encodings: { buffer: true }, seek: true, createIfMissing: false, errorIfExists: false });
    this.#sql = sql;
    const read = (query: Query) =>
      session.query(query).catch((error: unknown) => {
        throw coded('reading failed', error);
      });
    // The session ends with the view, not with the iterator.
    this.#snapshot = { read, release: async () => undefined };
  }

  async _get(key: Buffer): Promise<Buffer | undefined> {
    const [row] = await this.#snapshot.read({ text: this.#sql.get, values: [byteArrays([key])] });
    return row?.value as Buffer | undefined;
  }

  async _getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    return Promise.all(keys.map((key) => this._get(key)));
  }

  _iterator(options: ByteRange): RangeIterator {
    return new RangeIterator(this, options, this.#snapshot, this.#sql);
  }
}
