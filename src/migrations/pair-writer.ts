/** The A/B files of a new state directory: what there is goes to A with seq 1, B is empty, as after a node's first write. */

import { join } from 'node:path';
import { ANCHOR_PREFIX, closing, encodeAB, INNER_PREFIX, PRIVATE_MODE } from '../adapter/wal/conversion.js';
import type { ABEncoding } from '../adapter/wal/index.js';
import { diskFiles } from '../base/files.js';

const PREFIX = { anchor: ANCHOR_PREFIX, inner: INNER_PREFIX } as const;
const FIRST_SEQ = 1n;

/** Writes both pairs. */
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

  /** The anchor's pair is always there: the original makes it at its first start. */
  async finish(): Promise<void> {
    if (this.#anchor) return;
    for (const slot of ['a', 'b']) {
      await writeFileSynced(join(this.#directory, `${ANCHOR_PREFIX}_${slot}.pb`), new Uint8Array());
    }
  }
}

/** A new file, mode 0600, with its content, synced. */
export async function writeFileSynced(path: string, data: Uint8Array): Promise<void> {
  const file = await diskFiles.open(path, PRIVATE_MODE, { empty: true });
  await closing(file, async () => {
    if (data.length > 0) await file.write([data], 0);
    await file.sync();
  });
}
