/**
 * Opens a state directory, step by step:
 *   1. resolve the path, check what the directory holds, take the lock
 *   2. read everything and change nothing; on damage, stop here and report all findings
 *   3. repair what a crash left: finish truncations, cut off torn tails and keep their bytes
 *   4. apply the start rules: remove entries below the anchor, add the anchor's CommitQC if missing
 * If a step fails, every lock and file that was opened is released.
 */
import { basename, join } from 'node:path';
import { closeAll } from '../../base/close-stack.js';
import { syncNames } from '../../base/directories.js';
import { diskFiles, type Files } from '../../base/files.js';
import { appendAll } from '../../base/lists.js';
import { string } from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import type { LaneId } from '../../keys/index.js';
import { admissionLimits } from '../backpressure.js';
import { guardedFiles } from '../guarded-files.js';
import { LOCK_NOT_SHOWN, LocationGuard } from '../location-guard.js';
import type { Cursor, Recovered } from '../persistence.js';
import { advance, emptyState, type LogPlan, type PlanState } from '../planner.js';
import { type Plan, planRound } from '../round-plan.js';
import { ABFile } from './ab-file.js';
import type { ABEncoding } from './ab-format.js';
import { DescriptorPool } from './descriptor-pool.js';
import { type FramedEntry, FrameEncoder, type WalEntries } from './encode.js';
import { IndexedWal } from './indexed-wal.js';
import { corruptionError, mapLimited, messageOf, reading, systemCode } from './io.js';
import { BLOCKS_DIR, COMMIT_QCS_DIR, claimLocation, TORN_DIR } from './layout.js';
import { lockLocation } from './lock.js';
import { refuseNewerNode } from './newer-node.js';
import { checkWalOptions, type IndexedWalOptions, type WalOptions } from './options.js';
import { firstEncoding } from './pairs.js';
import type { Reserve } from './reserve.js';
import type { LogScan } from './scan.js';
import { blockCodec, commitQCCodec, LOGS_AT_A_TIME, type StateScan, scanState } from './state.js';
import { type StoreParts, WalStore } from './store.js';
import { StoredLog } from './stored-log.js';

/**
 * Opens the state directory `directory`, or creates it. Before the promise resolves, every stored
 * entry is read and verified, as far as that is possible: the layout has no checksums.
 * @throws LANESTORE_NOT_A_STORE for a file, or a directory that holds something else;
 * LANESTORE_SCHEMA for another layout of the original; LANESTORE_LOCKED; LANESTORE_CORRUPT with
 * findings, the directory unchanged; LANESTORE_IO.
 * @example
 * ```ts
 * import { autobahn, openWal } from 'lanestore';
 *
 * const store = await openWal('data', { model: autobahn }); // the directory of a node of sei-chain
 * console.log(`next CommitQC: ${store.cursors.commitQCs.next}`);
 * await store.close();
 * ```
 */
export async function openWal<B, Q, A>(directory: string, options: WalOptions<B, Q, A>): Promise<WalStore<B, Q, A>> {
  const checked = checkOptions(directory, options);
  const location = await claimLocation(directory, options.createIfMissing ?? true);
  await refuseNewerNode(location);
  const encoding = await firstEncoding(location, checked.encoding, checked.files);
  const lock = await lockLocation(location).catch((error) => {
    throw asOpenError(location, error);
  });
  const guard = new LocationGuard();
  const release = () => closeAll([() => guard.close(), () => lock.free()]);
  const opened: { close(): Promise<void> }[] = [];
  try {
    for (const watched of [location, lock.directory]) guard.watch(watched);
    guard.watchLock(lock.file, lock.held);
    const scan = await scanState(location, options.model);
    if (scan.findings.length > 0) throw corruptionError(location, scan);
    const files = checked.pool.sparingFiles(guardedFiles(checked.files, guard));
    const settled = { ...checked, encoding, files, reserve: lock.reserve };
    const { parts, recovered } = await new Opening(location, settled, scan, opened).open();
    guard.watchClosely(join(location, BLOCKS_DIR));
    guard.watch(join(location, COMMIT_QCS_DIR));
    await lock.reserve.keep();
    const notes = [...parts.notes, ...(lock.held === undefined ? [LOCK_NOT_SHOWN] : [])];
    return new WalStore({ ...parts, notes, guard, release }, recovered);
  } catch (error) {
    const releases = [...opened.map((file) => () => file.close()), release];
    await closeAll(releases).catch(() => undefined);
    throw asOpenError(location, error);
  }
}

interface Checked<B, Q, A> extends WalOptions<B, Q, A> {
  readonly files: Files;
  readonly directorySync: boolean;
  /** Shared by all logs. The descriptors of A/B files are not counted in it. */
  readonly pool: DescriptorPool;
}

/** The options, completed with what is known once the directory is checked and locked. */
type Settled<B, Q, A> = Checked<B, Q, A> & { readonly encoding: ABEncoding; readonly reserve: Reserve };

function checkOptions<B, Q, A>(directory: string, options: WalOptions<B, Q, A>): Checked<B, Q, A> {
  string(directory, 'openWal: directory');
  if (directory === '') throw new LanestoreError('LANESTORE_INVALID', 'the directory is an empty string');
  checkWalOptions(options, 'openWal: options');
  const { files = diskFiles, directorySync = true, openFilesMax } = options;
  return { ...options, files, directorySync, pool: new DescriptorPool(openFilesMax) };
}

/**
 * Turns system errors and LANESTORE_FAILED into LANESTORE_IO: a write that fails during an open is
 * a failed open. Programming mistakes (TypeError) and other coded errors pass unchanged.
 */
function asOpenError(location: string, error: unknown): unknown {
  const isRefused = !(error instanceof TypeError) && systemCode(error) !== undefined;
  if (error instanceof LanestoreError ? error.code !== 'LANESTORE_FAILED' : !isRefused) return error;
  return new LanestoreError('LANESTORE_IO', `cannot open ${location}: ${messageOf(error)}`, { cause: error });
}

/** Steps 3 and 4 of an open: everything was read, and no damage was found. */
class Opening<B, Q, A> {
  readonly #location: string;
  readonly #options: Settled<B, Q, A>;
  readonly #scan: StateScan<B, Q, A>;
  /** Closed if the open fails. */
  readonly #opened: { close(): Promise<void> }[];
  readonly #notes: string[];

  constructor(
    location: string,
    options: Settled<B, Q, A>,
    scan: StateScan<B, Q, A>,
    opened: { close(): Promise<void> }[],
  ) {
    this.#location = location;
    this.#options = options;
    this.#scan = scan;
    this.#opened = opened;
    this.#notes = [...scan.notes];
  }

  async open(): Promise<{
    parts: Omit<StoreParts<B, Q, A>, 'release' | 'guard'>;
    recovered: Recovered<B, Q, A> | undefined;
  }> {
    const { model, files, load = true } = this.#options;
    const [location, options] = [this.#location, this.#options];
    await reading(`prepare ${this.#location}`, () => this.#prepare());
    const { anchorPair, innerPair } = await this.#openPairs();
    const commitQCs = await this.#openCommitQCs();
    const lanes = await this.#openLanes();
    const { state, plan } = this.#startRules(commitQCs, lanes);
    await this.#apply(plan, commitQCs, lanes);
    advance(state, plan);
    const parts = {
      model,
      location,
      anchorPair,
      innerPair,
      commitQCs,
      lanes,
      newLane: laneMaker(location, options),
      state,
      notes: this.#notes,
      limits: admissionLimits(this.#options),
      files,
      reserve: this.#options.reserve,
    };
    return { parts, recovered: load ? this.#recovered(plan, innerPair) : undefined };
  }

  /**
   * Creates the directories that the original creates at open, and removes the remains of dropped
   * lanes.
   */
  async #prepare(): Promise<void> {
    const { files, directorySync } = this.#options;
    const blocks = join(this.#location, BLOCKS_DIR);
    for (const dropped of this.#scan.dropped) await files.removeTree(join(blocks, dropped));
    await files.makeDirectory(blocks);
    await this.#nameLanes(blocks);
    if (!directorySync) return;
    await files.syncDirectory(this.#location);
    await syncNames(this.#location, (directory) => files.syncDirectory(directory));
  }

  /**
   * Renames directories of lanes to lower case: the original also loads upper case, this backend
   * has one name per lane. If a crash undoes a rename, the next open repeats it.
   */
  async #nameLanes(blocks: string): Promise<void> {
    const { files, directorySync } = this.#options;
    const named = [...this.#scan.lanes].map(([lane, { directory }]) => ({ lane, name: basename(directory) }));
    const wrong = named.filter(({ lane, name }) => lane !== name);
    for (const { lane, name } of wrong) {
      await files.rename(join(blocks, name), join(blocks, lane));
      this.#notes.push(`${BLOCKS_DIR}/${name}: renamed to ${lane}`);
    }
    if (directorySync && wrong.length > 0) await files.syncDirectory(blocks);
  }

  /**
   * Both pairs of a directory have the same encoding: an empty pair takes the encoding of the other
   * one.
   */
  async #openPairs(): Promise<{ anchorPair: ABFile; innerPair: ABFile }> {
    const { files } = this.#options;
    const { anchorPair, innerPair } = this.#scan;
    const found = anchorPair.newest?.encoding ?? innerPair.newest?.encoding;
    const encoding = found ?? this.#options.encoding;
    const anchor = this.#hold(await ABFile.openScanned(anchorPair, { encoding, files }));
    const inner = this.#hold(await ABFile.openScanned(innerPair, { encoding, files, lazy: true }));
    return { anchorPair: anchor, innerPair: inner };
  }

  async #openCommitQCs(): Promise<StoredLog<Q>> {
    const codec = commitQCCodec(this.#options.model);
    const scan = this.#scan.commitQCs;
    const { wal, notes } = await IndexedWal.openScanned(
      scan,
      codec,
      walOptions(this.#location, this.#options, COMMIT_QCS_DIR),
    );
    this.#hold(wal);
    appendAll(this.#notes, notes);
    const cursor = cursorOf(scan, codec.number!) ?? { first: 0n, next: 0n };
    return new StoredLog(codec, async () => wal, wal, cursor);
  }

  async #openLanes(): Promise<Map<LaneId, StoredLog<B>>> {
    const opened = await mapLimited([...this.#scan.lanes], LOGS_AT_A_TIME, async ([lane, found]) => {
      const scan = { ...found, directory: join(this.#location, BLOCKS_DIR, lane) };
      // A crash after mkdir leaves an empty directory: the log is created with its first block.
      if (scan.segments.length === 0) return { lane, log: laneLog(this.#location, this.#options, lane), notes: [] };
      const codec = blockCodec(this.#options.model, lane);
      const { wal, notes } = await IndexedWal.openScanned(scan, codec, walOptions(this.#location, this.#options, lane));
      this.#hold(wal);
      const cursor = this.#laneCursor(lane, scan);
      return { lane, log: laneLog(this.#location, this.#options, lane, { wal, cursor }), notes };
    });
    for (const { notes } of opened) appendAll(this.#notes, notes);
    return new Map(opened.map(({ lane, log }) => [lane, log] as const));
  }

  /**
   * The lane's cursor. An emptied lane continues at its start in the anchor. Without an anchor, the
   * layout does not record the next number.
   */
  #laneCursor(lane: LaneId, scan: LogScan<B>): Cursor | undefined {
    const held = cursorOf(scan, this.#options.model.block.number);
    const start = this.#scan.anchor?.point.laneStarts.get(lane) ?? 0n;
    const wasEmptied = (scan.segments[0]?.index ?? 1n) > 1n;
    return held ?? (wasEmptied && start > 0n ? { first: start, next: start } : undefined);
  }

  /**
   * Plans a round that stores the stored anchor again, so that the planner repeats the anchor's
   * truncation.
   */
  #startRules(
    commitQCs: StoredLog<Q>,
    lanes: ReadonlyMap<LaneId, StoredLog<B>>,
  ): { state: PlanState; plan: Plan<B, Q, A, WalEntries<B, Q>> } {
    const { anchor } = this.#scan;
    const state = emptyState();
    state.commitQCs = commitQCs.cursor!;
    for (const [lane, { cursor }] of lanes) if (cursor !== undefined) state.lanes.set(lane, cursor);
    state.anchor = anchor?.point;
    const { model } = this.#options;
    return { state, plan: planRound(model, state, { anchor: anchor?.entry }, new FrameEncoder(model)) };
  }

  async #apply(
    plan: Plan<B, Q, A, WalEntries<B, Q>>,
    commitQCs: StoredLog<Q>,
    lanes: ReadonlyMap<LaneId, StoredLog<B>>,
  ): Promise<void> {
    const applying = { guard: () => undefined, durable: () => undefined, isAnchored: true };
    if (plan.commitQCs !== undefined) await commitQCs.apply(plan.commitQCs, applying);
    await mapLimited([...plan.lanes], LOGS_AT_A_TIME, ([lane, lanePlan]) => lanes.get(lane)!.apply(lanePlan, applying));
  }

  #recovered(plan: Plan<B, Q, A, WalEntries<B, Q>>, innerPair: ABFile): Recovered<B, Q, A> {
    const { anchor, commitQCs, lanes } = this.#scan;
    const blocks = new Map<LaneId, readonly B[]>();
    for (const [lane, { entries }] of lanes) {
      const left = entriesAfter(entries, plan.lanes.get(lane));
      if (left.length > 0) blocks.set(lane, left);
    }
    return {
      ...(anchor === undefined ? {} : { anchor: anchor.entry }),
      ...(innerPair.loaded === undefined ? {} : { inner: innerPair.loaded }),
      commitQCs: entriesAfter(commitQCs.entries, plan.commitQCs),
      blocks,
    };
  }

  #hold<T extends { close(): Promise<void> }>(file: T): T {
    this.#opened.push(file);
    return file;
  }
}

function walOptions<B, Q, A>(location: string, options: Settled<B, Q, A>, label: string): IndexedWalOptions {
  const { files, directorySync, pool, reserve, segmentBytes } = options;
  const tornDirectory = join(location, TORN_DIR);
  const size = segmentBytes === undefined ? {} : { segmentBytes };
  return { files, directorySync, pool, reserve, label, tornDirectory, ...size };
}

/**
 * Returns a function that creates the log of a new lane. It is a top-level function because its
 * closure outlives the open, and must not keep the scan alive.
 */
function laneMaker<B, Q, A>(location: string, options: Settled<B, Q, A>): (lane: LaneId) => StoredLog<B> {
  return (lane) => laneLog(location, options, lane);
}

/** A lane's log. If none is on disk, it is created with its first block. */
function laneLog<B, Q, A>(
  location: string,
  options: Settled<B, Q, A>,
  lane: LaneId,
  there?: { wal: IndexedWal<B>; cursor: Cursor | undefined },
): StoredLog<B> {
  const codec = blockCodec(options.model, lane);
  const directory = join(location, BLOCKS_DIR, lane);
  const make = () => options.pool.sparing(() => IndexedWal.open(directory, codec, walOptions(location, options, lane)));
  return new StoredLog(codec, make, there?.wal, there?.cursor);
}

/** The cursor computed from a log's entries; undefined for an empty log. */
function cursorOf<T>(scan: LogScan<T>, number: (entry: T) => bigint): Cursor | undefined {
  const [oldest] = scan.entries;
  if (oldest === undefined) return undefined;
  const first = number(oldest);
  return { first, next: first + BigInt(scan.entries.length) };
}

/** A log's entries after a plan that truncates it. */
function entriesAfter<T>(entries: readonly T[], plan: LogPlan<FramedEntry<T>> | undefined): readonly T[] {
  if (plan === undefined) return entries;
  const { first, next } = plan.truncate;
  return [...entries.slice(Number(next - first)), ...plan.append.map(({ entry }) => entry)];
}
