/** A guard over a store in memory whose disk waits until a test resumes it. */

import type { Guard } from '../../src/guard/index.js';
import { openGuard } from '../../src/guard/index.js';
import type { LaneId } from '../../src/keys/index.js';
import { ToyDisk, ToyStore } from '../conformance/toy-store.js';
import {
  type PlainBlock,
  type PlainLaneVote,
  type PlainSigned,
  type PlainVote,
  plain,
  plainSignature,
} from '../support/plain-model.js';

/** The guard of a plain node. */
export type PlainGuard = Guard<PlainVote | PlainLaneVote, PlainBlock, PlainSigned>;

/** The key of the lane `0a`. */
export const KEY = new Uint8Array(32).fill(0x0a);
/** The lane of {@link KEY}. */
export const OWN: LaneId = '0a';

/** A store whose disk can be paused. */
export class PausedStore extends ToyStore {
  #open: (() => void) | undefined;
  #gate: Promise<void> = Promise.resolve();

  /** From now on nothing becomes durable, until {@link resume}. */
  pause(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  resume(): void {
    this.#open?.();
  }

  override enqueue(step: () => void): Promise<void> {
    return super
      .enqueue(() => undefined)
      .then(() => this.#gate)
      .then(step);
  }
}

/** A store with its guard, opened with `firstUse`. */
export async function guarded(
  options: Partial<Parameters<typeof openGuard>[0]> = { key: KEY },
  disk = new ToyDisk(),
): Promise<{ readonly guard: PlainGuard; readonly store: PausedStore; readonly disk: ToyDisk }> {
  const store = new PausedStore(disk, {});
  const guard = (await openGuard({ store, model: plain, firstUse: true, ...options })) as PlainGuard;
  return { guard, store, disk };
}

/** True if {@link KEY} made this signature on the vote's digest. */
export function isSigned({ vote, signature }: PlainSigned): boolean {
  return Buffer.compare(signature, plainSignature(KEY, plain.votes.digest(vote))) === 0;
}

/** A sign function that answers on a test's request. */
export class SlowSigner {
  /** Digests that wait to be signed, in the order of the requests. */
  readonly waiting: { readonly digest: Uint8Array; answer(): void; fail(error: unknown): void }[] = [];

  readonly sign = (digest: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      this.waiting.push({ digest, answer: () => resolve(plainSignature(KEY, digest)), fail: reject });
    });

  /** Answers all waiting requests. */
  answerAll(): void {
    for (const call of this.waiting.splice(0)) call.answer();
  }
}
