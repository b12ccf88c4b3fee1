/**
 * A served location. Answers are cached for a short time, so that many requests or tabs do not make
 * many copies. The location is never written or locked.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keyVersions, levelMap } from '../../adapter/level/index.js';
import { LanestoreError } from '../../errors.js';
import { detectLayout } from '../../migrations/index.js';
import { CommandError } from '../command-error.js';
import { freeBytes } from '../inspect.js';
import { fullKey } from '../short-keys.js';
import { type Sizes, sizesOf } from '../sizes.js';
import { Check } from './check.js';
import { openLevelReader } from './level-reader.js';
import { type Overview, overviewOf } from './overview.js';
import type { StateReader } from './reader.js';
import { sourceReader } from './source-reader.js';

/**
 * Milliseconds for which a view of a changed store is used, and for which an unused view is kept.
 */
const [VIEW_MS, IDLE_MS] = [2000, 15_000];
/**
 * An answer is read again after these milliseconds, or after this multiple of the time that it
 * took, if that is longer.
 */
const [ANSWER_MS, ANSWER_FACTOR] = [400, 5];
/**
 * The same for a scan of all keys. It also reads inline values, so frequent scans would load the
 * disk.
 */
const [SIZES_MS, SIZES_FACTOR] = [10_000, 30];

interface Kept<T> {
  readonly stamp: string | undefined;
  readonly value: Promise<T>;
  /** The time (`performance.now()`) before which the answer is not read again. */
  until: number;
}

/** A reader, and the time at which it was opened. */
interface OpenReader {
  readonly reader: StateReader;
  readonly stamp: string | undefined;
  readonly openedAt: number;
}

/** See the top of this file. */
export class ServedLocation {
  readonly index: number;
  readonly path: string;
  #overview: Kept<Overview> | undefined;
  #sizes: Kept<Sizes> | undefined;
  #open: OpenReader | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** The last call of {@link read}: calls run one after another. */
  #last: Promise<unknown> = Promise.resolve();
  #check: Check | undefined;
  #isClosed = false;

  constructor(index: number, path: string) {
    this.index = index;
    this.path = path;
  }

  /** An unchanged store is not read again. @throws as `overviewOf`. */
  async overview(): Promise<Overview> {
    this.#overview = this.#fresh(this.#overview, ANSWER_MS, ANSWER_FACTOR, () => overviewOf(this.path));
    const overview = await this.#overview.value;
    if (!existsSync(overview.location)) return overview;
    return { ...overview, freeBytes: freeBytes(overview.location), readAt: Date.now() };
  }

  /** @throws as `sizesOf`; LANESTORE_NOT_A_STORE for another layout. */
  sizes(): Promise<Sizes> {
    this.#sizes = this.#fresh(this.#sizes, SIZES_MS, SIZES_FACTOR, async () => {
      await this.#requireStore();
      return sizesOf(this.path, { tableCheckBytesMax: 0 });
    });
    return this.#sizes.value;
  }

  /**
   * Runs `use` with a reader of the state, after all earlier calls. @throws errors of opening it.
   */
  read<T>(use: (reader: StateReader) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#reading(use));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** LevelDB's live files. @throws LANESTORE_NOT_A_STORE for another layout. */
  async level() {
    return levelMap(await this.#requireStore());
  }

  /** Every version of a key, which may be shortened. @throws as {@link level}; UsageError. */
  async versions(typed: string) {
    const level = await this.#requireStore();
    const key = fullKey(
      typed,
      (await this.overview()).lanes.map(({ lane }) => lane),
    );
    return { key, ...(await keyVersions(level, key)) };
  }

  /** Starts a complete check. @throws CommandError (refused) while another one runs. */
  check(): Check {
    if (this.#isClosed || this.#check?.isRunning === true)
      throw new CommandError('refused', 'a check of this location is running', 'wait for it, or cancel it');
    this.#check = new Check(this.path);
    return this.#check;
  }

  /** Kills the running check. */
  killCheck(): void {
    this.#check?.kill();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#check?.ended;
    await this.#last;
    await Promise.allSettled([this.#overview?.value, this.#sizes?.value]);
    clearTimeout(this.#idle);
    await this.#retire();
  }

  /** The cached answer if the store has not changed, or if the answer is recent; else a new one. */
  #fresh<T>(kept: Kept<T> | undefined, msMin: number, factor: number, read: () => Promise<T>): Kept<T> {
    const now = performance.now();
    const stamp = stampOf(this.path);
    const isSame = stamp !== undefined && stamp === kept?.stamp;
    if (kept !== undefined && (isSame || now < kept.until)) return kept;
    const next: Kept<T> = { stamp, value: read(), until: Number.POSITIVE_INFINITY };
    next.value.then(
      () => {
        const ended = performance.now();
        next.until = ended + Math.max(msMin, factor * (ended - now));
      },
      () => {
        // A failure is not cached, even if the store does not change: its cause may be outside the
        // files.
        if (this.#overview?.value === next.value) this.#overview = undefined;
        if (this.#sizes?.value === next.value) this.#sizes = undefined;
      },
    );
    return next;
  }

  async #reading<T>(use: (reader: StateReader) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new LanestoreError('LANESTORE_CLOSED', 'the server is closed');
    clearTimeout(this.#idle);
    try {
      return await use((await this.#reader()).reader);
    } finally {
      this.#idle = setTimeout(() => void this.#retire().catch(() => undefined), IDLE_MS).unref();
    }
  }

  async #reader(): Promise<OpenReader> {
    const stamp = stampOf(this.path);
    const now = performance.now();
    const open = this.#open;
    const isNew = open !== undefined && now - open.openedAt < VIEW_MS;
    if (open !== undefined && stamp !== undefined && (isNew || stamp === open.stamp)) return open;
    await this.#retire();
    const { layout } = await detectLayout(this.path);
    const reader = layout === 'level' ? await openLevelReader(this.path) : sourceReader(this.path);
    this.#open = { reader, stamp, openedAt: performance.now() };
    return this.#open;
  }

  async #retire(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.reader.close();
  }

  /** LevelDB's directory. @throws LANESTORE_NOT_A_STORE for another layout. */
  async #requireStore(): Promise<string> {
    const { layout, location } = await detectLayout(this.path);
    if (layout === 'level') return join(location, 'level');
    throw new LanestoreError('LANESTORE_NOT_A_STORE', `${location} has no LevelDB: its layout is ${layout}`);
  }
}

/**
 * A value that differs after every change of the store: its witness, and names, sizes and times of
 * LevelDB's files. Undefined for other layouts, and if the files cannot be read.
 */
function stampOf(path: string): string | undefined {
  try {
    const level = join(path, 'level');
    const files = readdirSync(level).map((name) => {
      const stat = statSync(join(level, name), { throwIfNoEntry: false });
      return `${name} ${stat?.ino} ${stat?.size} ${stat?.mtimeMs}`;
    });
    const witness = join(path, 'witness');
    // Reading a FIFO would block.
    const isFile = lstatSync(witness, { throwIfNoEntry: false })?.isFile() === true;
    const seen = isFile ? readFileSync(witness, 'hex') : 'none';
    return `${seen} ${statSync(level).ino} ${files.sort().join()}`;
  } catch {
    return undefined;
  }
}
