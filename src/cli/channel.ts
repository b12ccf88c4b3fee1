/**
 * Standard output and standard error. If the reader closes the pipe (`| head`), later output is
 * dropped without an error, and the command still ends with its exit code. After any other failure,
 * such as a full disk, later output is dropped too, and the channel keeps the error.
 */
import { writeSync } from 'node:fs';

/** Error codes of a write to a pipe or socket that its reader has closed. */
const READER_GONE = new Set(['EPIPE', 'ECONNRESET']);

/** One of the two streams. No method throws on a failure of the stream. */
export class Channel {
  readonly #stream: NodeJS.WriteStream & { readonly fd: number };
  #isOpen = true;
  #failure: Error | undefined;

  constructor(stream: NodeJS.WriteStream & { readonly fd: number }) {
    this.#stream = stream;
    stream.on('error', (error) => this.#close(error));
  }

  /**
   * The error that ended writing. Undefined if there was none, or if only the reader closed the
   * pipe.
   */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** True once a write found that the reader has closed the pipe. */
  get isReaderGone(): boolean {
    return !this.#isOpen && this.#failure === undefined;
  }

  /** Resolves when the operating system has accepted `data`, or when it was dropped. */
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
        // A stream to a file writes, and fails, synchronously.
        done(error as Error);
      }
    });
  }

  /** Writes synchronously. Not ordered with calls of {@link write}. */
  writeNow(data: string): void {
    let rest = Buffer.from(data);
    while (this.#isOpen && rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(this.#stream.fd, rest));
      } catch (error) {
        // EAGAIN: the pipe is non-blocking and full. Try again until the reader catches up.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#close(error as Error);
      }
    }
  }

  /** Resolves when all earlier writes were accepted or dropped. */
  flush(): Promise<void> {
    return this.write('');
  }

  #close(error: NodeJS.ErrnoException): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (!READER_GONE.has(error.code ?? '')) this.#failure = error;
  }
}

/** For data. */
export const stdout = new Channel(process.stdout);
/** For progress, warnings and errors. */
export const stderr = new Channel(process.stderr);
