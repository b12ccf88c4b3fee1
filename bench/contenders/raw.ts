/** classic-level alone: the same puts and deletes, already encoded, in one synced batch. */
import type { ClassicLevel } from 'classic-level';
import { openDatabase } from '../../src/adapter/level/database.js';
import type { Operation } from '../../src/adapter/level/format/operation.js';
import type { LevelOptions } from '../../src/index.js';
import { BatchSource } from '../operations.js';
import type { BenchRound } from '../rounds.js';
import {
  allAtOnce,
  type Contender,
  type ContenderKind,
  type Durable,
  type Job,
  type LiveEntries,
} from './contender.js';
import { wireBytes } from './port.js';

type Database = ClassicLevel<string, Uint8Array>;
type Write = (db: Database, operations: readonly Operation[]) => Promise<Durable>;

/** Adds each operation to a chained batch, which is in C++ memory. */
function putChained(db: Database, operations: readonly Operation[]): Promise<void> {
  const batch = db.batch();
  for (const operation of operations) {
    if (operation.type === 'put') batch.put(operation.key, operation.value);
    else batch.del(operation.key);
  }
  return batch.write({ sync: true });
}

const writeChained: Write = (db, operations) => allAtOnce(() => putChained(db, operations));

const writeArray: Write = (db, operations) => allAtOnce(() => db.batch(operations as Operation[], { sync: true }));

/**
 * The deletes follow in a separate synced batch, which is not timed: an upper bound of what later
 * sweeping saves.
 */
const writeDeletesSeparate: Write = async (db, operations) => {
  const durable = await allAtOnce(() =>
    putChained(
      db,
      operations.filter(({ type }) => type === 'put'),
    ),
  );
  await putChained(
    db,
    operations.filter(({ type }) => type === 'del'),
  );
  return durable;
};

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
      return this.#write(this.#db, operations);
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
    open: async (dir) => new RawContender(await openDatabase(dir, level, true, 'utf8'), write),
    async restart(dir) {
      const start = performance.now();
      const db = await openDatabase(dir, level, false, 'utf8');
      const live = await readAll(db);
      const openMs = performance.now() - start;
      await db.close();
      return { openMs, live };
    },
  };
}

/** Reads all entries once, without decoding values. */
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
export const rawArray: ContenderKind = {
  ...rawKind('raw-array', 'the same as an array batch, for the record', writeArray),
  fullOnly: true,
};

/** classic-level with its default settings. */
export const rawStock = rawKind(
  'raw-stock',
  'classic-level with its own defaults, the same operations in one synced chained batch',
  writeChained,
  {
    writeBufferBytes: 4 * 1024 * 1024,
    tableFileBytes: 2 * 1024 * 1024,
    compression: true,
  },
);

/** For tuning only: a round may not be written in two batches. */
export const rawDeletesSeparate = rawKind(
  'raw-deletes-apart',
  'the puts in one synced batch, which is timed, then the deletes in a second one, which is not',
  writeDeletesSeparate,
);
