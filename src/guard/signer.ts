/**
 * The key of a guard: in this process, or used through a function that may throw, hang or answer
 * late.
 */
import { copyOf } from '../base/bytes.js';
import { Semaphore } from '../base/mutex.js';
import { LanestoreError } from '../errors.js';

/** Signs 32 bytes. */
export type SignFunction = (digest: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/**
 * Upper bound of concurrent calls of the sign function. Rounds and lanes have separate limits:
 * votes for blocks must not delay consensus.
 */
const SIGNATURES_MAX = 16;

/** Upper bound of the bytes that a sign function may return. */
const SIGNATURE_BYTES_MAX = 1024;

/** See the top of this file. */
export class Signer {
  /** The public key. */
  readonly key: Uint8Array;
  readonly #sign: SignFunction;
  readonly #msMax: number;
  readonly #slots = { rounds: new Semaphore(SIGNATURES_MAX), lanes: new Semaphore(SIGNATURES_MAX) };

  constructor(key: Uint8Array, sign: SignFunction, msMax: number) {
    this.key = new Uint8Array(key);
    this.#sign = sign;
    this.#msMax = msMax;
  }

  /**
   * Signs `digest`; resolves with a copy of the signature. An answer after the deadline is dropped.
   * @throws LANESTORE_IO if the function throws, returns no signature, or does not answer in time.
   */
  sign(digest: Uint8Array, purpose: 'rounds' | 'lanes'): Promise<Uint8Array> {
    return this.#slots[purpose].run(async () => {
      // The key is used only after the guard's method has returned.
      await undefined;
      try {
        // Called without `this`, and with a copy: it cannot change the digest that was judged.
        const sign = this.#sign;
        const answer: unknown = sign(copyOf(digest));
        // A key in this process answers at once. A timer would take as long as judging the vote.
        return signatureOf(answer instanceof Uint8Array ? answer : await this.#inTime(answer));
      } catch (error) {
        throw error instanceof LanestoreError ? error : failed('it threw', error);
      }
    });
  }

  async #inTime(answer: unknown): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(failed(`it did not answer within ${this.#msMax} ms`)), this.#msMax);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function signatureOf(answer: unknown): Uint8Array {
  if (!(answer instanceof Uint8Array) || answer.length === 0 || answer.length > SIGNATURE_BYTES_MAX) {
    throw failed('it gave no signature');
  }
  return copyOf(answer);
}

function failed(what: string, cause?: unknown): LanestoreError {
  return new LanestoreError('LANESTORE_IO', `the sign function failed: ${what}`, {
    ...(cause === undefined ? {} : { cause }),
    remedy: 'nothing was released, and the vote counts as given: check the signer, then give the same vote again',
  });
}

/**
 * Compares digests of what is stored or released with those that were signed.
 * @throws LANESTORE_INVALID if they are not the same, in the same order.
 */
export function assertSigned(now: readonly Uint8Array[], signed: readonly Uint8Array[]): void {
  if (now.length === signed.length && now.every((digest, i) => Buffer.compare(digest, signed[i]!) === 0)) return;
  throw new LanestoreError('LANESTORE_INVALID', 'a message changed while it was signed; nothing is released');
}
