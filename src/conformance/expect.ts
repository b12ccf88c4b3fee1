/** Checks of the cases: refusals, and the order in which calls settle. */
import assert from 'node:assert/strict';
import { isLanestoreError, type LanestoreErrorCode } from '../index.js';

/** The error that `promise` rejects with. Throws if it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (settled === undefined) throw new Error('the call resolved; expected a rejection');
  return settled.error;
}

/** Checks that `call` rejects with `code`, and that the message names each of `names`. */
export async function refused(
  call: Promise<unknown>,
  code: LanestoreErrorCode,
  names: readonly (string | bigint | number)[] = [],
): Promise<void> {
  const error = await rejection(call);
  if (!isLanestoreError(error)) throw new Error(`expected ${code}, got ${String(error)}`, { cause: error });
  assert.equal(error.code, code, `expected ${code}, got ${error.code}: ${error.message}`);
  for (const name of names) {
    assert.ok(new RegExp(`\\b${name}\\b`).test(error.message), `"${error.message}" names ${name}`);
  }
}

/** Checks that `call` rejects with, or throws, a TypeError. */
export async function mistaken(call: () => Promise<unknown>): Promise<void> {
  const error = await rejection((async () => call())());
  assert.ok(error instanceof TypeError, `expected a TypeError, got ${String(error)}`);
}

/** The order in which calls settle. */
export class Ledger {
  /**
   * `name` for a call that resolved, `name!` for one that was rejected, and other notes of the
   * case.
   */
  readonly lines: string[] = [];
  readonly #calls: Promise<unknown>[] = [];

  /** Adds a line when `call` settles. */
  watch(name: string, call: Promise<unknown>): void {
    this.#calls.push(
      call.then(
        () => this.lines.push(name),
        () => this.lines.push(`${name}!`),
      ),
    );
  }

  /** Resolves with the lines when all watched calls have settled. */
  async settled(): Promise<readonly string[]> {
    await Promise.all(this.#calls);
    return this.lines;
  }
}

/** Waits for `count` turns of the event loop: enough for all work that needs no disk. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
