/**
 * Writes the A/B files of a new state directory: the value goes to file A with seq 1, file B is
 * empty, as after the first write of a node.
 */

import { join } from 'node:path';
import { ANCHOR_PREFIX, closing, encodeAB, INNER_PREFIX, PRIVATE_MODE } from '../adapter/wal/conversion.js';
import type { ABEncoding } from '../adapter/wal/index.js';
import { diskFiles } from '../base/files.js';

const PREFIX = { anchor: ANCHOR_PREFIX, inner: INNER_PREFIX } as const;
const FIRST_SEQ = 1n;

/** Writes the pairs of the anchor and of the inner state. */
export class PairWriter {
  readonly #directory: string;
  readonly #encoding: ABEncoding;
  #anchor = false;

  constructor(directory: string, encoding: ABEncoding) {
    this.#directory = directory;
    this.#encoding = encoding;
  }

  /** Writes a pair that holds `data`, synced. */
  async write(what: keyof typeof PREFIX, data: Uint8Array): Promise<void> {
    if (what === 'anchor') this.#anchor = true;
    await writeFileSynced(join(this.#directory, `${PREFIX[what]}_a.pb`), encodeAB(this.#encoding, FIRST_SEQ, data));
    await writeFileSynced(join(this.#directory, `${PREFIX[what]}_b.pb`), new Uint8Array());
  }

  /**
   * Creates an empty pair if there is no anchor: the original creates this pair at its first start.
   */
  async finish(): Promise<void> {
    if (this.#anchor) return;
    for (const slot of ['a', 'b']) {
      await writeFileSynced(join(this.#directory, `${ANCHOR_PREFIX}_${slot}.pb`), new Uint8Array());
    }
  }
}

/** Creates a file of mode 0600 with this content, and syncs it. The name is not synced. */
export async function writeFileSynced(path: string, data: Uint8Array): Promise<void> {
  const file = await diskFiles.open(path, PRIVATE_MODE, { empty: true });
  await closing(file, async () => {
    if (data.length > 0) await file.write([data], 0);
    await file.sync();
  });
}
