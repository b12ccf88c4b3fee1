/** Stores that an earlier build wrote: test/fixtures/stores-1580faa. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { Engine, encodeRecord, encodeSchema, openDatabase } from '../../src/adapter/level/conversion.js';
import { INNER_KEY, SCHEMA_KEY, TIP_KEY } from '../../src/keys/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import { fixture } from '../support/fixtures.js';

/** Writes the files of a store below `location`; gives their names. */
export function unpackStore(name: string, location: string): string[] {
  const packed = brotliDecompressSync(readFileSync(fixture('stores-1580faa', `${name}.files.br`)));
  const head = packed.indexOf('\n');
  const files: [string, number][] = JSON.parse(packed.subarray(0, head).toString());
  let at = head + 1;
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(location, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(location, path), packed.subarray(at, at + bytes), { mode: 0o600 });
    at += bytes;
  }
  return files.map(([path]) => path);
}

/**
 * A store of format 1 that was created, by a process that died before it wrote the witness; with
 * `inner`, as a step from format 0 left it.
 */
export async function makeEmptyStore(location: string, inner?: Uint8Array): Promise<void> {
  const store = new Uint8Array(16).fill(7);
  const record = inner === undefined ? undefined : encodeRecord(INNER_KEY, inner);
  const tip = { store, seq: 0n, anchor: null, inner: record?.crc ?? null, qc: [0n, 0n, 0n], lanes: [] };
  const schema = { format: 1, model: autobahn.name, store, createdAt: '2026-01-01T00:00:00.000Z' };
  mkdirSync(location, { recursive: true });
  const db = await openDatabase(join(location, 'level'), {}, true);
  await new Engine(db).write([
    { type: 'put', key: TIP_KEY, value: encodeRecord(TIP_KEY, tip).bytes },
    { type: 'put', key: SCHEMA_KEY, value: encodeSchema(schema).bytes },
    ...(record === undefined ? [] : [{ type: 'put', key: INNER_KEY, value: record.bytes } as const]),
  ]);
  await db.close();
}
