/**
 * Read snapshots. Each is a transaction on its own connection. Their number and duration are
 * limited, because while one is held, PostgreSQL keeps every version of every row that is written
 * after it, and a batch takes several times as long.
 */
import { LanestoreError } from '../../errors.js';
import { meter } from '../../metrics/channel.js';
import { coded } from './failure.js';
import type { PostgresSettings } from './options.js';
import type { Query, Row, Session } from './session.js';

const BEGIN = 'begin isolation level repeatable read read only';
/** Idle connections that are kept. */
const IDLE_MAX = 2;

/** A snapshot. Iterators that began between the same two writes share it. */
export interface Snapshot {
  /**
   * Reads in the snapshot.
   * @throws LANESTORE_CAPACITY if the snapshot has ended; LANESTORE_IO, LANESTORE_CORRUPT.
   */
  read(query: Query): Promise<readonly Row[]>;
  /** Each iterator calls it once; the last call ends the snapshot. */
  release(): Promise<void>;
}

/** The snapshots of one database. */
export class Snapshots {
  readonly #settings: PostgresSettings;
  readonly #connect: () => Promise<Session>;
  readonly #open = new Set<SharedSnapshot>();
  readonly #idle: Session[] = [];
  /** Shared by the next iterator; undefined after a write. */
  #current: SharedSnapshot | undefined;
  #isClosed = false;

  constructor(settings: PostgresSettings, connect: () => Promise<Session>) {
    this.#settings = settings;
    this.#connect = connect;
  }

  /** A snapshot of what is committed now. @throws LANESTORE_CAPACITY if all are in use. */
  acquire(): Snapshot {
    if (this.#current?.retain() === true) return this.#current;
    const { snapshots, snapshotMs } = this.#settings;
    if (this.#open.size >= snapshots) {
      throw new LanestoreError('LANESTORE_CAPACITY', `${snapshots} read snapshots are in use`, {
        remedy: 'end some iterations first, or raise the option `snapshots`',
      });
    }
    const session = this.#idle.pop();
    const snapshot = new SharedSnapshot(session === undefined ? this.#connect() : Promise.resolve(session), {
      snapshotMs,
      isCurrent: () => this.#current === snapshot,
      ended: (free) => this.#ended(snapshot, free),
    });
    this.#open.add(snapshot);
    meter(this.#settings.table, 'lanestore_snapshots', this.#open.size);
    this.#current = snapshot;
    return snapshot;
  }

  /**
   * Called before a write. Resolves once requested snapshots are taken, so that they do not contain
   * the write. Later snapshots must contain it.
   */
  async beforeWrite(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.ready;
  }

  /** Called after a write: a snapshot that was requested during the write may not contain it. */
  afterWrite(): void {
    this.#current = undefined;
  }

  /** Ends all snapshots; their iterators reject. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((snapshot) => snapshot.end()));
    await Promise.all(this.#idle.splice(0).map((session) => session.close()));
  }

  async #ended(snapshot: SharedSnapshot, session: Session | undefined): Promise<void> {
    this.#open.delete(snapshot);
    if (this.#current === snapshot) this.#current = undefined;
    meter(this.#settings.table, 'lanestore_snapshots', this.#open.size);
    if (session === undefined) return;
    if (this.#isClosed || this.#idle.length >= IDLE_MAX || !session.isUsable) await session.close();
    else this.#idle.push(session);
  }
}

interface SnapshotLife {
  readonly snapshotMs: number;
  readonly isCurrent: () => boolean;
  /** Called when the snapshot has ended. `session` may be used for another snapshot. */
  readonly ended: (session: Session | undefined) => Promise<void>;
}

class SharedSnapshot implements Snapshot {
  /** Settles once the snapshot is taken, or is known to have failed. Never rejects. */
  readonly ready: Promise<void>;
  readonly #session: Promise<Session>;
  readonly #life: SnapshotLife;
  readonly #timer: NodeJS.Timeout;
  #users = 1;
  #ending: Promise<void> | undefined;
  #isExpired = false;

  constructor(connecting: Promise<Session>, life: SnapshotLife) {
    this.#life = life;
    this.#session = connecting.then(beginSnapshot);
    this.ready = this.#session.then(
      () => undefined,
      () => undefined,
    );
    this.#timer = setInterval(() => this.#expire(), life.snapshotMs);
    this.#timer.unref();
  }

  /** Adds a user; false if the snapshot has ended. */
  retain(): boolean {
    if (this.#ending !== undefined) return false;
    this.#users++;
    return true;
  }

  async read(query: Query): Promise<readonly Row[]> {
    this.#assertHeld();
    try {
      return await (await this.#session).query(query);
    } catch (error) {
      this.#assertHeld();
      throw coded('reading failed', error);
    }
  }

  async release(): Promise<void> {
    this.#users--;
    if (this.#users <= 0) await this.end();
  }

  end(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const session = await this.#session.catch(() => undefined);
    const isFree = await session?.query({ text: 'rollback' }).then(
      () => true,
      () => false,
    );
    if (isFree === false) session?.destroy();
    await this.#life.ended(isFree === true ? session : undefined);
  }

  /** Ends the snapshot, unless no batch was written since: then it slows nothing, and may stay. */
  #expire(): void {
    if (this.#life.isCurrent()) return;
    this.#isExpired = true;
    this.end().catch(() => undefined);
  }

  #assertHeld(): void {
    if (this.#ending === undefined) return;
    const why = this.#isExpired ? `after ${this.#life.snapshotMs} ms` : 'with the database';
    throw new LanestoreError('LANESTORE_CAPACITY', `the snapshot of this iteration was ended ${why}`, {
      remedy: 'read in shorter ranges; the option `snapshotMs` sets the time',
    });
  }
}

/** Takes a snapshot. All later queries of the session read it. */
export async function beginSnapshot(session: Session): Promise<Session> {
  try {
    await session.query({ text: BEGIN });
    // The snapshot is taken by the first statement.
    await session.query({ text: 'select 1' });
  } catch (error) {
    session.destroy();
    throw error;
  }
  return session;
}
