/**
 * A memory-level that a test can watch and hold: it records every batch, holds writes before or
 * after they happen, makes them fail, and holds the sweeper's key scan. It also refuses calls that
 * a store must never make: an unsynced write, a batch whose first operation is not the tip, `put`,
 * `del`, `clear`.
 */

import { MemoryLevel } from 'memory-level';
import * as assert from 'uvu/assert';
import { decodeRecord, isFault } from '../../src/adapter/level/format/record.js';
import { parseTip, type Tip } from '../../src/adapter/level/format/tip.js';
import { isLanestoreError } from '../../src/errors.js';
import { TIP_KEY } from '../../src/keys/index.js';

/** One operation of a batch, as a test sees it. */
export interface HeldOperation {
  readonly type: 'put' | 'del';
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/**
 * Where a write is held: before any of it is in the database, or after all of it, when only the
 * store does not know.
 */
export type HoldPoint = 'before' | 'after';

interface RawOperation {
  readonly type: 'put' | 'del';
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

/** The internal methods under abstract-level's public ones, which its types do not declare. */
interface PrivateApi {
  _batch(operations: RawOperation[], options: { readonly sync?: boolean }): Promise<void>;
  _put(): Promise<void>;
  _del(): Promise<void>;
  _clear(): Promise<void>;
  _keys(options: object): { _all(options: object): Promise<unknown[]> };
}

const Base = MemoryLevel as unknown as new () => MemoryLevel<string, Uint8Array> & PrivateApi;

/** A held operation, to be released or failed. */
interface Gate {
  readonly open: () => void;
  readonly fail: (error: Error) => void;
}

export class HeldLevel extends Base {
  /** Every batch in the order of the calls, including creation, written or not. */
  readonly batches: (readonly HeldOperation[])[] = [];
  /** Forbidden calls that the store made. */
  readonly violations: string[] = [];
  #point: HoldPoint | undefined;
  #gates: Gate[] = [];
  #failAt: { at: number; error: Error } | undefined;
  #keysHeld: Gate[] | undefined;
  #watchers: (() => void)[] = [];
  #turnsPerWrite = 0;

  /** Lets every write take some turns of the event loop, as a disk would. */
  delay(turnsPerWrite: number): void {
    this.#turnsPerWrite = turnsPerWrite;
  }

  /** Holds every write from now on. */
  hold(point: HoldPoint = 'before'): void {
    this.#point = point;
  }

  /** Releases all held writes and holds no more. */
  release(): void {
    this.#point = undefined;
    for (const gate of this.#gates.splice(0)) gate.open();
  }

  /** Releases the held write and holds the next one. */
  step(): void {
    const gate = this.#gates.shift();
    if (gate === undefined) throw new Error('no write is held');
    gate.open();
  }

  /** Makes the held write fail. */
  reject(error: Error): void {
    const gate = this.#gates.shift();
    if (gate === undefined) throw new Error('no write is held');
    gate.fail(error);
  }

  /** Makes the batch after `more` further ones fail, and all later ones. */
  failAfter(more: number, error: Error): void {
    this.#failAt = { at: this.batches.length + more, error };
  }

  /** No write fails any more. */
  mend(): void {
    this.#failAt = undefined;
  }

  /** Holds every key scan that begins from now on: the sweeper's. */
  holdKeys(): void {
    this.#keysHeld ??= [];
  }

  releaseKeys(): void {
    const held = this.#keysHeld ?? [];
    this.#keysHeld = undefined;
    for (const gate of held) gate.open();
  }

  failKeys(error: Error): void {
    for (const gate of this.#keysHeld?.splice(0) ?? []) gate.fail(error);
  }

  /** Resolves when a write is held. */
  held(): Promise<void> {
    return this.#until(() => this.#gates.length > 0);
  }

  /** Resolves when a key scan is held. */
  keysHeld(): Promise<void> {
    return this.#until(() => (this.#keysHeld ?? []).length > 0);
  }

  /** The operations of all batches from number `from` on. */
  operations(from = 0): HeldOperation[] {
    return this.batches.slice(from).flat();
  }

  /** The keys that all batches from number `from` on delete. */
  deletes(from = 0, prefix = ''): string[] {
    return this.operations(from)
      .filter(({ type, key }) => type === 'del' && key.startsWith(prefix))
      .map(({ key }) => key);
  }

  /** A database as after a crash: the first `count` batches, and nothing later. */
  async replay(count: number): Promise<HeldLevel> {
    const copy = new HeldLevel();
    for (const batch of this.batches.slice(0, count)) await writeRaw(copy, batch);
    copy.batches.length = 0;
    return copy;
  }

  /** A database with the current content: as if the process died now. */
  async crashed(): Promise<HeldLevel> {
    const copy = new HeldLevel();
    const content = await this.content();
    await writeRaw(
      copy,
      [...content].map(([key, value]) => ({ type: 'put' as const, key, value })),
    );
    copy.batches.length = 0;
    return copy;
  }

  /** Everything that is stored. */
  async content(): Promise<Map<string, Uint8Array>> {
    return new Map(await this.iterator<string, Uint8Array>(VIEW).all());
  }

  override async _batch(operations: RawOperation[], options: { readonly sync?: boolean }): Promise<void> {
    const number = this.batches.length;
    const batch = operations.map(({ type, key, value }) => ({ type, key: Buffer.from(key).toString(), value }));
    this.batches.push(batch);
    if (options.sync !== true) this.#forbid(`batch ${number} is not synced`);
    if (batch[0]?.key !== TIP_KEY || batch[0].type !== 'put')
      this.#forbid(`batch ${number} does not begin with its tip`);
    if (this.#gates.length > 0) this.#forbid(`batch ${number} began while another one was in flight`);
    if (this.#failAt !== undefined && number >= this.#failAt.at) throw this.#failAt.error;
    if (this.#turnsPerWrite > 0) await turns(this.#turnsPerWrite);
    if (this.#point === 'before') await this.#wait(this.#gates);
    await super._batch(operations, options);
    if (this.#point === 'after') await this.#wait(this.#gates);
  }

  override async _put(): Promise<void> {
    this.#forbid('put() was called');
  }

  override async _del(): Promise<void> {
    this.#forbid('del() was called');
  }

  override async _clear(): Promise<void> {
    this.#forbid('clear() was called');
  }

  override _keys(options: object) {
    const iterator = super._keys(options);
    const all = iterator._all.bind(iterator);
    iterator._all = async (allOptions) => {
      if (this.#keysHeld !== undefined) await this.#wait(this.#keysHeld);
      return all(allOptions);
    };
    return iterator;
  }

  #forbid(what: string): never {
    this.violations.push(what);
    throw new Error(what);
  }

  #wait(gates: Gate[]): Promise<void> {
    const waiting = new Promise<void>((open, fail) => gates.push({ open, fail }));
    for (const watch of this.#watchers.splice(0)) watch();
    return waiting;
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }
}

const VIEW = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;

/** Writes without the checks of a held level: the effect of a crash or damage, not of the store. */
export async function writeRaw(db: HeldLevel, operations: readonly HeldOperation[]): Promise<void> {
  await db.open();
  const raw = operations.map(({ type, key, value }) => ({ type, key: Buffer.from(key), value: value as Uint8Array }));
  await (MemoryLevel.prototype as unknown as PrivateApi)._batch.call(db, raw, { sync: true });
}

/** Runs `use` with a held level and checks that the store made no forbidden call on it. */
export async function withHeld(use: (db: HeldLevel) => Promise<void>): Promise<void> {
  const db = new HeldLevel();
  try {
    await use(db);
  } finally {
    db.release();
    db.releaseKeys();
    await turns(2);
  }
  assert.equal(db.violations, [], 'forbidden calls of the store');
  await db.close();
}

/** A test function for {@link withHeld}. */
export function onHeld(use: (db: HeldLevel) => Promise<void>): () => Promise<void> {
  return () => withHeld(use);
}

/**
 * Runs every callback that can run without a held write: whole turns of the event loop, never a
 * time.
 */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The stored tip. */
export async function tipOf(db: HeldLevel): Promise<Tip> {
  const record = decodeRecord(TIP_KEY, (await db.get<string, Uint8Array>(TIP_KEY, VIEW)) ?? new Uint8Array());
  const tip = isFault(record) ? record.detail : parseTip(record.body);
  if (typeof tip === 'string') throw new Error(`the tip is not whole: ${tip}`);
  return tip;
}

/** True if no log has stale keys left. */
export function isSwept(tip: Tip): boolean {
  return [tip.qc, ...tip.lanes.values()].every(({ swept, first }) => swept === first);
}

/** Resolves when nothing is left to sweep. */
export async function sweepingEnds(db: HeldLevel): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (isSwept(await tipOf(db))) return;
    await turns(1);
  }
  throw new Error('sweeping does not end');
}

/** Promises and the order in which they settle: `name`, `name: CODE`, or `name: thrown value`. */
export class Ledger {
  readonly settled: string[] = [];
  readonly #all: Promise<void>[] = [];

  /** Records when `promise` settles. */
  watch(name: string, promise: Promise<unknown>): void {
    this.#all.push(
      promise.then(
        () => void this.settled.push(name),
        (error: unknown) => void this.settled.push(`${name}: ${isLanestoreError(error) ? error.code : String(error)}`),
      ),
    );
  }

  /** The settled promises once every ready callback has run. */
  async soFar(): Promise<readonly string[]> {
    await turns();
    return [...this.settled];
  }

  /** The settled promises once all have settled. */
  async all(): Promise<readonly string[]> {
    await Promise.all(this.#all);
    return [...this.settled];
  }
}
