/**
 * A target with one file for each entry, written as sei-chain 40146a1c0 writes it: names without
 * padding, mode 0600, each file synced.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCKS_DIR, COMMIT_QCS_DIR } from '../adapter/wal/conversion.js';
import { blockFileName, commitQCFileName } from './file-names.js';
import { AB_ENCODING } from './layout.js';
import { PairWriter, writeFileSynced } from './pair-writer.js';
import type { Sink } from './sink.js';
import type { Item } from './start-rules.js';

/** Files written and synced concurrently, because each sync waits for the disk. */
const FILES_IN_FLIGHT = 8;

/** Opens a new state directory in `directory`, which is empty. */
export async function openFilesSink<B, Q, A>(directory: string): Promise<Sink<B, Q, A>> {
  for (const name of [BLOCKS_DIR, COMMIT_QCS_DIR]) mkdirSync(join(directory, name), { mode: 0o700 });
  return new FilesSink(directory);
}

class FilesSink<B, Q, A> implements Sink<B, Q, A> {
  readonly #directory: string;
  readonly #pairs: PairWriter;
  readonly #inFlight = new Set<Promise<void>>();
  #failed: { readonly error: unknown } | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.#pairs = new PairWriter(directory, AB_ENCODING['file-per-entry']);
  }

  async put(item: Item<B, Q, A>): Promise<void> {
    if (item.kind === 'log') return;
    if (item.kind === 'anchor' || item.kind === 'inner') return this.#pairs.write(item.kind, item.wire);
    const name =
      item.kind === 'commitQC'
        ? join(COMMIT_QCS_DIR, commitQCFileName(item.number))
        : join(BLOCKS_DIR, blockFileName(item.lane, item.number));
    // Copied: the source may reuse the memory before this file is written.
    this.#start(writeFileSynced(join(this.#directory, name), new Uint8Array(item.wire)));
    if (this.#inFlight.size >= FILES_IN_FLIGHT) await Promise.race(this.#inFlight);
    this.#throwFailure();
  }

  async finish(): Promise<void> {
    await Promise.all(this.#inFlight);
    this.#throwFailure();
    await this.#pairs.finish();
  }

  async abandon(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  #start(write: Promise<void>): void {
    const done: Promise<void> = write
      .catch((error: unknown) => {
        this.#failed ??= { error };
      })
      .finally(() => this.#inFlight.delete(done));
    this.#inFlight.add(done);
  }

  #throwFailure(): void {
    if (this.#failed !== undefined) throw this.#failed.error;
  }
}
