/** Counts decoded entries and bytes per turn of the event loop. */
import type { LogCodec } from '../../../src/adapter/wal/index.js';

/** A codec that counts, until {@link TurnCount.stop}. */
export class TurnCount {
  entries = 0;
  bytes = 0;
  /** The largest count of one turn. */
  entriesMax = 0;
  bytesMax = 0;
  #turn = { entries: 0, bytes: 0 };
  #immediate = setImmediate(() => this.#next());

  codec<T>(codec: LogCodec<T>): LogCodec<T> {
    return {
      ...codec,
      decode: (bytes) => {
        this.#add(bytes.length);
        return codec.decode(bytes);
      },
    };
  }

  stop(): void {
    clearImmediate(this.#immediate);
  }

  #add(bytes: number): void {
    this.entries++;
    this.bytes += bytes;
    this.#turn.entries++;
    this.#turn.bytes += bytes;
    this.entriesMax = Math.max(this.entriesMax, this.#turn.entries);
    this.bytesMax = Math.max(this.bytesMax, this.#turn.bytes);
  }

  #next(): void {
    this.#turn = { entries: 0, bytes: 0 };
    this.#immediate = setImmediate(() => this.#next());
  }
}

/** Runs `use` with a counting codec and returns the count. */
export async function counting(use: (count: TurnCount) => Promise<unknown>): Promise<TurnCount> {
  const count = new TurnCount();
  try {
    await use(count);
  } finally {
    count.stop();
  }
  return count;
}
