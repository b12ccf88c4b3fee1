/**
 * Injects faults and inspects a store from outside: bare classic-level on its database, bytes of
 * its files, and the content of a refusal. Nothing here uses the code under test.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { crc32 } from 'node:zlib';
import { Encoder } from 'cbor-x';
import { ClassicLevel } from 'classic-level';
import * as assert from 'uvu/assert';
import { type Finding, LanestoreError, type LanestoreErrorCode } from '../../src/errors.js';

/** One raw write. */
export type RawOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** Opens the LevelDB of a store with bare classic-level, and closes it again. */
export async function withRaw<T>(
  location: string,
  use: (db: ClassicLevel<string, Uint8Array>) => Promise<T>,
): Promise<T> {
  const options = { keyEncoding: 'utf8', valueEncoding: 'view', createIfMissing: false, compression: false };
  const db = new ClassicLevel<string, Uint8Array>(join(location, 'level'), options);
  await db.open();
  try {
    return await use(db);
  } finally {
    await db.close();
  }
}

/**
 * One bare synced batch, compacted into a table: in the log, the preflight would detect that it is
 * not the store's.
 */
export function rawBatch(location: string, operations: RawOperation[]): Promise<void> {
  return withRaw(location, async (db) => {
    await db.batch(operations, { sync: true });
    await db.compactRange('', '~');
  });
}

/** The value of one key, which must exist. */
export async function rawGet(location: string, key: string): Promise<Uint8Array> {
  const value = await withRaw(location, (db) => db.get(key));
  assert.ok(value !== undefined, `${key} exists`);
  return new Uint8Array(value as Uint8Array);
}

/** All keys with their values in hex: the logical content. */
export function dump(location: string): Promise<Map<string, string>> {
  return withRaw(location, async (db) => {
    const all = await db.iterator().all();
    return new Map(all.map(([key, value]) => [key, Buffer.from(value).toString('hex')]));
  });
}

/** Plain CBOR, as in docs/format.md; fields that are undefined are left out. */
const cbor = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });

/**
 * A whole record of `key`, made by cbor-x and zlib alone: a body that no store would write gets a
 * valid crc too.
 */
export function makeRecord(key: string, body: unknown): Uint8Array {
  const bytes = Buffer.from(cbor.encode([1, withoutUndefined(body), 0xffffffff]));
  bytes.writeUInt32BE(crc32(bytes.subarray(2, -5), crc32(key)), bytes.length - 4);
  return new Uint8Array(bytes);
}

/** The body of a record, by cbor-x alone. */
export function bodyOf(value: Uint8Array): unknown {
  return (cbor.decode(value) as unknown[])[1];
}

function withoutUndefined(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

/** Replaces a record by one whose body has other values in some fields, with a valid crc. */
export async function rewriteBody(location: string, key: string, change: (body: Body) => Body): Promise<void> {
  const body = bodyOf(await rawGet(location, key)) as Body;
  await rawBatch(location, [{ type: 'put', key, value: makeRecord(key, change(body)) }]);
}

type Body = Record<string, unknown>;

/** `bytes` with one bit flipped. */
export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[bit >> 3] = copy[bit >> 3]! ^ (1 << (bit & 7));
  return copy;
}

/** Flips one bit of a file, in place. */
export function flipInFile(path: string, bit: number): void {
  writeFileSync(path, flipped(readFileSync(path), bit));
}

/** Every file below `dir` with a digest of its bytes, and every directory. */
export function tree(dir: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(dir, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile()) found.set(relative(dir, path), createHash('sha256').update(readFileSync(path)).digest('hex'));
    else found.set(relative(dir, path), stat?.isDirectory() ? 'directory' : 'other');
  }
  return found;
}

/**
 * The LanestoreError with which `promise` rejects; fails if it resolves, or rejects with another
 * code or class.
 */
export async function refused(
  promise: Promise<unknown> | (() => Promise<unknown>),
  code: LanestoreErrorCode,
  message?: RegExp,
): Promise<LanestoreError> {
  const error = await rejection(promise);
  if (!(error instanceof LanestoreError)) throw new Error(`expected ${code}, got ${String(error)}`, { cause: error });
  assert.is(error.code, code, `expected ${code}, got ${error.code}: ${error.message}`);
  if (message !== undefined) assert.match(error.message, message);
  return error;
}

/** The rejection of `promise`, or the error that the call throws; fails if it resolves. */
export async function rejection(promise: Promise<unknown> | (() => Promise<unknown>)): Promise<unknown> {
  let value: unknown;
  try {
    value = await (typeof promise === 'function' ? promise() : promise);
  } catch (error) {
    return error;
  }
  if (value !== null && typeof value === 'object' && 'close' in value)
    await (value as { close(): Promise<void> }).close();
  throw new Error('it was not refused');
}

/** The LanestoreError that a synchronous call throws. */
export function refusedSync(call: () => unknown, code: LanestoreErrorCode): LanestoreError {
  try {
    call();
  } catch (error) {
    if (!(error instanceof LanestoreError)) throw new Error(`expected ${code}, got ${String(error)}`, { cause: error });
    assert.is(error.code, code, error.message);
    return error;
  }
  throw new Error(`it was not refused with ${code}`);
}

/** Findings in one line each, without their messages: `kind key lane number`. */
export function findingLines(error: { readonly findings?: readonly Finding[] }): string[] {
  return (error.findings ?? []).map(({ kind, key, lane, number, file }) =>
    [kind, key ?? file ?? '-', lane ?? '-', number ?? '-'].join(' '),
  );
}
