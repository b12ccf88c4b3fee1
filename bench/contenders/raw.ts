/** classic-level without this store: the same puts and deletes, encoded beforehand, in one synced batch. */
import type { ClassicLevel } from 'classic-level';
import type { Operation } from '../../src/adapter/level/batch.js';
import { openDatabase } from '../../src/adapter/level/database.js';
import type { LevelOptions } from '../../src/index.js';
import { BatchSource } from '../operations.js';
import type { BenchRound } from '../rounds.js';
import { allAtOnce, type Contender, type ContenderKind, type Job, type LiveEntries } from './contender.js';
import { wireBytes } from './port.js';

type Database = ClassicLevel<string, Uint8Array>;
type Write = (db: Database, operations: readonly Operation[]) => Promise<void>;

/** Lets the C++ batch take each operation as it comes. */
function writeChained(db: Database, operations: readonly Operation[]): Promise<void> {
  const batch = db.batch();
  for (const operation of operations) {
    if (operation.type === 'put') batch.put(operation.key, operation.value);
    else batch.del(operation.key);
  }
  return batch.write({ sync: true });
}

function writeArray(db: Database, operations: readonly Operation[]): Promise<void> {
  return db.batch(operations as Operation[], { sync: true });
}

class RawContender implements Contender {
  userBytes = 0;
  syncs = 0;
  readonly #db: Database;
  readonly #write: Write;
  readonly #batches = new BatchSource();

  constructor(db: Database, write: Write) {
    this.#db = db;
    this.#write = write;
  }

  prepare(round: BenchRound): Job {
    const operations = this.#batches.next(round);
    this.userBytes = wireBytes(round);
    return () => {
      this.syncs++;
      return allAtOnce(() => this.#write(this.#db, operations));
    };
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

/** classic-level with the store's LevelDB settings. */
export function rawKind(name: string, description: string, write: Write, level: LevelOptions = {}): ContenderKind {
  return {
    name,
    description,
    open: async (dir) => new RawContender(await openDatabase(dir, level, true), write),
    async restart(dir) {
      const start = performance.now();
      const db = await openDatabase(dir, level, false);
      const live = await readAll(db);
      const openMs = performance.now() - start;
      await db.close();
      return { openMs, live };
    },
  };
}

/** Reads everything once, without looking into values. */
async function readAll(db: Database): Promise<LiveEntries> {
  const live = { blocks: 0, commitQCs: 0, anchors: 0 };
  for await (const [key] of db.iterator()) {
    if (key.startsWith('lane/')) live.blocks++;
    else if (key.startsWith('qc/')) live.commitQCs++;
    else if (key === 'anchor') live.anchors++;
  }
  return live;
}

export const raw = rawKind('raw', 'classic-level, the same operations in one synced chained batch', writeChained);
export const rawArray = rawKind('raw-array', 'the same as an array batch, for the record', writeArray);
