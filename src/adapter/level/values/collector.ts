/**
 * Garbage collection of value files: when few live values pin many files, the live values are
 * copied into files of their own, and the old files become free. So disk usage stays within twice
 * the live bytes and a fixed number of files, even if one lane stands still for hours while others
 * advance.
 *
 * The collector works in the background, one portion at a time. It reads and checks values of the
 * emptiest files, writes them to a file for moved values and syncs it. The next batch contains the
 * new references, 32 bytes each; a round waits for nothing else of a move.
 *
 * Values are moved only out of files that are at least half empty. The records in such a file are
 * at most half a file long, so files for moved values become more than half full. Every move
 * therefore gains space, and collection terminates. When no half-empty file is left, the bound
 * holds.
 *
 * A move is decided when its batch is composed, against the state that the batch builds on. The new
 * reference is put only if the lane still holds the number and the durable reference is still that
 * of the copied value. Operations of rounds on the same key come later in the batch. So a move
 * never undoes a truncation, a drop, or a lane that began again under the same numbers. A move that
 * is not made leaves a copy without references.
 *
 * Crash: until the batch is durable, the old references are valid and the old file is not free.
 * Afterwards the new references are valid, and name synced bytes.
 */
import { type BackgroundRun, BackgroundTask } from '../../../base/background-task.js';
import { LanestoreError } from '../../../errors.js';
import { type LaneId, parseKey } from '../../../keys/index.js';
import type { Put } from '../format/operation.js';
import { decodeRecord, isFault } from '../format/record.js';
import type { RelocateStep } from '../format/step.js';
import type { Tip } from '../format/tip.js';
import { sameReference, type ValueRef } from '../format/value-ref.js';
import { separatedPut } from './choice.js';
import { findingFile } from './names.js';
import { sectorsOf } from './options.js';
import type { ValueFile } from './value-index.js';
import type { ValueStore } from './value-store.js';

/** A value that was copied. */
export interface Move {
  readonly key: string;
  readonly lane: LaneId;
  readonly number: bigint;
  readonly from: ValueRef;
  readonly to: ValueRef;
}

/** Dependencies of a collector. */
export interface CollectorTarget {
  readonly values: ValueStore;
  /** The tip of the last durable batch. */
  readonly tip: () => Tip;
  readonly maintain: (step: RelocateStep) => Promise<void>;
  /** Called when a value cannot be read, or a write failed: the store must stop. */
  readonly fail: (cause: unknown) => void;
}

/**
 * A portion copies at most 1/8 of a file, because a round may have to wait for a write of this
 * size.
 */
const PORTIONS_A_FILE = 8;
/** Lower bound of a portion, so that the padding of its last sector is negligible. */
const PORTION_BYTES_MIN = 64 * 1024;
/**
 * Collection starts when the files in use exceed one and a half times the live bytes by this many
 * files.
 */
const FILES_LOOSE = 3;

/** Moves values in the background; see the top of this file. */
export class ValueCollector {
  readonly #target: CollectorTarget;
  /**
   * Runs again only when kicked: a value that cannot be moved now may be movable after the next
   * batch.
   */
  readonly #task = new BackgroundTask(() => this.#next(), { repeats: false });

  constructor(target: CollectorTarget) {
    this.#target = target;
  }

  /** Starts collection if it is necessary. Called after open and after each batch. */
  kick(): void {
    this.#task.kick();
  }

  /** Resolves after the current portion. */
  async stop(): Promise<void> {
    await this.#task.stop();
  }

  #next(): BackgroundRun | undefined {
    const { values } = this.#target;
    if (this.#isLoose()) return () => this.#run();
    return values.hasIdleMoved ? () => this.#orFail(() => values.releaseMoved()) : undefined;
  }

  #run(): Promise<void> {
    return this.#orFail(async () => {
      while (!this.#task.isStopped && this.#isLoose()) if (!(await this.#moveSome())) return;
    });
  }

  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#task.halt();
      this.#target.fail(error);
    }
  }

  /** True if the value files take much more disk than the live values need. */
  #isLoose(): boolean {
    const { references, settings } = this.#target.values;
    if (!settings.enabled || !references.any) return false;
    return references.heldBytes > 1.5 * references.liveBytes + FILES_LOOSE * settings.fileBytes;
  }

  /** Moves one portion. False if no value can be moved now. */
  async #moveSome(): Promise<boolean> {
    const { values, maintain } = this.#target;
    const found = this.#portion();
    const records = await this.#read(found);
    const written = records.length === 0 ? undefined : await values.writeMoved(records);
    if (written === undefined) return false;
    const moves = found.map((value, i) => ({ ...value, to: written[i] as ValueRef }));
    const pinned = new Set(written);
    try {
      await maintain({ compose: (holds) => this.#compose(moves, pinned, holds) });
    } finally {
      // `compose` took out the references of its batch: these are unpinned when the batch is
      // durable.
      for (const { file: number } of pinned) values.references.unpin(number);
    }
    return true;
  }

  #compose(
    moves: readonly Move[],
    pinned: Set<ValueRef>,
    holds: (lane: LaneId, number: bigint) => boolean,
  ): readonly Put[] {
    const { references } = this.#target.values;
    const puts: Put[] = [];
    for (const { key, lane, number, from, to } of moves) {
      const now = references.get(key);
      if (now === undefined || !sameReference(now, from) || !holds(lane, number)) continue;
      pinned.delete(to);
      puts.push(separatedPut(key, to));
    }
    return puts;
  }

  /**
   * Values of the emptiest files, in the order of their offsets. Stale records are skipped: they
   * are swept soon.
   */
  #portion(): Omit<Move, 'to'>[] {
    const { settings } = this.#target.values;
    const { lanes } = this.#target.tip();
    const bytesMax = Math.max(settings.fileBytes / PORTIONS_A_FILE, PORTION_BYTES_MIN);
    const portion: Omit<Move, 'to'>[] = [];
    let bytes = 0;
    for (const file of this.#emptiest()) {
      for (const [key, from] of [...file.live].sort(([, a], [, b]) => a.offset - b.offset)) {
        if (bytes > 0 && bytes + from.length > bytesMax) return portion;
        const parsed = parseKey(key);
        if (parsed?.kind !== 'block' || parsed.number < (lanes.get(parsed.lane)?.first ?? 0n)) continue;
        portion.push({ key, lane: parsed.lane, number: parsed.number, from });
        bytes += from.length;
      }
    }
    return portion;
  }

  /** The files that are at least half empty, the emptiest first. */
  #emptiest(): ValueFile[] {
    const empty = [...this.#target.values.references.files].filter(
      ({ sealed, pins, live, liveBytes, bytes }) =>
        sealed && pins === 0 && live.size > 0 && sectorsOf(liveBytes) * 2 <= bytes,
    );
    return empty.sort((a, b) => a.liveBytes / a.bytes - b.liveBytes / b.bytes);
  }

  /** Reads the values and verifies them, so that damage is never copied with a fresh checksum. */
  async #read(found: readonly Omit<Move, 'to'>[]): Promise<Uint8Array[]> {
    const reads = this.#target.values.reads();
    try {
      const records: Uint8Array[] = [];
      for (const { key, lane, number, from } of found) {
        const resolved = await reads.read(from);
        const fault = 'fault' in resolved ? resolved.fault : faultIn(key, resolved.record);
        if (fault !== undefined) {
          const finding = { ...fault, key, lane, number, file: findingFile(from.file), offset: from.offset };
          throw new LanestoreError('LANESTORE_CORRUPT', `the store is damaged: ${key}: ${fault.detail}`, {
            findings: [finding],
          });
        }
        if ('record' in resolved) records.push(resolved.record);
      }
      return records;
    } finally {
      await reads.close();
    }
  }
}

function faultIn(key: string, record: Uint8Array) {
  const decoded = decodeRecord(key, record);
  return isFault(decoded) ? decoded : undefined;
}
