/**
 * A location that is served. What is read of it is kept for a short time, so that neither many
 * requests nor many tabs make many copies. Nothing of it is written, and no lock is taken.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keyVersions, levelMap } from '../../adapter/level/index.js';
import { detectLayout, LanestoreError } from '../../index.js';
import { CommandError } from '../command-error.js';
import { freeBytes } from '../inspect.js';
import { fullKey } from '../short-keys.js';
import { Check } from './check.js';
import { openLevelReader } from './level-reader.js';
import { type Overview, overviewOf, type Sizes, sizesOf } from './overview.js';
import type { StateReader } from './reader.js';
import { sourceReader } from './source-reader.js';

/** Time for which a view of a changed store is used, and a view that is not used is kept. */
const [VIEW_MS, IDLE_MS] = [2000, 15_000];
/** The least age of an answer before it is read again, and a multiple of the time that it took. */
const [ANSWER_MS, ANSWER_FACTOR] = [400, 5];
/** The same of a scan of all keys, which reads inline values too: it must not load the disk. */
const [SIZES_MS, SIZES_FACTOR] = [10_000, 30];

interface Kept<T> {
  readonly stamp: string | undefined;
  readonly value: Promise<T>;
  /** Not before this time is it read again. */
  until: number;
}

/** A view, and when it was opened. */
interface OpenReader {
  readonly reader: StateReader;
  readonly stamp: string | undefined;
  readonly openedAt: number;
}

/** A location that is served. */
export class ServedLocation {
  readonly index: number;
  readonly path: string;
  #overview: Kept<Overview> | undefined;
  #sizes: Kept<Sizes> | undefined;
  #open: OpenReader | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** The end of the call before: one reads at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #check: Check | undefined;
  #isClosed = false;

  constructor(index: number, path: string) {
    this.index = index;
    this.path = path;
  }

  /** A store that did not change is not read again. @throws as `overviewOf`. */
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
      return sizesOf(this.path);
    });
    return this.#sizes.value;
  }

  /** Runs `use` with a reader of the state, after the call before. @throws as opening it. */
  read<T>(use: (reader: StateReader) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#reading(use));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** LevelDB's live files. @throws LANESTORE_NOT_A_STORE for another layout. */
  async level() {
    return levelMap(await this.#requireStore());
  }

  /** Every version of a key, which may be short. @throws as {@link level}; UsageError. */
  async versions(typed: string) {
    const level = await this.#requireStore();
    const key = fullKey(
      typed,
      (await this.overview()).lanes.map(({ lane }) => lane),
    );
    return { key, ...(await keyVersions(level, key)) };
  }

  /** Begins a complete check. @throws CommandError (refused) while another one runs. */
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

  /** The kept answer while nothing changed, or while it is new; else a new one. */
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
        // A failure is not kept for what did not change: its reason may lie outside of the files.
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

  /** The directory of LevelDB. */
  async #requireStore(): Promise<string> {
    const { layout, location } = await detectLayout(this.path);
    if (layout === 'level') return join(location, 'level');
    throw new LanestoreError('LANESTORE_NOT_A_STORE', `${location} has no LevelDB: its layout is ${layout}`);
  }
}

/**
 * Differs whenever a store changed: its witness, and names and sizes of LevelDB's files. Undefined
 * for other layouts, and for what cannot be read.
 */
function stampOf(path: string): string | undefined {
  try {
    const level = join(path, 'level');
    const files = readdirSync(level).map((name) => {
      const stat = statSync(join(level, name), { throwIfNoEntry: false });
      return `${name} ${stat?.ino} ${stat?.size} ${stat?.mtimeMs}`;
    });
    const witness = join(path, 'witness');
    // Reading a FIFO would not end.
    const isFile = lstatSync(witness, { throwIfNoEntry: false })?.isFile() === true;
    const seen = isFile ? readFileSync(witness, 'hex') : 'none';
    return `${seen} ${statSync(level).ino} ${files.sort().join()}`;
  } catch {
    return undefined;
  }
}
