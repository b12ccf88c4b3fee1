/**
 * Standard output and standard error, as a command sees them. A reader that goes away (`| head`) is no error: what is
 * written from then on is dropped, and the command goes on to its verdict. Any other failure, a full disk for one, is
 * kept, and the rest is dropped, too.
 */
import { writeSync } from 'node:fs';

/** How a write to a pipe or a socket fails whose reader has gone. */
const READER_GONE = new Set(['EPIPE', 'ECONNRESET']);

/** One of the two streams. Nothing here throws because of the stream. */
export class Channel {
  readonly #stream: NodeJS.WriteStream & { readonly fd: number };
  #isOpen = true;
  #failure: Error | undefined;

  constructor(stream: NodeJS.WriteStream & { readonly fd: number }) {
    this.#stream = stream;
    stream.on('error', (error) => this.#close(error));
  }

  /** Why writing failed; absent while it works, and if only the reader has gone. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Writes; resolves when the system has taken it, or it was dropped. */
  write(data: string | Uint8Array): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (error?: Error | null) => {
        if (error) this.#close(error);
        resolve();
      };
      try {
        this.#stream.write(data, done);
      } catch (error) {
        // Streams of files write synchronously.
        done(error as Error);
      }
    });
  }

  /** Writes before it returns. Keeps no order with {@link write}. */
  writeNow(data: string): void {
    let rest = Buffer.from(data);
    while (this.#isOpen && rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(this.#stream.fd, rest));
      } catch (error) {
        // A pipe whose reader is slow may be non-blocking.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#close(error as Error);
      }
    }
  }

  /** Resolves when everything that was written before was taken or dropped. */
  flush(): Promise<void> {
    return this.write('');
  }

  #close(error: NodeJS.ErrnoException): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (!READER_GONE.has(error.code ?? '')) this.#failure = error;
  }
}

/** Data. */
export const stdout = new Channel(process.stdout);
/** Progress, warnings and errors. */
export const stderr = new Channel(process.stderr);
