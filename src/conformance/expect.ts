/** What cases expect of calls: refusals, and the order in which they settle. */
import assert from 'node:assert/strict';
import { isLanestoreError, type LanestoreErrorCode } from '../index.js';

/** What `promise` rejects with; fails if it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (settled === undefined) throw new Error('it resolved, and should have been refused');
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

/** Checks that `call` rejects, or throws, with a TypeError: a programming mistake. */
export async function mistaken(call: () => Promise<unknown>): Promise<void> {
  const error = await rejection((async () => call())());
  assert.ok(error instanceof TypeError, `expected a TypeError, got ${String(error)}`);
}

/** The order in which calls settle. */
export class Ledger {
  /** Names of calls that resolved, `name!` of those that were refused, and whatever else was noted. */
  readonly lines: string[] = [];
  readonly #calls: Promise<unknown>[] = [];

  /** Notes `name` when `call` settles. */
  watch(name: string, call: Promise<unknown>): void {
    this.#calls.push(
      call.then(
        () => this.lines.push(name),
        () => this.lines.push(`${name}!`),
      ),
    );
  }

  /** Resolves when all calls that are watched have settled. */
  async settled(): Promise<readonly string[]> {
    await Promise.all(this.#calls);
    return this.lines;
  }
}

/** Lets everything happen that can happen without a disk: a few turns of the event loop. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
