/**
 * The disk watermark: a round that would leave too little free space is refused before LevelDB gets into trouble. After a write
 * that the disk had no room for, LevelDB acknowledges what a restart loses (docs/leveldb-hazards.md, I/O errors), so the store would have to be
 * poisoned; a refusal harms nothing.
 *
 * The free space is read now and then, while rounds go on; what was accepted since, and what was accepted before and may not have been
 * on disk at the reading, is subtracted. So the estimate is never too high by anything that this store does; what others write shows
 * at the next reading.
 *
 * How much must stay free, by default, is what LevelDB may need at once besides the rounds, for write buffers of W and tables of T bytes:
 *   2 W             two full buffers that become tables, while their logs are still there
 *   12 W + 10 MiB   a compaction of level 0, where writes stop at 12 tables, with all of level 1; the inputs stay until the end
 *   or 25 T         a compaction of a deeper level, whichever is more
 * 204 MiB with the default settings. Rounds that only prune go on in what they need themselves, 2 W and a MiB: they are what frees space (reclaimer.ts).
 */
import { type StatsFs, statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { wholeNumber } from '../../base/options.js';
import { messageOf } from '../../base/permission-model.js';
import { LanestoreError } from '../../errors.js';
import { type Cost, LOOK_EVERY_MS, type Resource } from '../backpressure.js';

const MIB = 1024 * 1024;

/** A reading older than this is renewed with the next round. */
const READ_EVERY_MS = LOOK_EVERY_MS;
/** When this part of the watermark was accepted since a reading, it is renewed too. */
const READ_EVERY_PART = 8;
/** Readings, while `ready` waits, for which a refused round holds it up: a second. The round may have been given up. */
const READINGS_A_REFUSAL = 4;
/** A reading older than this is not believed: the first round after a pause looks for itself, a syscall of some microseconds. */
const STALE_MS = 5000;

/** Where free bytes are read from: infinity where the file system does not say. Then nothing is refused for want of space. */
export interface FreeSpace {
  read(): Promise<number>;
  /** The same at once. */
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

/** Asked before disk space is set aside for later. */
export interface DiskReservation {
  /** True if so many bytes can be set aside and rounds still go on. */
  allows(bytes: number): Promise<boolean>;
}

/**
 * What may be set aside where there is no watermark: not more than stays free. Otherwise it would be our own zeros that fill the disk under
 * LevelDB.
 */
export function withoutWatermark(source: FreeSpace): DiskReservation {
  return { allows: async (bytes) => (await source.read()) >= 2 * bytes };
}

/** Zero blocks in all say that the file system does not count: a tmpfs without a limit, some network and FUSE file systems. */
function freeBytes({ blocks, bavail, bsize }: StatsFs): number {
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

/** A file system, or a sandbox, without statfs. */
const NO_STATFS = new Set(['ENOSYS', 'EOPNOTSUPP', 'ENOTSUP']);

function unsaid(error: unknown): number {
  if (NO_STATFS.has((error as NodeJS.ErrnoException).code ?? '')) return Number.POSITIVE_INFINITY;
  throw error;
}

/** How much must stay free. */
export interface SpaceLimits {
  /** For rounds that bring something. */
  readonly minFreeBytes: number;
  /** For rounds that only prune. */
  readonly pruneFreeBytes: number;
}

/** What stays free unless the caller says otherwise, for LevelDB's settings; see the top of this file. */
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

/** Keeps watch over the free space of one store; see the top of this file. */
export class DiskSpace implements DiskReservation, Resource {
  readonly #source: FreeSpace;
  readonly #limits: SpaceLimits;
  readonly #now: () => number;
  /** Bytes of all rounds ever accepted, and of those that have not settled. */
  #accepted = 0;
  #unsettled = 0;
  /** The last reading, less what may not have been on disk then; and `#accepted` at that time. */
  #free: number;
  #acceptedAtReading = 0;
  #readAt: number;
  /** Counts readings: one that is overtaken by a later one is dropped. */
  #readings = 0;
  #isReading = false;
  #failure: Error | undefined;
  /** Bytes that must be free for the largest refused round; 0 once there was room for it, or it was taken to be given up. */
  #wanted = 0;
  /** Looks for calls of `ready` since it was refused. */
  #readingsWaited = 0;
  #explain: (refusal: LanestoreError) => LanestoreError = (refusal) => refusal;

  /** Reads once, at once. @throws what the file system throws. */
  constructor(source: FreeSpace, limits: SpaceLimits, now: () => number = () => performance.now()) {
    this.#source = source;
    this.#limits = limits;
    this.#now = now;
    this.#free = source.readNow();
    this.#readAt = now();
  }

  /** `explain` is given each refusal that is about to be thrown, and gives what is thrown instead. */
  onRefusal(explain: (refusal: LanestoreError) => LanestoreError): void {
    this.#explain = explain;
  }

  /** @throws LANESTORE_CAPACITY when a round would leave too little free. */
  check({ diskBytes, isPrune }: Cost): void {
    // A round that writes nothing waits for no disk.
    if (diskBytes === 0) return;
    const { minFreeBytes, pruneFreeBytes } = this.#limits;
    const wanted = diskBytes + (isPrune ? pruneFreeBytes : minFreeBytes);
    const age = this.#now() - this.#readAt;
    if (age > STALE_MS || (this.#estimate < wanted && age > READ_EVERY_MS)) this.#readNow();
    else if (age > READ_EVERY_MS || this.#sinceReading > minFreeBytes / READ_EVERY_PART) void this.#read();
    if (this.#estimate >= wanted) return;
    if (this.#wanted === 0) this.#readingsWaited = 0;
    this.#wanted = Math.max(this.#wanted, wanted);
    const failure = this.#failure === undefined ? '' : ` (it can no longer be read: ${messageOf(this.#failure)})`;
    throw this.#explain(
      new LanestoreError(
        'LANESTORE_CAPACITY',
        `${Math.max(0, this.#estimate)} bytes of disk are free${failure}; a round of ${diskBytes} bytes must leave ${wanted - diskBytes} of them: free some, wait for ready()`,
      ),
    );
  }

  /** Reads the free space anew. */
  async allows(bytes: number): Promise<boolean> {
    return (await this.#source.read()) - this.#unsettled - bytes >= this.#limits.minFreeBytes;
  }

  /**
   * True if LevelDB may compact, with tables of so many bytes in all, while rounds only prune. A step of it has one table and those that overlap
   * it in the next level, twelve or so, as input and as output: half of the default watermark. Reads the free space anew.
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

  /** Bytes that are free, as far as is known; infinity where the file system does not say. */
  get freeBytes(): number {
    return this.#estimate;
  }

  /** True if the largest round that was refused would be accepted. */
  get hasRoom(): boolean {
    return this.#wanted === 0 || this.#estimate >= this.#wanted;
  }

  forgetRefusals(): void {
    this.#wanted = 0;
  }

  /** After a second, room for smaller rounds is enough: the refused one may have been given up. */
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

  /** A reading counts from where it begins: what was not settled then may not be in it, nor is what comes during it. */
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
