/** Stores that an earlier build wrote: test/fixtures/stores-1580faa. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
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
