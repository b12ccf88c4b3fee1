/**
 * The disk watermark: a round that would leave too little free space is refused before LevelDB runs
 * out of it. After a write that failed on a full disk, LevelDB acknowledges batches that a restart
 * loses (docs/leveldb-hazards.md, I/O errors), so the store would have to be poisoned. A refusal
 * has no such effect.
 *
 * The free space is read at intervals, while rounds go on. Two amounts are subtracted from the
 * reading: rounds accepted since, and rounds accepted before that were possibly not on disk yet. So
 * writes of this store never make the estimate too high; writes of other programs show at the next
 * reading.
 *
 * The default reserve is the space that LevelDB may need at once, in addition to the rounds, for
 * write buffers of W and tables of T bytes:
 *
 *   2 W             two full buffers that become tables, while their logs still exist
 *   12 W + 10 MiB   a compaction of level 0, where writes stop at 12 tables, with all of level 1;
 *                   the inputs stay until its end
 *   or 25 T         a compaction of a deeper level, whichever is more
 *
 * This is 204 MiB with the default settings. Rounds that only prune are accepted down to 2 W + 1
 * MiB, the space that they need themselves: they free space (reclaimer.ts).
 */
import { type StatsFs, statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { wholeNumber } from '../../base/options.js';
import { messageOf } from '../../base/permission-model.js';
import { LanestoreError } from '../../errors.js';
import { type Cost, LOOK_EVERY_MS, type Resource } from '../backpressure.js';

const MIB = 1024 * 1024;

/** A reading older than this is renewed by the next round. */
const READ_EVERY_MS = LOOK_EVERY_MS;
/** A reading is also renewed when 1/8 of the watermark was accepted since. */
const READ_EVERY_PART = 8;
/**
 * Number of readings, a second in all, for which a refused round delays `ready`: the caller may
 * have given up the round.
 */
const READINGS_A_REFUSAL = 4;
/**
 * A reading older than this is not used: the first round after a pause reads synchronously, a
 * system call of some microseconds.
 */
const STALE_MS = 5000;

/**
 * A source of free bytes. It reads infinity if the file system does not report them; then no round
 * is refused for lack of space.
 */
export interface FreeSpace {
  read(): Promise<number>;
  /** Like {@link read}, synchronously. */
  readNow(): number;
}

/** Free bytes of a location's file system, available to unprivileged processes. */
export function freeSpaceOf(location: string): FreeSpace {
  return {
    read: () => statfs(location).then(freeBytes, unsaid),
    readNow: () => {
      try {
        return freeBytes(statfsSync(location));
      } catch (error) {
        return unsaid(error);
      }
    },
  };
}

/** Decides whether disk space may be reserved for later use. */
export interface DiskReservation {
  /** True if this many bytes can be reserved and rounds still go on. */
  allows(bytes: number): Promise<boolean>;
}

/**
 * The reservation without a watermark: at most as much as stays free. Otherwise value files could
 * fill the disk that LevelDB writes to.
 */
export function withoutWatermark(source: FreeSpace): DiskReservation {
  return { allows: async (bytes) => (await source.read()) >= 2 * bytes };
}

/**
 * A total of zero blocks means that the file system does not count them: a tmpfs without a limit,
 * some network and FUSE file systems.
 */
function freeBytes({ blocks, bavail, bsize }: StatsFs): number {
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

/** Error codes of a file system, or a sandbox, without statfs. */
const NO_STATFS = new Set(['ENOSYS', 'EOPNOTSUPP', 'ENOTSUP']);

function unsaid(error: unknown): number {
  if (NO_STATFS.has((error as NodeJS.ErrnoException).code ?? '')) return Number.POSITIVE_INFINITY;
  throw error;
}

/** Bytes that must stay free. */
export interface SpaceLimits {
  /** For rounds that store entries. */
  readonly minFreeBytes: number;
  /** For rounds that only prune. */
  readonly pruneFreeBytes: number;
}

/** The default of `minFreeBytes` for LevelDB's settings; see the top of this file. */
export function defaultMinFreeBytes(writeBufferBytes: number, tableFileBytes: number): number {
  return 2 * writeBufferBytes + Math.max(12 * writeBufferBytes + 10 * MIB, 25 * tableFileBytes);
}

/** The option `minFreeBytes`. */
export const checkMinFreeBytes = wholeNumber(0, Number.MAX_SAFE_INTEGER, 'of bytes');

/** The limits for a watermark. @throws LANESTORE_INVALID, TypeError. */
export function spaceLimits(minFreeBytes: number, writeBufferBytes: number): SpaceLimits {
  checkMinFreeBytes(minFreeBytes, 'minFreeBytes');
  return { minFreeBytes, pruneFreeBytes: Math.min(2 * writeBufferBytes + MIB, Math.floor(minFreeBytes / 2)) };
}

/** Watches the free space of one store; see the top of this file. */
export class DiskSpace implements DiskReservation, Resource {
  readonly #source: FreeSpace;
  readonly #limits: SpaceLimits;
  readonly #now: () => number;
  /** Bytes of all accepted rounds, and of those that have not settled. */
  #accepted = 0;
  #unsettled = 0;
  /**
   * The last reading minus the bytes that were possibly not on disk then, and `#accepted` at that
   * time.
   */
  #free: number;
  #acceptedAtReading = 0;
  #readAt: number;
  /** Number of readings. A result is dropped if a later reading has begun. */
  #readings = 0;
  #isReading = false;
  #failure: Error | undefined;
  /**
   * Bytes that must be free for the largest refused round; 0 once they were, or the round counts as
   * given up.
   */
  #wanted = 0;
  /** Number of readings for calls of `ready` since the refusal. */
  #readingsWaited = 0;
  #explain: (refusal: LanestoreError) => LanestoreError = (refusal) => refusal;

  /** Reads the free space synchronously. @throws the file system's error. */
  constructor(source: FreeSpace, limits: SpaceLimits, now: () => number = () => performance.now()) {
    this.#source = source;
    this.#limits = limits;
    this.#now = now;
    this.#free = source.readNow();
    this.#readAt = now();
  }

  /** `explain` is called with each refusal and returns the error to throw. */
  onRefusal(explain: (refusal: LanestoreError) => LanestoreError): void {
    this.#explain = explain;
  }

  /** @throws LANESTORE_CAPACITY when a round would leave too little free. */
  check({ diskBytes, isPrune }: Cost): void {
    // A round that writes nothing needs no disk space.
    if (diskBytes === 0) return;
    const { minFreeBytes, pruneFreeBytes } = this.#limits;
    const wanted = diskBytes + (isPrune ? pruneFreeBytes : minFreeBytes);
    const age = this.#now() - this.#readAt;
    if (age > STALE_MS || (this.#estimate < wanted && age > READ_EVERY_MS)) this.#readNow();
    else if (age > READ_EVERY_MS || this.#sinceReading > minFreeBytes / READ_EVERY_PART) void this.#read();
    if (this.#estimate >= wanted) return;
    if (this.#wanted === 0) this.#readingsWaited = 0;
    this.#wanted = Math.max(this.#wanted, wanted);
    const failure =
      this.#failure === undefined ? '' : ` (the free space can no longer be read: ${messageOf(this.#failure)})`;
    const state = `${Math.max(0, this.#estimate)} bytes of disk are free${failure}`;
    const need = `a round of ${diskBytes} bytes must leave ${wanted - diskBytes} bytes free`;
    const message = `${state}; ${need}: free some space and wait for ready()`;
    throw this.#explain(new LanestoreError('LANESTORE_CAPACITY', message));
  }

  /**
   * True if `bytes` can be reserved and `minFreeBytes` stay free. Reads the free space; rejects
   * with the file system's error.
   */
  async allows(bytes: number): Promise<boolean> {
    return (await this.#source.read()) - this.#unsettled - bytes >= this.#limits.minFreeBytes;
  }

  /**
   * True if LevelDB may compact tables of `tableBytes` in all while rounds only prune. One step
   * reads and writes one table and those that overlap it in the next level, about twelve: half of
   * the default watermark. Reads the free space; rejects with the file system's error.
   */
  async allowsCompaction(tableBytes: number): Promise<boolean> {
    const { minFreeBytes, pruneFreeBytes } = this.#limits;
    const free = (await this.#source.read()) - this.#unsettled;
    return free >= pruneFreeBytes + Math.min(tableBytes, Math.floor(minFreeBytes / 2));
  }

  enter({ diskBytes }: Cost): void {
    this.#accepted += diskBytes;
    this.#unsettled += diskBytes;
  }

  leave({ diskBytes }: Cost): void {
    this.#unsettled -= diskBytes;
  }

  /** The estimate of free bytes; infinity if the file system does not report them. */
  get freeBytes(): number {
    return this.#estimate;
  }

  /** True if the largest refused round would be accepted now. */
  get hasRoom(): boolean {
    return this.#wanted === 0 || this.#estimate >= this.#wanted;
  }

  forgetRefusals(): void {
    this.#wanted = 0;
  }

  /**
   * After a second, space for smaller rounds is enough: the caller may have given up the refused
   * one.
   */
  async look(): Promise<void> {
    await this.#read();
    this.#readingsWaited++;
    const isGivenUp = this.#readingsWaited >= READINGS_A_REFUSAL && this.#estimate > this.#limits.minFreeBytes;
    if (isGivenUp) this.forgetRefusals();
  }

  get #sinceReading(): number {
    return this.#accepted - this.#acceptedAtReading;
  }

  get #estimate(): number {
    return this.#free - this.#sinceReading;
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const reading = this.#begin();
    try {
      reading.take(await this.#source.read());
    } catch (error) {
      this.#failure = error as Error;
    } finally {
      this.#isReading = false;
    }
  }

  #readNow(): void {
    const reading = this.#begin();
    try {
      reading.take(this.#source.readNow());
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  /**
   * A reading is dated at its beginning: rounds that were unsettled then, or are accepted during
   * it, may not be in the result.
   */
  #begin(): { take(free: number): void } {
    const [number, accepted, unsettled] = [++this.#readings, this.#accepted, this.#unsettled];
    const take = (free: number) => {
      if (number !== this.#readings) return;
      this.#free = free - unsettled;
      this.#acceptedAtReading = accepted;
      this.#readAt = this.#now();
      this.#failure = undefined;
    };
    return { take };
  }
}
