/**
 * A target that is a segment-file WAL, written as the original would have written it. A log's first
 * index is its first number + 1, as in a node that began at number 0. A segment that has reached 20
 * MiB is followed by a new one. A log without entries is an empty segment; its name keeps the log's
 * next index.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  BLOCKS_DIR,
  COMMIT_QCS_DIR,
  encodeFrame,
  SEGMENT_BYTES,
  SEGMENT_MODE,
  segmentName,
} from '../adapter/wal/conversion.js';
import type { ABEncoding } from '../adapter/wal/index.js';
import { diskFiles, type WritableFile } from '../base/files.js';
import { PairWriter } from './pair-writer.js';
import type { Sink } from './sink.js';
import type { Item } from './start-rules.js';

/** Frames are collected up to this size before they are written. */
const WRITE_BYTES = 1024 * 1024;

/** Options of {@link openWalSink}. */
export interface WalSinkOptions {
  readonly encoding: ABEncoding;
  /**
   * @internal A segment of this size is followed by a new one. Default 20 MiB, as in the original.
   */
  readonly segmentBytes?: number;
}

/** Opens a new state directory in `directory`, which is empty. */
export async function openWalSink<B, Q, A>(directory: string, options: WalSinkOptions): Promise<Sink<B, Q, A>> {
  mkdirSync(join(directory, BLOCKS_DIR), { mode: 0o700 });
  return new WalSink(directory, options);
}

class WalSink<B, Q, A> implements Sink<B, Q, A> {
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #pairs: PairWriter;
  #log: SegmentWriter | undefined;

  constructor(directory: string, { encoding, segmentBytes = SEGMENT_BYTES }: WalSinkOptions) {
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
    this.#pairs = new PairWriter(directory, encoding);
  }

  async put(item: Item<B, Q, A>): Promise<void> {
    if (item.kind === 'anchor' || item.kind === 'inner') return this.#pairs.write(item.kind, item.wire);
    if (item.kind !== 'log') return this.#log!.append(item.wire);
    await this.#log?.end();
    const path = item.lane === undefined ? COMMIT_QCS_DIR : join(BLOCKS_DIR, item.lane);
    this.#log = await SegmentWriter.open(join(this.#directory, path), item.first + 1n, this.#segmentBytes);
  }

  async finish(): Promise<void> {
    await this.#log?.end();
    await this.#pairs.finish();
  }

  async abandon(): Promise<void> {
    await this.#log?.abandon();
  }
}

/** Writes the segments of one log. */
class SegmentWriter {
  readonly #directory: string;
  readonly #segmentBytes: number;
  #index: bigint;
  #file: WritableFile;
  #frames: Uint8Array[] = [];
  #frameBytes = 0;
  #written = 0;

  private constructor(directory: string, index: bigint, segmentBytes: number, file: WritableFile) {
    this.#directory = directory;
    this.#index = index;
    this.#segmentBytes = segmentBytes;
    this.#file = file;
  }

  static async open(directory: string, index: bigint, segmentBytes: number): Promise<SegmentWriter> {
    mkdirSync(directory, { mode: 0o700 });
    return new SegmentWriter(directory, index, segmentBytes, await newSegment(directory, index));
  }

  async append(wire: Uint8Array): Promise<void> {
    const frame = encodeFrame(wire);
    this.#frames.push(frame);
    this.#frameBytes += frame.length;
    this.#index++;
    const full = this.#written + this.#frameBytes >= this.#segmentBytes;
    if (!full && this.#frameBytes < WRITE_BYTES) return;
    await this.#write();
    if (!full) return;
    await this.end();
    this.#file = await newSegment(this.#directory, this.#index);
    this.#written = 0;
  }

  async end(): Promise<void> {
    await this.#write();
    await this.#file.sync();
    await this.#file.close();
  }

  async abandon(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }

  async #write(): Promise<void> {
    if (this.#frames.length === 0) return;
    await this.#file.write(this.#frames, this.#written);
    this.#written += this.#frameBytes;
    this.#frames = [];
    this.#frameBytes = 0;
  }
}

function newSegment(directory: string, index: bigint): Promise<WritableFile> {
  return diskFiles.open(join(directory, segmentName(index)), SEGMENT_MODE, { empty: true });
}
