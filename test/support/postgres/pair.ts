/** A primary and its synchronous standby, for attacks that break them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresLevel, type PostgresOptions } from '../../../src/adapter/postgres/index.js';
import { type PostgresCluster, type PostgresServer, startPair, streaming } from './cluster.js';

const WAITING = "select pid from pg_stat_activity where wait_event = 'SyncRep'";
const WAIT_MS_MAX = 60_000;

/** Resolves once `isTrue` holds, at the latest after a minute. */
export async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + WAIT_MS_MAX;
  while (!(await isTrue()) && performance.now() < end) await sleep(5);
}

/** See the top of this file. */
export class PostgresPair {
  #servers: { readonly cluster: PostgresCluster; readonly primary: PostgresServer; readonly standby: PostgresServer };
  #tables = 0;

  private constructor(servers: Awaited<ReturnType<typeof startPair>>) {
    this.#servers = servers;
  }

  static async start(): Promise<PostgresPair> {
    return new PostgresPair(await startPair());
  }

  get primary(): PostgresServer {
    return this.#servers.primary;
  }

  get standby(): PostgresServer {
    return this.#servers.standby;
  }

  /** A name that no table has. */
  table(): string {
    return `place_${++this.#tables}`;
  }

  /** An open database on the primary. */
  async level(options: Partial<PostgresOptions> = {}): Promise<PostgresLevel> {
    const db = new PostgresLevel({ connection: this.primary.url, table: this.table(), replicas: 1, ...options });
    await db.open();
    return db;
  }

  /** Stops the standby's receiver, by its pid, while `work` runs. Nothing reaches the standby. */
  async withStoppedReceiver(work: (receiver: number) => Promise<void>): Promise<void> {
    const [row] = await this.standby.sql('select pid from pg_stat_wal_receiver');
    const pid = row?.pid as number;
    process.kill(pid, 'SIGSTOP');
    try {
      await work(pid);
    } finally {
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // The work ended it.
      }
    }
  }

  /** As {@link withStoppedReceiver}; the standby streams again afterwards. */
  async whileStopped(work: () => Promise<void>): Promise<void> {
    await this.withStoppedReceiver(work);
    await streaming(this.primary);
  }

  /** Resolves once a commit waits for the standby. */
  async waiting(): Promise<void> {
    await until(async () => (await this.primary.sql(WAITING)).length > 0);
  }

  /** Calls a function of the server for each backend that waits for the standby. */
  async onWaiting(call: 'pg_cancel_backend' | 'pg_terminate_backend'): Promise<void> {
    await this.primary.sql(`select ${call}(pid) from (${WAITING}) w`);
  }

  async setStandbyNames(names: string): Promise<void> {
    await this.primary.sql(`alter system set synchronous_standby_names = '${names}'`);
    await this.primary.sql('select pg_reload_conf()');
  }

  /** Replaces both servers, after a failover. */
  async restart(): Promise<void> {
    await this.close();
    this.#servers = await startPair();
  }

  async close(): Promise<void> {
    await this.#servers.cluster.close();
  }
}
