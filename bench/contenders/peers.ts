/**
 * Other embedded stores, each used as its own documentation recommends for durable transactions:
 * the same puts and deletes as `raw`, with the same bytes, in one transaction a round. They are
 * installed separately: `npm --prefix bench/peers ci`.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Operation } from '../../src/adapter/level/format/operation.js';
import { packageRoot } from '../../test/support/fixtures.js';
import { BatchSource } from '../operations.js';
import type { BenchRound } from '../rounds.js';
import { allAtOnce, type Contender, type ContenderKind, type Job } from './contender.js';
import { wireBytes } from './port.js';

/** An open store of another library. */
interface Peer {
  /** Resolves when all operations are durable. */
  write(operations: readonly Operation[]): Promise<void>;
  /** All entries in the order of their keys. */
  entries(): Promise<[key: string, value: Uint8Array][]>;
  close(): Promise<void>;
}

/** A store of another library, and how to open it. */
export interface PeerKind extends ContenderKind {
  entries(dir: string): Promise<[key: string, value: Uint8Array][]>;
}

const requirePeer = createRequire(join(packageRoot, 'bench', 'peers', 'package.json'));

function asBuffer(operation: Operation): Operation {
  if (operation.type === 'del') return operation;
  const { buffer, byteOffset, byteLength } = operation.value;
  return { ...operation, value: Buffer.from(buffer, byteOffset, byteLength) };
}

class PeerContender implements Contender {
  userBytes = 0;
  syncs = 0;
  readonly #peer: Peer;
  readonly #batches = new BatchSource();

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  prepare(round: BenchRound): Job {
    // As Buffers: rocksdb stores the text of any other Uint8Array.
    const operations = this.#batches.next(round).map(asBuffer);
    this.userBytes = wireBytes(round);
    return () => {
      this.syncs++;
      return allAtOnce(() => this.#peer.write(operations));
    };
  }

  close(): Promise<void> {
    return this.#peer.close();
  }
}

function peerKind(name: string, description: string, openPeer: (dir: string) => Promise<Peer>): PeerKind {
  return {
    name,
    description,
    fullOnly: true,
    async unavailable() {
      try {
        requirePeer(name);
        return undefined;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === 'MODULE_NOT_FOUND') return 'it is not installed (npm --prefix bench/peers ci)';
        return `it does not load: ${message.split('\n')[0]}`;
      }
    },
    open: async (dir) => new PeerContender(await openPeer(dir)),
    async restart(dir) {
      const start = performance.now();
      const peer = await openPeer(dir);
      const entries = await peer.entries();
      const openMs = performance.now() - start;
      await peer.close();
      const count = (prefix: string) => entries.filter(([key]) => key.startsWith(prefix)).length;
      return { openMs, live: { blocks: count('lane/'), commitQCs: count('qc/'), anchors: count('anchor') } };
    },
    async entries(dir) {
      const peer = await openPeer(dir);
      try {
        return await peer.entries();
      } finally {
        await peer.close();
      }
    },
  };
}

interface Lmdb {
  open(options: object): {
    put(key: string, value: Uint8Array): unknown;
    remove(key: string): unknown;
    batch(work: () => void): Promise<unknown>;
    readonly flushed: Promise<unknown>;
    getRange(): Iterable<{ readonly key: string; readonly value: Uint8Array }>;
    close(): Promise<void>;
  };
}

/** Default options: a promise of a write resolves when the write is flushed. */
async function openLmdb(dir: string): Promise<Peer> {
  const { open } = requirePeer('lmdb') as Lmdb;
  const db = open({ path: join(dir, 'lmdb'), encoding: 'binary' });
  return {
    async write(operations) {
      await db.batch(() => {
        for (const operation of operations) {
          if (operation.type === 'put') db.put(operation.key, operation.value);
          else db.remove(operation.key);
        }
      });
      await db.flushed;
    },
    entries: async () => [...db.getRange()].map(({ key, value }) => [key, value]),
    close: () => db.close(),
  };
}

interface Statement {
  run(...values: readonly unknown[]): unknown;
  raw(): Statement;
  all(): [string, Uint8Array][];
}

interface Sqlite {
  pragma(text: string): unknown;
  exec(text: string): unknown;
  prepare(text: string): Statement;
  transaction<T>(work: (value: T) => void): (value: T) => void;
  close(): void;
}

/**
 * WAL mode, as its documentation recommends; FULL syncs the WAL at each commit. SQLite advises
 * against WITHOUT ROWID for rows of this size, and such a table takes half as long again in iii.
 */
async function openSqlite(dir: string): Promise<Peer> {
  const Database = requirePeer('better-sqlite3') as new (path: string) => Sqlite;
  const db = new Database(join(dir, 'entries.sqlite'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL)');
  const put = db.prepare('INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)');
  const remove = db.prepare('DELETE FROM entries WHERE key = ?');
  const writeAll = db.transaction((operations: readonly Operation[]) => {
    for (const operation of operations) {
      if (operation.type === 'put') put.run(operation.key, operation.value);
      else remove.run(operation.key);
    }
  });
  return {
    write: async (operations) => writeAll(operations),
    entries: async () => db.prepare('SELECT key, value FROM entries ORDER BY key').raw().all(),
    close: async () => db.close(),
  };
}

type Done<T extends unknown[] = []> = (error: Error | null | undefined, ...results: T) => void;

interface Rocks {
  open(options: object, done: Done): void;
  batch(): {
    put(key: string, value: Uint8Array): unknown;
    del(key: string): unknown;
    write(options: object, done: Done): void;
  };
  iterator(options: object): { next(done: Done<[Uint8Array?, Uint8Array?]>): void; end(done: Done): void };
  close(done: Done): void;
}

/** The promise of a call that takes a callback. */
function called<T = void>(call: (done: (error: Error | null | undefined, result?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error ? reject(error) : resolve(result as T)));
  });
}

/** Default options; `sync: true` syncs its log before the callback. */
async function openRocks(dir: string): Promise<Peer> {
  const rocksdb = requirePeer('rocksdb') as (path: string) => Rocks;
  const db = rocksdb(join(dir, 'rocksdb'));
  await called((done) => db.open({ createIfMissing: true }, done));
  return {
    write(operations) {
      const batch = db.batch();
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value);
        else batch.del(operation.key);
      }
      return called((done) => batch.write({ sync: true }, done));
    },
    async entries() {
      const entries: [string, Uint8Array][] = [];
      const iterator = db.iterator({ keyAsBuffer: true, valueAsBuffer: true });
      for (;;) {
        const entry = await called<[Uint8Array, Uint8Array] | undefined>((done) =>
          iterator.next((error, key, value) => done(error, key && value && [key, value])),
        );
        if (entry === undefined) break;
        entries.push([Buffer.from(entry[0]).toString('latin1'), entry[1]]);
      }
      await called((done) => iterator.end(done));
      return entries;
    },
    close: () => called((done) => db.close(done)),
  };
}

/** All peers. */
export const PEERS: readonly PeerKind[] = [
  peerKind('lmdb', 'lmdb 3.5 with its defaults, one `batch` a round, awaited until it is flushed', openLmdb),
  peerKind('better-sqlite3', 'better-sqlite3 12, WAL mode, `synchronous = FULL`, one transaction a round', openSqlite),
  peerKind('rocksdb', 'rocksdb 5 with its defaults, one chained batch a round, `sync: true`', openRocks),
];
