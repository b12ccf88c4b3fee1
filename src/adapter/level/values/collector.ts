/**
 * Garbage collection of value files: when few live values pin many files, they are written together elsewhere, and the files are free. So
 * disk usage stays within twice the live bytes and a fixed number of files, even if a lane stands still for hours while others run.
 *
 * In the background, a portion at a time: values of the emptiest files are read (and checked), written to a file for moved values, synced;
 * then their new references ride with the next batch, 32 bytes each. No round waits for the rest.
 *
 * Only files that are half empty, or more, are moved out of. The records in such a file are at most half a file long, so the files for moved
 * values become more than half full of them: every move gains space, and it ends. When no such file is left, the bound holds.
 *
 * A move is decided when its batch is composed, against the state that the batch builds on: the key is put only if its lane still holds the
 * number and the durable reference is still that of the copied value. What a round of the same batch does to the key comes
 * after it in the batch. So a truncation, a drop, a lane that began anew under the same numbers are never undone. A move that is not
 * made leaves a copy that no record refers to.
 *
 * Crash: before the batch is durable the old references hold, and the old file is not free; afterwards the new ones do, to synced bytes.
 */
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

/** What a collector works with. */
export interface CollectorTarget {
  readonly values: ValueStore;
  /** The tip of the last durable batch. */
  readonly tip: () => Tip;
  readonly maintain: (step: RelocateStep) => Promise<void>;
  /** Called when a value cannot be read, or a write failed: the store must not go on. */
  readonly fail: (cause: unknown) => void;
}

/** What one portion may copy, as a share of a file: a round meanwhile shares the disk with a write of this size. */
const PORTIONS_A_FILE = 8;
/** At least so much, so that the sector that a portion fills up does not count. */
const PORTION_BYTES_MIN = 64 * 1024;
/** Files beyond one and a half times the live bytes that may be in use before values are moved. */
const FILES_LOOSE = 3;

/** Moves values in the background; see the top of this file. */
export class ValueCollector {
  readonly #target: CollectorTarget;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(target: CollectorTarget) {
    this.#target = target;
  }

  /** Starts work if there is any: after open, and after each batch. */
  kick(): void {
    if (this.#running !== undefined || this.#stopped) return;
    const { values } = this.#target;
    if (this.#isLoose()) this.#running = this.#run();
    else if (values.hasIdleMoved) this.#running = this.#orFail(() => values.releaseMoved());
    void this.#running?.finally(() => {
      this.#running = undefined;
    });
  }

  /** Ends after the portion at hand. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  #run(): Promise<void> {
    return this.#orFail(async () => {
      while (!this.#stopped && this.#isLoose()) if (!(await this.#moveSome())) return;
    });
  }

  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#stopped = true;
      this.#target.fail(error);
    }
  }

  /** True if much more disk is taken than the live values need. */
  #isLoose(): boolean {
    const { references, settings } = this.#target.values;
    if (!settings.enabled || !references.any) return false;
    return references.heldBytes > 1.5 * references.liveBytes + FILES_LOOSE * settings.fileBytes;
  }

  /** Moves one portion. False if nothing can be moved now. */
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
      // Those whose reference is durable were unpinned when it became that.
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

  /** Values of the emptiest files, in the order in which they lie. Those of stale records stay: they are swept soon. */
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

  /** The files that are half empty or more, the emptiest first. */
  #emptiest(): ValueFile[] {
    const empty = [...this.#target.values.references.files].filter(
      ({ sealed, pins, live, liveBytes, bytes }) =>
        sealed && pins === 0 && live.size > 0 && sectorsOf(liveBytes) * 2 <= bytes,
    );
    return empty.sort((a, b) => a.liveBytes / a.bytes - b.liveBytes / b.bytes);
  }

  /** Reads the values. Verified before they are copied, so that damage never gets a fresh checksum. */
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
