/**
 * The backends that this package ships, as subjects of its own conformance suite, and the entries
 * of two models.
 */
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryLevel } from 'memory-level';
import { openNoop } from '../../src/adapter/index.js';
import { openLevel, type ValueOptions } from '../../src/adapter/level/index.js';
import { ABFile, IndexedWal, openWal, readWal, type WalOptions } from '../../src/adapter/wal/index.js';
import { diskFiles, type Files, type WritableFile } from '../../src/base/files.js';
import type { Features, LostEntry, Makers, Place, Subject } from '../../src/conformance/index.js';
import { blockKey, commitQCKey, laneBytes } from '../../src/keys/index.js';
import {
  autobahn,
  type CommitQC,
  HASH_BYTES,
  type PruneAnchor,
  SIGNATURE_BYTES,
  type SignedBlock,
} from '../../src/model/autobahn/index.js';
import type { EntryCodec, Model } from '../../src/model/model.js';
import { rawBatch } from '../support/faults.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainBlock,
  plainVote,
} from '../support/plain-model.js';
import { proposalMsg } from '../support/vote-messages.js';

/** A model with makers of its entries. */
export interface Types<B, Q, A> {
  readonly model: Model<B, Q, A>;
  readonly make: Makers<B, Q, A>;
}

/** The small model of the tests. */
export const plainTypes: Types<PlainBlock, PlainQC, PlainAnchor> = {
  model: plain,
  make: {
    lanes: ['0a', '0b', '0c', '0d', '0e', '0f', '10', '11'],
    block: (lane, number) => plainBlock(lane, number),
    commitQC: (index, starts) => ({ index, starts: [...starts] }),
    anchor: (index, qc) => ({ index, qc }),
    votes: {
      step: (step, variant = 0) =>
        plainVote('step', [0n, step], { digest: new Uint8Array(32).fill(Number(step) * 16 + variant) }),
      before: (step) => plainVote('view', [0n, step], { before: [['step', [0n, step]]] }),
      needing: (index) => plainVote('step', [index, 0n], { needs: index }),
    },
  },
};

const sig = { key: new Uint8Array(32).fill(1), sig: new Uint8Array(SIGNATURE_BYTES).fill(2) };
const hashOf = (number: bigint) => new Uint8Array(HASH_BYTES).fill(Number(number % 251n));
const createdAt = { seconds: 1_700_000_000n, nanos: 5 };

/** The model that ships; signatures and hashes are only bytes. */
export const autobahnTypes: Types<SignedBlock, CommitQC, PruneAnchor> = {
  model: autobahn,
  make: {
    lanes: Array.from({ length: 8 }, (_, i) => (0x30 + i).toString(16).repeat(32)),
    block: (lane, number) => ({
      block: {
        header: {
          lane: laneBytes(lane),
          blockNumber: number,
          parentHash: hashOf(number),
          payloadHash: hashOf(number + 1n),
        },
        payload: { createdAt, totalGas: number, edgeCount: -1n, basefee: 7n, txs: [new Uint8Array([1, 2, 3])] },
      },
      sig,
    }),
    commitQC: (index, starts) => ({
      vote: {
        view: { index, number: 0n },
        createdAt,
        laneRanges: [...starts]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([lane, start]) => ({
            lane: laneBytes(lane),
            first: start,
            next: start,
            lastHash: new Uint8Array(HASH_BYTES),
          })),
      },
      sigs: [sig],
    }),
    anchor: (index, commitQC) => ({
      appQC: { vote: { globalNumber: 3n, roadIndex: index, appHash: hashOf(index) }, sigs: [sig] },
      commitQC,
    }),
    votes: {
      step: (step, variant = 0) => proposalMsg('prepareVote', 0, step, variant),
      before: (step) => proposalMsg('commitVote', 0, step - 1n),
      needing: (index) => proposalMsg('prepareVote', index, 0),
    },
  },
};

const MEMORY = '/dev/shm';

function freshDirectory(inMemory = false): string {
  const parent = inMemory && existsSync(MEMORY) ? MEMORY : tmpdir();
  return realpathSync(mkdtempSync(join(parent, 'lanestore-conformance-')));
}

const ALL: Features = {
  durable: true,
  atomicRounds: true,
  totalOrder: true,
  remembersEmptyCursors: true,
  exclusive: true,
  skipsLoading: true,
  limits: true,
  planLimits: true,
  votes: false,
  disagreeingAnchors: true,
};

function keyOf({ lane, number }: LostEntry): string {
  return lane === undefined ? commitQCKey(number) : blockKey(lane, number);
}

/**
 * LevelDB in a directory. With `values`, blocks are separated by these settings, on a memory file
 * system if there is one, because that makes many files.
 */
export function levelSubject<B, Q, A>({ model, make }: Types<B, Q, A>, values?: ValueOptions): Subject<B, Q, A> {
  const place = (): Place<B, Q, A> => {
    const dir = freshDirectory(values !== undefined);
    return {
      open: (options) => openLevel(dir, { ...options, model, ...(values === undefined ? {} : { values }) }),
      destroy: () => rm(dir, { recursive: true, force: true }),
      lose: (entry) => rawBatch(dir, [{ type: 'del', key: keyOf(entry) }]),
    };
  };
  return { model, make, features: { ...ALL, votes: true, lose: true }, place };
}

/** memory-level whose batches can be refused. */
class FailingLevel extends MemoryLevel<string, Uint8Array> {
  failing = false;

  // @ts-expect-error: abstract-level's types do not show what stands behind its public calls
  override async _batch(...args: unknown[]): Promise<void> {
    if (this.failing) throw new Error('no space left on device');
    // @ts-expect-error: as above
    await super._batch(...args);
  }
}

/** The same over a caller's database, in memory. */
export function memorySubject<B, Q, A>({ model, make }: Types<B, Q, A>): Subject<B, Q, A> {
  const place = (): Place<B, Q, A> => {
    const db = new FailingLevel();
    return {
      open: (options) => {
        db.failing = false;
        return openLevel({ ...options, db, model, durable: true });
      },
      destroy: () => db.close(),
      lose: (entry) => db.del(keyOf(entry)),
      refuseWrites: () => {
        db.failing = true;
      },
    };
  };
  return { model, make, features: { ...ALL, votes: true, lose: true, refuseWrites: true }, place };
}

/** The backend that stores nothing. */
export function noopSubject<B, Q, A>({ model, make }: Types<B, Q, A>): Subject<B, Q, A> {
  const features: Features = { ...ALL, durable: false, exclusive: false, skipsLoading: false, limits: false };
  const place = (): Place<B, Q, A> => ({
    open: ({ maxInnerBytes, maxLanes, maxRoundEntries }) =>
      openNoop({ model, maxInnerBytes, maxLanes, maxRoundEntries }),
    destroy: async () => undefined,
  });
  return { model, make, features, place };
}

/** Files that can refuse every write. */
class FailingFiles {
  failing = false;

  readonly files: Files = {
    ...diskFiles,
    open: async (path, mode, how) => this.#watched(await diskFiles.open(path, mode, how)),
  };

  #watched(file: WritableFile): WritableFile {
    const refuse = () => {
      if (this.failing) throw new Error('no space left on device');
    };
    return {
      write: async (data, position) => {
        refuse();
        await file.write(data, position);
      },
      writeSynced: async (data, position) => {
        refuse();
        await file.writeSynced(data, position);
      },
      writeNow: (data, position) => {
        refuse();
        file.writeNow(data, position);
      },
      truncate: (length) => file.truncate(length),
      sync: () => file.sync(),
      status: () => file.status(),
      links: () => file.links(),
      close: () => file.close(),
    };
  }
}

/** How a subject's WAL is opened. */
export interface WalSubjectOptions extends Omit<WalOptions<never, never, never>, 'model' | 'files'> {
  /**
   * Use a memory file system if there is one: for cases that do not depend on the disk. Default
   * false.
   */
  readonly inMemory?: boolean;
}

/** Segment files. */
export function walSubject<B, Q, A>(
  { model, make }: Types<B, Q, A>,
  { inMemory = false, ...walOptions }: WalSubjectOptions = {},
): Subject<B, Q, A> {
  const place = (): Place<B, Q, A> => {
    const dir = freshDirectory(inMemory);
    const disk = new FailingFiles();
    return {
      open: (options) => {
        disk.failing = false;
        return openWal(dir, { ...walOptions, ...options, files: disk.files, model });
      },
      destroy: () => rm(dir, { recursive: true, force: true }),
      lose: (entry) => loseFromWal(dir, model, entry),
      storeAnchorOnly: async (anchor) => {
        const pair = await ABFile.open(dir, 'avail_inner');
        await pair.write(model.anchor.toWire(anchor));
        await pair.close();
      },
      refuseWrites: () => {
        disk.failing = true;
      },
    };
  };
  const features = { ...ALL, atomicRounds: false, totalOrder: false, remembersEmptyCursors: false };
  return { model, make, features: { ...features, lose: true, storeAnchorOnly: true, refuseWrites: true }, place };
}

/** Rewrites the log without one entry. */
async function loseFromWal<B, Q, A>(dir: string, model: Model<B, Q, A>, { lane, number }: LostEntry): Promise<void> {
  const { commitQCs, blocks } = await readWal(dir, { model });
  if (lane === undefined) {
    await rewrite(
      join(dir, 'commitqcs'),
      model.commitQC,
      commitQCs.filter((qc) => model.commitQC.index(qc) !== number),
    );
  } else {
    const left = blocks.get(lane)!.filter((block) => model.block.number(block) !== number);
    await rewrite(join(dir, 'blocks', lane), model.block, left);
  }
}

async function rewrite<T>(dir: string, codec: EntryCodec<T>, entries: readonly T[]): Promise<void> {
  for (const name of readdirSync(dir)) rmSync(join(dir, name));
  const log = await IndexedWal.open(
    dir,
    { encode: codec.toWire, decode: codec.fromWire },
    { tornDirectory: join(dir, '..', '..', 'torn') },
  );
  for (const entry of entries) await log.append(entry);
  await log.close();
}
